"""The process that builds the pages: `python -m backend.core.embedded.build_frontend PARENT_PID` in a staged folder.

Its parent set the environment (frontend.reflex_environment). It leads a process group, because Reflex starts bun, and
bun starts the bundler: when the parent is gone, the whole group ends.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType


def main() -> None:
    """Install the npm packages and export the pages into REFLEX_WEB_WORKDIR."""
    parent = int(sys.argv[1])
    signal.signal(signal.SIGTERM, _end_group)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    sys.path.insert(0, str(Path.cwd()))

    from reflex.constants import CompileContext
    from reflex.environment import environment
    from reflex.utils import export, prerequisites

    environment.REFLEX_COMPILE_CONTEXT.set(CompileContext.EXPORT)
    prerequisites.initialize_reflex_user_directory()  # type: ignore[no-untyped-call]
    prerequisites.initialize_frontend_dependencies()  # type: ignore[no-untyped-call]
    export.export(zipping=False, frontend=True, backend=False)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    _end_group()


def _end_group(_signal: int = 0, _frame: FrameType | None = None) -> None:
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
