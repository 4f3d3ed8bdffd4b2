"""Objects: files kept in S3 or in the embedded storage, which speaks the same protocol.

`boto3` signs, `obstore` moves data; nothing else in Stoa imports either. Keys are paths in one bucket, such as
`artifacts/<id>/book.zip`; whoever calls decides who may read what, and keeps people's file names out of keys.
"""

from backend.storage.bucket import ensure_bucket, ping_storage
from backend.storage.errors import AlreadyThere, NotThere, Refused, StorageUnavailable
from backend.storage.keys import check_key
from backend.storage.objects import (
    StoredObject,
    copy,
    delete,
    get_bytes,
    head,
    list,
    put_bytes,
    put_stream,
    stream,
)
from backend.storage.signing import SignedPost, signed_get, signed_post

__all__ = [
    "AlreadyThere",
    "NotThere",
    "Refused",
    "SignedPost",
    "StorageUnavailable",
    "StoredObject",
    "check_key",
    "copy",
    "delete",
    "ensure_bucket",
    "get_bytes",
    "head",
    "list",
    "ping_storage",
    "put_bytes",
    "put_stream",
    "signed_get",
    "signed_post",
    "stream",
]
