"""The container's first process: takes commands as frames on its standard input and answers on its standard output.

It has no other dependency than Python's standard library, and is run by the Python of the image.
"""
