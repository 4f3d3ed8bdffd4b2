"""Programs that mean harm get the verdict they deserve, and the next honest program finds the box as new."""

import platform

import pytest

from backend.sandbox import Box, Verdict, verdict_of
from tests.hostile.sandbox.programs import PRELUDE, PROGRAMS, Program
from tests.support.boxes import python

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="some programs name system calls of x86-64"),
]

HONEST = python("""
    import os
    print(os.listdir("."), os.listdir("/tmp"), sum(name.isdigit() for name in os.listdir("/proc")))
    print([each for each in (".", "/tmp") if os.stat(each).st_atime > 2**32 or os.listxattr(each)])
""")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_it_gets_its_verdict_and_leaves_nothing(box: Box, hasty: Box, program: Program) -> None:
    box = hasty if program.verdict is Verdict.TIME_LIMIT else box
    outcome = await box.run(python(PRELUDE + program.source, collect=program.collect))
    assert verdict_of(outcome) in (program.verdict, *program.verdicts), (outcome.stdout[-300:], outcome.stderr[-900:])
    if program.said is not None:
        assert outcome.stdout.decode().strip() == program.said
    assert b"done" not in outcome.stdout
    assert tuple(outcome.refused_files.values()) == program.refused
    assert outcome.files == {}
    assert (await box.run(HONEST)).stdout == b"['main.py'] [] 2\n[]\n"
