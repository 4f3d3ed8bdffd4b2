"""Which requests are answered. S3 has hundreds more: to answer `PUT /key?acl` as if `?acl` weren't there, as `nanio`
does, would replace the object with its access list.
"""

from dataclasses import dataclass

from backend.core.embedded.s3.errors import unsupported
from backend.core.embedded.s3.requests import Sent

SIGNATURE = frozenset(
    {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"}
)
PINNED = {
    "response-content-type": "content-type",
    "response-content-disposition": "content-disposition",
    "response-cache-control": "cache-control",
}
"""Parameters of a signed address that set a header of the answer."""
_ANYWHERE = SIGNATURE | {"x-id"}
_PAGE = frozenset({"prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type"})
_HEADERS = frozenset(
    {"x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-copy-source", "x-amz-metadata-directive"}
)
_HEADER_FAMILIES = ("x-amz-meta-", "x-amz-checksum-", "x-amz-sdk-checksum-")


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    on_object: bool
    needs: frozenset[str] = frozenset()
    may_have: frozenset[str] = frozenset()

    def is_meant_by(self, sent: Sent) -> bool:
        names = sent.query.keys() - _ANYWHERE
        return (
            (self.method, self.on_object) == (sent.method, bool(sent.key))
            and names >= self.needs
            and names <= self.needs | self.may_have
        )


_OPERATIONS = (
    _Operation("HEAD", on_object=False),
    _Operation("PUT", on_object=False),
    _Operation("GET", on_object=False, needs=frozenset({"list-type"}), may_have=_PAGE),
    _Operation("GET", on_object=False, needs=frozenset({"location"})),
    _Operation("POST", on_object=False, needs=frozenset({"delete"})),
    _Operation("GET", on_object=True, may_have=frozenset(PINNED)),
    _Operation("HEAD", on_object=True, may_have=frozenset(PINNED)),
    _Operation("PUT", on_object=True),
    _Operation("DELETE", on_object=True),
    _Operation("POST", on_object=True, needs=frozenset({"uploads"})),
    _Operation("PUT", on_object=True, needs=frozenset({"uploadId", "partNumber"})),
    _Operation("GET", on_object=True, needs=frozenset({"uploadId"})),
    _Operation("POST", on_object=True, needs=frozenset({"uploadId"})),
    _Operation("DELETE", on_object=True, needs=frozenset({"uploadId"})),
)


def check_understood(sent: Sent) -> None:
    """Raise S3's 501 unless everything that the request says has a meaning here."""
    if not any(operation.is_meant_by(sent) for operation in _OPERATIONS) or sent.query.get("list-type", "2") != "2":
        raise unsupported("This storage doesn't have this operation.")
    for name in sent.headers:
        if name.startswith("x-amz-") and name not in _HEADERS and not name.startswith(_HEADER_FAMILIES):
            raise unsupported(f"This storage doesn't know {name}.")
    if sent.headers.get("x-amz-metadata-directive", "COPY") != "COPY":
        raise unsupported("Copies keep their metadata here.")
    if "x-amz-copy-source" in sent.headers and (sent.method != "PUT" or "uploadId" in sent.query):
        raise unsupported("Only whole objects are copied here.")
    if sent.method in ("PUT", "POST") and ("if-match" in sent.headers or sent.headers.get("if-none-match", "*") != "*"):
        raise unsupported("The only condition of a write is If-None-Match: *.")
