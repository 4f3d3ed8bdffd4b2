"""Which keys an object may have: those that every S3 service, every client and every log treats alike."""

import re
import unicodedata

from backend.storage.errors import Refused

LONGEST = 1024
"""Bytes of UTF-8, S3's limit."""

_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(; ?charset=[\w-]{1,40})?", re.ASCII)


def check_key(key: str) -> str:
    """`key` itself. Raises `Refused` for one that is empty, too long, unprintable or has segments like `..`.

    S3 stores `a/../b` as it is, while HTTP clients on the way turn it into `b`: such keys have no sure meaning.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise Refused("A storage key is text without lone surrogates.") from None
    if not 0 < length <= LONGEST:
        raise Refused(f"A storage key has 1 to {LONGEST} bytes.")
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise Refused("A storage key has no empty segment and none of `.` or `..`.")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") for character in key):
        raise Refused("A storage key has printable characters only.")
    return key


def check_prefix(prefix: str) -> str:
    """`prefix` itself: the start of keys, up to a slash, or empty for all. Raises `Refused`."""
    if prefix:
        check_key(prefix.removesuffix("/"))
        if not prefix.endswith("/"):
            raise Refused("A prefix ends with a slash.")
    return prefix


def check_content_type(content_type: str) -> str:
    """`content_type` itself. Raises `Refused` when it is none, so that nothing else gets into a header."""
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise Refused("A content type looks like `text/plain`.")
    return content_type
