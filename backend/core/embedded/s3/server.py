"""The process of the embedded storage: `python -m backend.core.embedded.s3.server`, configured through stdin.

It listens on a socket that its parent opened, so no other program can answer in its place.
"""

import json
import socket
import sys
from pathlib import Path

import uvicorn
from nanio.auth.credentials import StaticCredentialResolver
from nanio.config import Settings
from nanio.errors import S3Error
from nanio.handlers import build_routes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from backend.core.embedded.processes import watch_parent
from backend.core.embedded.s3.configuration import Configuration
from backend.core.embedded.s3.gate import Gate
from backend.core.embedded.s3.shelf import Shelf
from backend.core.embedded.s3.signatures import Keeper
from backend.core.embedded.s3.uploads import Uploads

_GRACE = 3  # seconds that requests get to finish by themselves


def build(configuration: Configuration) -> Gate:
    """The application. Whoever calls it owns the folder: nobody else may write there."""
    folder = Path(configuration.folder)
    shelf = Shelf(folder, configuration.bucket)
    keys = {configuration.access_key: configuration.secret_key}
    inner = Starlette(routes=build_routes(), exception_handlers={S3Error: _tell})
    inner.state.storage = shelf
    inner.state.settings = Settings(
        data_dir=folder / "uploads", region=configuration.region, credentials=StaticCredentialResolver(keys)
    )
    return Gate(
        inner=inner,
        bucket=configuration.bucket,
        keeper=Keeper(configuration.access_key, configuration.secret_key, configuration.region),
        shelf=shelf,
        uploads=Uploads(folder / "uploads", configuration.bucket, shelf),
        origins=frozenset(configuration.origins),
    )


def main() -> None:
    """Serve until SIGTERM, or until the parent is gone."""
    configuration = Configuration(**json.load(sys.stdin))
    watch_parent(configuration.parent)
    server = uvicorn.Server(
        uvicorn.Config(
            build(configuration),
            loop="uvloop",
            http="h11",  # the strictest reader of what is ambiguous
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE,
        )
    )
    server.run([socket.socket(fileno=configuration.socket)])


async def _tell(_request: Request, error: Exception) -> Response:
    assert isinstance(error, S3Error)
    return Response(error.to_xml(), error.http_status, media_type="application/xml")


if __name__ == "__main__":
    main()
