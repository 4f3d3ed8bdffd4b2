"""Refusals in S3's own words."""

from nanio.errors import S3Error


def refusal(status: int, code: str, message: str) -> S3Error:
    """An error that `nanio` writes as S3 would."""
    error = S3Error(message)
    error.http_status, error.code = status, code
    return error


def denied(message: str) -> S3Error:
    """403: not signed, or not by us, or for something else."""
    return refusal(403, "AccessDenied", message)


def invalid(message: str) -> S3Error:
    """400: nothing that a client of S3 sends."""
    return refusal(400, "InvalidRequest", message)


def unsupported(message: str) -> S3Error:
    """501: S3 has it, we don't; ignoring it would mean something else."""
    return refusal(501, "NotImplemented", message)
