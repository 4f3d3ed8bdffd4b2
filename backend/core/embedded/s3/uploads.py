"""Objects that come in parts. `nanio` keeps the parts in files; they are put together on the shelf."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from nanio.errors import InvalidPart, InvalidPartOrder, MalformedXML, NoSuchUpload, S3Error
from nanio.handlers._body import parse_xml_safely
from nanio.storage.backend import ObjectInfo
from nanio.storage.multipart import MultipartManager
from nanio.storage.paths import multipart_part_path

from backend.core.embedded.s3.requests import Sent
from backend.core.embedded.s3.shelf import Shelf

_FORGOTTEN = 24 * 3600
"""Seconds after which an upload that nobody finished is deleted, at the next start."""
_ID = re.compile("[A-Za-z0-9_-]{32}")
_PIECE = 256 * 1024


class Uploads:
    """The uploads in parts that aren't finished, in the folder that `nanio` is given."""

    def __init__(self, folder: Path, bucket: str, shelf: Shelf) -> None:
        (folder / bucket).mkdir(mode=0o700, parents=True, exist_ok=True)  # nanio looks whether the bucket is a folder
        self._folder = folder
        self._shelf = shelf
        self._manager = MultipartManager(folder)
        self._manager.gc_abandoned_uploads(max_age_seconds=_FORGOTTEN)

    def check(self, sent: Sent) -> None:
        """Raise unless the upload that the request names was begun for the request's key."""
        upload = sent.query["uploadId"]
        if not _ID.fullmatch(upload):
            raise NoSuchUpload()
        begun = self._manager.load_init(upload)
        if (begun.bucket, begun.key) != (sent.bucket, sent.key):
            raise NoSuchUpload()

    async def complete(self, sent: Sent, wanted: bytes) -> ObjectInfo:
        """Store the parts that the XML `wanted` lists as one object, and forget the upload."""
        upload = sent.query["uploadId"]
        begun = self._manager.load_init(upload)
        found = {part.part_number: part.etag.strip('"') for part in self._manager.list_parts(upload)}
        numbers = []
        for number, etag in _listed(wanted):
            if found.get(number) != etag:
                raise InvalidPart()
            numbers.append(number)
        if not numbers or sorted(set(numbers)) != numbers:
            raise InvalidPartOrder()
        stored = await self._shelf.put_object(
            begun.bucket,
            begun.key,
            self._joined(upload, {number: found[number] for number in numbers}),
            content_type=begun.content_type,
            user_metadata=dict(begun.user_metadata),
            content_encoding=begun.content_encoding,
            content_disposition=begun.content_disposition,
            cache_control=begun.cache_control,
        )
        self._manager.abort(upload)
        return stored

    async def _joined(self, upload: str, parts: dict[int, str]) -> AsyncIterator[bytes]:
        """The parts' bytes. A part that two requests wrote at once isn't what either was told: it is refused."""
        for number, etag in parts.items():
            digest = hashlib.md5(usedforsecurity=False)
            with multipart_part_path(self._folder, upload, number).open("rb") as content:
                while piece := content.read(_PIECE):
                    digest.update(piece)
                    yield piece
            if digest.hexdigest() != etag:
                raise InvalidPart()


def _listed(xml: bytes) -> list[tuple[int, str]]:
    """The parts' numbers and etags, as CompleteMultipartUpload lists them."""
    listed = []
    for part in parse_xml_safely(xml):
        values = {child.tag.rpartition("}")[2]: child.text or "" for child in part}
        try:
            listed.append((int(values["PartNumber"]), values["ETag"].strip('"')))
        except (KeyError, ValueError):
            raise _malformed() from None
    return listed


def _malformed() -> S3Error:
    error: S3Error = MalformedXML("A part needs its PartNumber and its ETag.")
    return error
