"""Where the objects are: content in files with random names, keys in an index. What `nanio` asks for its answers.

No key ever becomes a path, so no key reaches outside the folder. A file is written and synced before the index names
it, and nothing changes a file that is named: killed at any moment, each key means its old content or its new one.
"""

import asyncio
import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from nanio.errors import BucketAlreadyOwnedByYou, NoSuchBucket, NoSuchKey
from nanio.storage.backend import BucketInfo, GetObjectResult, ListResult, ObjectInfo

from backend.core.embedded.s3.errors import denied, refusal
from backend.core.embedded.s3.queries import Entry, Index

ONLY_IF_ABSENT: ContextVar[bool] = ContextVar("only_if_absent", default=False)
"""Whether the request being answered may not replace anything (`If-None-Match: *`)."""

_PIECE = 256 * 1024
_LONGEST_KEY = 1024
_NOT_IN_KEYS = re.compile("[\x00-\x1f\x7f\ufffe\uffff\U0010ffff]")  # XML can't say them; the last is the end of all
_HEADERS = ("user_metadata", "content_encoding", "content_disposition", "cache_control")


class Shelf:
    """The objects of one bucket in one folder. One process at a time uses a folder."""

    def __init__(self, folder: Path, bucket: str) -> None:
        self._files = folder / "objects"
        self._files.mkdir(mode=0o700, exist_ok=True)
        self._index = Index(folder / "index.sqlite")
        self._bucket = BucketInfo(name=bucket, created=datetime.fromtimestamp(folder.stat().st_ctime, tz=UTC))
        self._sweep()

    def create_bucket(self, bucket: str) -> BucketInfo:
        """There is one bucket, from the start."""
        if bucket != self._bucket.name:
            raise denied("This storage has one bucket.")
        raise BucketAlreadyOwnedByYou(resource=bucket)

    def head_bucket(self, bucket: str) -> BucketInfo:
        """The bucket, if that is its name."""
        if bucket != self._bucket.name:
            raise NoSuchBucket(resource=bucket)
        return self._bucket

    async def put_object(
        self,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        *,
        content_type: str = "application/octet-stream",
        expected_md5: str | None = None,
        **headers: str | Mapping[str, str] | None,
    ) -> ObjectInfo:
        """Store what `body` yields; durable when this returns."""
        self.head_bucket(bucket)
        check_key(key)
        file = uuid4().hex
        path = self._path(file)
        try:
            size, md5 = await self._write(path, body)
            if expected_md5 is not None and _hexadecimal(expected_md5) != md5:
                raise refusal(400, "BadDigest", "The content has another MD5 than Content-MD5 says.")
            modified = datetime.now(UTC).timestamp()
            entry = Entry(key, file, size, f'"{md5}"', modified, content_type, json.dumps(headers))
            stored, before = await asyncio.to_thread(self._index.put, entry, ONLY_IF_ABSENT.get())
            if not stored:
                raise refusal(412, "PreconditionFailed", "There is an object with this key.")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if before:
            self._path(before).unlink(missing_ok=True)
        return _described(entry)

    def head_object(self, bucket: str, key: str) -> ObjectInfo:
        """What the object is like."""
        return _described(self._entry(bucket, key))

    async def get_object(
        self, bucket: str, key: str, *, range_start: int | None = None, range_end: int | None = None
    ) -> GetObjectResult:
        """The object, or the part of it from `range_start` to `range_end`, both included."""
        while True:
            entry = self._entry(bucket, key)
            try:
                content = self._path(entry.file).open("rb", buffering=0)
                break
            except FileNotFoundError:
                if self._entry(bucket, key).file == entry.file:  # not replaced in between: somebody deleted the file
                    raise
        if range_start is None:
            return GetObjectResult(info=_described(entry), body=_pieces(content, 0, entry.size))
        last = entry.size - 1 if range_end is None else min(range_end, entry.size - 1)
        if range_start > last:
            content.close()
            raise refusal(416, "InvalidRange", "The range isn't in the object.")
        pieces = _pieces(content, range_start, last - range_start + 1)
        return GetObjectResult(info=_described(entry), body=pieces, range_start=range_start, range_end=last)

    def delete_object(self, bucket: str, key: str) -> None:
        """Forget the object, if it is there."""
        self.head_bucket(bucket)
        file = self._index.delete(key)
        if file:
            self._path(file).unlink(missing_ok=True)

    async def copy_object(self, src_bucket: str, src_key: str, dst_bucket: str, dst_key: str) -> ObjectInfo:
        """Store the source's content and headers under the target's key."""
        source = await self.get_object(src_bucket, src_key)
        headers = {name: getattr(source.info, name) for name in ("content_type", *_HEADERS)}
        return await self.put_object(dst_bucket, dst_key, source.body, **headers)

    def list_objects(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str | None = None,
        max_keys: int = 1000,
        continuation_token: str | None = None,
        start_after: str | None = None,
    ) -> ListResult:
        """One page of objects and, with a delimiter, of the prefixes that stand for many; sorted by their bytes."""
        self.head_bucket(bucket)
        place = _place(continuation_token) if continuation_token else start_after or ""
        contents: list[ObjectInfo] = []
        prefixes: list[str] = []
        while len(contents) + len(prefixes) < max_keys:
            entries = self._index.after(place, prefix, 1 if delimiter else max_keys)
            for entry in entries:
                end = entry.key.find(delimiter, len(prefix)) if delimiter else -1
                if end < 0:
                    contents.append(_described(entry))
                    place = entry.key
                else:
                    prefixes.append(entry.key[: end + len(delimiter or "")])
                    place = prefixes[-1] + "\U0010ffff"
            if not entries or not delimiter:
                break
        more = bool(max_keys and self._index.after(place, prefix, 1))
        return ListResult(contents, prefixes, more, _token(place) if more else None)

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    def _entry(self, bucket: str, key: str) -> Entry:
        self.head_bucket(bucket)
        entry = self._index.get(key)
        if entry is None:
            raise NoSuchKey()
        return entry

    def _path(self, file: str) -> Path:
        return self._files / file[:2] / file

    async def _write(self, path: Path, body: AsyncIterator[bytes]) -> tuple[int, str]:
        """Write a new file and sync it; returns its size and MD5."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as content:
            async for piece in body:
                await asyncio.to_thread(_add, content, digest, piece)
                size += len(piece)
            await asyncio.to_thread(_sync, content, path.parent)
        return size, digest.hexdigest()

    def _sweep(self) -> None:
        """Delete files that no key means: left by writes that were killed before the index knew."""
        known = self._index.files()
        for path in self._files.glob("*/*"):
            if path.name not in known:
                path.unlink()


def check_key(key: str) -> None:
    """Raise for a key that S3 refuses, too."""
    if not 0 < len(key.encode()) <= _LONGEST_KEY:
        raise refusal(400, "KeyTooLongError", "A key has 1 to 1024 bytes.")
    if _NOT_IN_KEYS.search(key):
        raise refusal(400, "InvalidArgument", "A key has no control characters.")


def _add(content: BinaryIO, digest: Any, piece: bytes) -> None:
    digest.update(piece)
    content.write(piece)


def _sync(content: BinaryIO, folder: Path) -> None:
    content.flush()
    os.fsync(content.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


async def _pieces(content: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    with content:
        content.seek(start)
        while length > 0:
            piece = await asyncio.to_thread(content.read, min(_PIECE, length))
            if not piece:
                raise OSError("a file of the storage is shorter than its index says")
            length -= len(piece)
            yield piece


def _described(entry: Entry) -> ObjectInfo:
    modified = datetime.fromtimestamp(entry.modified, tz=UTC)
    return ObjectInfo(entry.key, entry.size, entry.etag, modified, entry.content_type, **json.loads(entry.headers))


def _hexadecimal(md5: str) -> str:
    try:
        digest = base64.b64decode(md5, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise refusal(400, "InvalidDigest", "Content-MD5 isn't valid.")
    return digest.hex()


def _token(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode()


def _place(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (ValueError, UnicodeError):
        raise refusal(400, "InvalidArgument", "The continuation token isn't valid.") from None
