"""The embedded object storage: an S3 service for one machine and one bucket, in a process of its own.

`nanio` speaks the protocol: routes, XML, errors. What it leaves open is closed on both sides of it: `gate` decides
which request comes in (its own check trusts hashes, regions, unsigned headers and parameters), and `shelf` keeps the
objects (its own folders lose keys between pages, tear overwritten objects when killed, and can't hold `a` and `a/b`).
"""
