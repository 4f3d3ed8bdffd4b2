"""Signature version 4 of AWS: whether a request was signed with our key, for this region, now, and all of it.

`nanio` computes; what its own check doesn't ask is asked here: region, service and day of the credential, every
header that means something, every parameter, and the hash of the body that really comes.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nanio.auth.sigv4 import (
    ALGORITHM,
    UNSIGNED_PAYLOAD,
    build_string_to_sign,
    compute_signature,
    derive_signing_key,
    parse_amz_date,
    parse_authorization_header,
)

from backend.core.embedded.s3.errors import denied, invalid, refusal, unsupported
from backend.core.embedded.s3.requests import Sent

SKEW = timedelta(minutes=15)
LONGEST_EXPIRY = 7 * 24 * 3600
_MEANINGFUL = ("x-amz-", "content-", "if-", "range", "cache-control", "host")
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Whose signatures count."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def check_header(self, sent: Sent) -> str:
        """Check the Authorization header; returns the SHA-256 that the body must have."""
        parts = parse_authorization_header(sent.headers["authorization"])
        moment = sent.headers.get("x-amz-date", "")
        payload = sent.headers.get("x-amz-content-sha256", "")
        if not _SHA256.fullmatch(payload):
            raise unsupported("The body's SHA-256 must be signed.")
        if abs(datetime.now(UTC) - _moment(moment)) > SKEW:
            raise refusal(403, "RequestTimeTooSkewed", "The request's time is too far from ours.")
        for name in sent.headers:
            if name.startswith(_MEANINGFUL) and name != "content-length" and name not in parts.signed_headers:
                raise denied(f"The header {name} isn't signed.")
        credential = f"{parts.access_key}/{parts.credential_scope}"
        self._check(sent, credential, moment, parts.signed_headers, payload, parts.signature)
        return payload

    def check_query(self, sent: Sent) -> None:
        """Check a signed address."""
        if sent.method not in ("GET", "HEAD"):
            raise denied("Signed addresses only read; uploads are signed forms.")
        query = sent.query
        try:
            moment, expires = query["X-Amz-Date"], query["X-Amz-Expires"]
            credential, signed = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"].split(";")
        except KeyError as missing:
            raise invalid(f"{missing.args[0]} is missing.") from None
        if query.get("X-Amz-Algorithm") != ALGORITHM:
            raise invalid(f"The algorithm must be {ALGORITHM}.")
        if not re.fullmatch("[0-9]{1,6}", expires) or not 0 < int(expires) <= LONGEST_EXPIRY:
            raise invalid("X-Amz-Expires must be 1 to 604800.")
        age = datetime.now(UTC) - _moment(moment)
        if age > timedelta(seconds=int(expires)) or age < -SKEW:
            raise denied("The address has expired.")
        for name in sent.headers:
            if name.startswith("x-amz-") and name not in signed:
                raise denied(f"The header {name} isn't signed.")
        self._check(sent, credential, moment, signed, UNSIGNED_PAYLOAD, query["X-Amz-Signature"])

    def check_policy(self, fields: Mapping[str, str]) -> None:
        """Check the signature of an upload form's policy."""
        if fields.get("x-amz-algorithm") != ALGORITHM:
            raise invalid(f"The algorithm must be {ALGORITHM}.")
        moment = fields.get("x-amz-date", "")
        if _moment(moment) - datetime.now(UTC) > SKEW:
            raise denied("The form is from the future.")
        key = self._signing_key(fields.get("x-amz-credential", ""), moment)
        _compare(compute_signature(key, fields["policy"]), fields.get("x-amz-signature", ""))

    def _check(
        self, sent: Sent, credential: str, moment: str, signed_headers: list[str], payload: str, signature: str
    ) -> None:
        if "host" not in signed_headers or sorted(set(signed_headers)) != signed_headers:
            raise denied("SignedHeaders must be sorted and name the host.")
        key = self._signing_key(credential, moment)
        text = build_string_to_sign(
            amz_date=moment,
            credential_scope=credential.partition("/")[2],
            canonical_request=sent.canonical(signed_headers, payload),
        )
        _compare(compute_signature(key, text), signature)

    def _signing_key(self, credential: str, moment: str) -> bytes:
        """The key of that day. Raises unless the credential is ours, for our region and for that day."""
        ours = f"{self.access_key}/{moment[:8]}/{self.region}/s3/aws4_request"
        if not hmac.compare_digest(credential.encode(), ours.encode()):
            raise refusal(403, "InvalidAccessKeyId", "The credential isn't for this storage, region and day.")
        key: bytes = derive_signing_key(self.secret_key, date=moment[:8], region=self.region)
        return key


def _moment(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text):
        raise invalid("X-Amz-Date is missing or isn't a time.")
    moment: datetime = parse_amz_date(text)
    return moment


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise refusal(403, "SignatureDoesNotMatch", "The signature doesn't match.")
