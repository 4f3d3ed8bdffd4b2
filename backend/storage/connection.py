"""How this process reaches the storage that the settings name: `obstore` moves data, `boto3` signs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from backend.core.settings import get_settings
from backend.storage.errors import AlreadyThere, NotThere, StorageUnavailable

log = structlog.get_logger(__name__)

CONNECT = timedelta(seconds=3)
SILENCE = timedelta(seconds=20)
"""Longest wait for the next piece of an answer."""
WHOLE = timedelta(minutes=30)
"""Longest transfer of one object or one part."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and how to reach it; `public` is the service's address as browsers know it."""

    endpoint: str
    public: str
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def place() -> Place:
    """The storage that the settings name. Raises `StorageUnavailable` when they name none."""
    settings = get_settings()
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if settings.s3_endpoint is None or key is None or secret is None:
        raise StorageUnavailable("No file storage is running. Start Stoa with `make run` or set S3_ENDPOINT.")
    return Place(
        settings.s3_endpoint,
        settings.s3_public_endpoint or settings.s3_endpoint,
        settings.s3_bucket,
        settings.aws_region,
        key,
        secret.get_secret_value(),
    )


def mover() -> S3Store:
    """This process's client for moving data."""
    return _mover(place())


def signer() -> Any:
    """This process's client for signing what browsers send to the public address; it sends nothing itself."""
    here = place()
    return _boto_client(here, here.public)


def caller() -> Any:
    """A blocking client for the few calls that `obstore` doesn't have."""
    here = place()
    return _boto_client(here, here.endpoint)


@contextmanager
def told(key: str = "") -> Iterator[None]:
    """Errors of the libraries inside become ours; their texts, which hold addresses, go to the log."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotThere from error
    except (AlreadyExistsError, PreconditionError) as error:
        raise AlreadyThere from error
    except (BaseError, BotoCoreError, ClientError) as error:
        log.warning("storage.unavailable", key=key, error=repr(error)[:500])
        raise StorageUnavailable from error


@lru_cache(maxsize=4)
def _mover(here: Place) -> S3Store:

    def credential() -> Any:
        return {"access_key_id": here.access_key, "secret_access_key": here.secret_key, "expires_at": None}

    _reach_directly(here.endpoint)
    return S3Store(
        here.bucket,
        endpoint=here.endpoint,
        region=here.region,
        # What the environment says beside our settings (AWS_SESSION_TOKEN, AWS_SKIP_SIGNATURE…) is for other programs.
        credential_provider=credential,
        skip_signature=False,
        unsigned_payload=False,
        request_payer=False,
        s3_express=False,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": urlsplit(here.endpoint).scheme == "http",
            "connect_timeout": CONNECT,
            "read_timeout": SILENCE,
            "timeout": WHOLE,
        },
        retry_config={
            "max_retries": 2,
            "retry_timeout": timedelta(seconds=10),
            "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=1), "base": 2},
        },
    )


@lru_cache(maxsize=8)
def _boto_client(here: Place, endpoint: str) -> Any:
    import boto3
    import botocore.session
    from botocore.config import Config

    _reach_directly(endpoint)
    nobodys = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    session = boto3.session.Session(botocore_session=botocore.session.Session(session_vars=nobodys))
    return session.client(
        "s3",
        endpoint_url=endpoint,
        region_name=here.region,
        aws_access_key_id=here.access_key,
        aws_secret_access_key=here.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT.total_seconds(),
            read_timeout=SILENCE.total_seconds(),
            retries={"total_max_attempts": 2},
        ),
    )


def _reach_directly(endpoint: str) -> None:
    """Proxies that the environment names are for the world outside, not for this machine."""
    host = urlsplit(endpoint).hostname
    if host in ("127.0.0.1", "localhost", "::1"):
        for name in ("NO_PROXY", "no_proxy"):
            known = os.environ.get(name, "")
            if host not in known.split(","):
                os.environ[name] = f"{known},{host}".strip(",")
