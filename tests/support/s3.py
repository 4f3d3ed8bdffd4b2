"""Requests to an S3 service as its clients and its attackers send them, signed by botocore, byte by byte ours.

The services under test: the embedded one, or any other that TEST_S3_ENDPOINT and its fellows name.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

VARIABLES = {
    "S3_ENDPOINT": "TEST_S3_ENDPOINT",
    "S3_BUCKET": "TEST_S3_BUCKET",
    "AWS_ACCESS_KEY_ID": "TEST_S3_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY": "TEST_S3_SECRET_KEY",
    "AWS_REGION": "TEST_S3_REGION",
}


def outside() -> dict[str, str] | None:
    """The environment of the service that the person names; None: test the embedded one."""
    if "TEST_S3_ENDPOINT" not in os.environ:
        return None
    return {name: os.environ[given] for name, given in VARIABLES.items()}


@dataclass(frozen=True)
class Answer:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's word for the error, empty for none."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@dataclass(frozen=True)
class Wire:
    """A way to send one request. Whatever is changed after `signed` was not signed."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Wire":
        """To the service that these variables name."""
        return cls(*(environment[name] for name in VARIABLES))

    def to(self, method: str, key: str = "", query: str = "", body: bytes = b"", **headers: str) -> "Wire":
        """A request, not signed yet; underscores in the names of `headers` are dashes."""
        path = f"/{self.bucket}" + (f"/{quote(key, safe='/-_.~')}" if key else "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, method=method, path=path, query=query, body=body, headers=named)

    def signed(self, service: str = "s3") -> "Wire":
        """With an Authorization header."""
        request = AWSRequest(self.method, self._url, headers=dict(self.headers), data=self.body)
        S3SigV4Auth(Credentials(self.access_key, self.secret_key), service, self.region).add_auth(request)
        return replace(self, headers=dict(request.headers.items()))

    def presigned(self, seconds: int = 60) -> "Wire":
        """With the signature in the query."""
        request = AWSRequest(self.method, self._url, headers=dict(self.headers))
        S3SigV4QueryAuth(Credentials(self.access_key, self.secret_key), "s3", self.region, expires=seconds).add_auth(
            request
        )
        return replace(self, query=urlsplit(request.url).query)

    def with_headers(self, **headers: str | None) -> "Wire":
        """With these headers, added, changed or (None) left out."""
        changed = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in changed}
        return replace(self, headers=kept | {name: value for name, value in changed.items() if value is not None})

    def but(self, **parts: str | bytes) -> "Wire":
        """With another method, path, query or body."""
        return replace(self, **parts)  # type: ignore[arg-type]

    def send(self, *more_headers: tuple[str, str]) -> Answer:
        """Send it; `more_headers` may repeat a name."""
        address = urlsplit(self.endpoint)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.netloc, timeout=20)
        try:
            connection.putrequest(self.method, self._target, skip_host=self._names("host"), skip_accept_encoding=True)
            for name, value in (*self.headers.items(), *more_headers):
                connection.putheader(name, value.encode("latin-1"))
            if not self._names("content-length") and not self._names("transfer-encoding"):
                connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    @property
    def _target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def _url(self) -> str:
        return self.endpoint + self._target

    def _names(self, header: str) -> bool:
        return any(name.lower() == header for name in self.headers)


def form(fields: Mapping[str, str], file: bytes, *, last: str = "file", extra: str = "") -> tuple[bytes, str]:
    """The body and the content type of an upload form; `extra` goes in after the file as it is."""
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--limit\r\nContent-Disposition: form-data; name="{last}"; filename="x"\r\n\r\n'.encode()
    return b"".join(
        [*parts, head, file, b"\r\n", extra.encode(), b"--limit--\r\n"]
    ), "multipart/form-data; boundary=limit"
