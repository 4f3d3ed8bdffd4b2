"""Putting, getting, copying, listing and deleting objects."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import obstore

from backend.storage.connection import mover, told
from backend.storage.errors import Refused
from backend.storage.keys import check_content_type, check_key, check_prefix

PART = 5 * 1024 * 1024
"""Bytes of a part of a multipart upload, S3's smallest; what `put_stream` holds in memory is a few of them."""
CHUNK = 256 * 1024
"""Bytes that `stream` yields at least, the last time apart."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the storage describes it. `etag` changes with the content; `content_type` only `head` knows."""

    key: str
    size: int
    modified: datetime
    etag: str | None
    content_type: str | None = None


async def put_bytes(key: str, data: bytes, content_type: str, *, replace: bool = True) -> None:
    """Store `data`; acknowledged means durable. Raises `AlreadyThere` if something is there and may not be replaced."""
    attributes = {"Content-Type": check_content_type(content_type)}
    with told(key):
        await obstore.put_async(
            mover(),
            check_key(key),
            data,
            attributes=attributes,
            mode="overwrite" if replace else "create",
            use_multipart=False,
        )


async def put_stream(key: str, chunks: AsyncIterator[bytes], content_type: str) -> None:
    """Store what `chunks` yields, of any length, in bounded memory.

    The object appears whole at the end. When `chunks` raises, that error comes out and nothing is stored.
    """
    attributes = {"Content-Type": check_content_type(content_type)}
    with told(key):
        await obstore.put_async(
            mover(), check_key(key), chunks, attributes=attributes, chunk_size=PART, max_concurrency=2
        )


async def get_bytes(key: str, max_bytes: int) -> bytes:
    """The whole object. Raises `NotThere`, and `Refused` before reading one of more than `max_bytes`."""
    with told(key):
        found = await obstore.get_async(mover(), check_key(key))
        if found.meta["size"] > max_bytes:
            raise Refused(f"This file has {found.meta['size']:,} bytes; at most {max_bytes:,} can be read at once.")
        return bytes(await found.bytes_async())


async def stream(key: str) -> AsyncIterator[bytes]:
    """The object in pieces. Raises `NotThere` at the first, and `StorageUnavailable` if the rest doesn't come."""
    with told(key):
        found = await obstore.get_async(mover(), check_key(key))
        async for piece in found.stream(min_chunk_size=CHUNK):
            yield bytes(piece)


async def head(key: str) -> StoredObject:
    """What the storage knows about the object. Raises `NotThere`."""
    with told(key):
        found = await obstore.get_async(mover(), check_key(key), options={"head": True})
    meta = found.meta
    return StoredObject(key, meta["size"], meta["last_modified"], meta["e_tag"], found.attributes.get("Content-Type"))


async def copy(source: str, target: str) -> None:
    """Copy inside the storage, content type included, replacing what `target` was. Raises `NotThere`."""
    with told(source):
        await obstore.copy_async(mover(), check_key(source), check_key(target))


async def delete(key: str) -> None:
    """Delete the object, if it is there."""
    with told(key):
        await obstore.delete_async(mover(), check_key(key))


async def list(prefix: str = "") -> AsyncIterator[StoredObject]:
    """Every object whose key starts with `prefix`, which is empty or ends with a slash; page after page."""
    with told(prefix):
        async for page in obstore.list(mover(), check_prefix(prefix).removesuffix("/") or None):
            for meta in page:
                yield StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])
