"""Signed addresses: what lets a browser fetch or send one object, for minutes, without passing through Stoa."""

import asyncio
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from backend.storage.connection import place, signer
from backend.storage.errors import Refused
from backend.storage.keys import check_content_type, check_key

LONGEST_NAME = 150
"""Characters of a file name that a download keeps."""


@dataclass(frozen=True, slots=True)
class SignedPost:
    """A form for one upload: the fields first, in any order, then the file as `file`."""

    url: str
    fields: dict[str, str]


async def signed_get(
    key: str, *, filename: str, content_type: str = "application/octet-stream", seconds: int = 300
) -> str:
    """An address that downloads the object as `filename`, for `seconds`.

    Always as an attachment and of the type named here, so that a browser never shows what somebody uploaded. It
    doesn't look whether the object is there.
    """
    parameters = {
        "Bucket": place().bucket,
        "Key": check_key(key),
        "ResponseContentDisposition": attachment(filename),
        "ResponseContentType": check_content_type(content_type),
    }
    url: str = await asyncio.to_thread(
        lambda: signer().generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
    )
    return url


async def signed_post(key: str, *, content_type: str, max_bytes: int, seconds: int = 600) -> SignedPost:
    """A form that uploads one object of exactly this key and type, of 1 to `max_bytes` bytes, within `seconds`."""
    if max_bytes < 1:
        raise Refused("An upload has at least one byte.")
    fields = {"Content-Type": check_content_type(content_type)}
    conditions = [fields, ["content-length-range", 1, max_bytes]]
    bucket = place().bucket
    made = await asyncio.to_thread(
        lambda: signer().generate_presigned_post(bucket, check_key(key), dict(fields), conditions, ExpiresIn=seconds)
    )
    return SignedPost(made["url"], made["fields"])


def attachment(filename: str) -> str:
    """The Content-Disposition of a download: the name in ASCII for old clients, and whole (RFC 6266)."""
    composed = unicodedata.normalize("NFC", filename)
    visible = "".join(each for each in " ".join(composed.split()) if each.isprintable() and each not in "/\\")
    name = visible.strip(" .")[:LONGEST_NAME] or "file"
    plain = "".join(character if character.isascii() and character not in '"%;' else "_" for character in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
