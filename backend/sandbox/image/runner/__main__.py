"""Serve commands until the host hangs up.

What a program could do to this process, and why it can't: read its memory or write to its descriptors through
`/proc/1` (it isn't dumpable, so `/proc/1` belongs to root); signal it (the first process of a namespace is spared
every signal it has no handler for, and it has none); leave something running or lying about (after each command
every other process is killed, and both folders are emptied). gVisor protects neither `/proc/1/fd` nor the first process
from signals: there a program can break its run, but not forge an answer, which must carry the request's secret `id`.
"""

import ctypes
import os
import signal
from typing import Any

from . import folders, frames
from .programs import run_program

PR_SET_DUMPABLE = 4


def main() -> None:
    """Take over the attached streams, say that we are ready, and answer requests."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0o077)
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    frames.write(answers, {"ready": True})
    while (request := frames.read(requests)) is not None:
        frames.write(answers, _answer(request))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    folders.put(request["files"])
    answer = run_program(request)
    files, refused = folders.collect(request["collect"], request["collect_max"])
    folders.wipe()
    return {"id": request["id"], "files": files, "refused_files": refused, **answer}


main()
