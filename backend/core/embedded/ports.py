"""TCP ports on this machine."""

import errno
import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago; whoever uses it is ready to lose the race and ask again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def why_unusable(port: int, host: str) -> str | None:
    """Why a server can't listen on `port` of `host`, as a sentence with advice; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return _explain(error, port, host)
    return None


def _explain(error: OSError, port: int, host: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Stop that, or choose another with `stoa up --port N`."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root. Choose one above 1023 with `stoa up --port N`."
    return f"Stoa can't listen on {host}, port {port}: {error.strerror or error}."
