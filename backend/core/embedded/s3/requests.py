"""A request as it was sent, read strictly: whatever two readers could understand differently is refused here.

What is signed is then built from what was understood, so the check and the answer are about the same request.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from nanio.auth.sigv4 import build_canonical_request

from backend.core.embedded.s3.errors import invalid

_UNRESERVED = "-_.~"
_SINGLE = ("authorization", "content-", "host", "if-", "origin", "range", "transfer-encoding", "x-amz-")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request. `path` and `query` are decoded, `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def read(cls, scope: MutableMapping[str, Any]) -> "Sent":
        """The request of an ASGI scope. Raises S3's 400 for an ambiguous one."""
        return cls(scope["method"], _path(scope), _query(scope["query_string"]), _headers(scope["headers"]))

    @property
    def bucket(self) -> str:
        """The first segment of the path."""
        return self.path[1:].partition("/")[0]

    @property
    def key(self) -> str:
        """The rest of the path; empty when the request is about the bucket."""
        return self.path[1:].partition("/")[2]

    def canonical(self, signed_headers: list[str], payload_hash: str) -> str:
        """What a signature is about: the canonical request of AWS's signature version 4."""
        pairs = sorted((_quoted(name), _quoted(value)) for name, value in self.query.items())
        return str(
            build_canonical_request(
                method=self.method,
                path=self.path.replace("%", "%25"),  # it decodes what it is given, once more
                query="&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature"),
                headers=dict(self.headers),
                signed_headers=signed_headers,
                payload_hash=payload_hash,
            )
        )


def _path(scope: MutableMapping[str, Any]) -> str:
    try:
        path = unquote_to_bytes(scope["raw_path"]).decode()
    except UnicodeDecodeError:
        raise invalid("The path isn't UTF-8.") from None
    if path != scope["path"] or not path.startswith("/"):
        raise invalid("The path can be read in two ways.")
    return path


def _query(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in raw.split(b"&") if raw else ():
        name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")) for part in pair.partition(b"="))
        try:
            decoded = name.decode()
            if decoded in found or not decoded:
                raise invalid("A parameter stands twice in the query, or has no name.")
            found[decoded] = value.decode()
        except UnicodeDecodeError:
            raise invalid("The query isn't UTF-8.") from None
    return found


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw):
        if name in found and name.startswith(_SINGLE):
            raise invalid(f"The header {name} stands twice.")
        found[name] = value
    return found


def _quoted(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
