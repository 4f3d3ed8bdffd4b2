"""What goes into the container for a test: never what is expected of it."""

import json
from functools import lru_cache
from importlib.resources import files

from backend.courses.exercises import CallTest, ExerciseTest, PytestTest, StdioTest
from backend.courses.literals import parse_call
from backend.grading.container import wire
from backend.sandbox import Command

SOLUTION = "solution.py"
VALUE = "stoa_value.json"
CLAIMS = "stoa_claims.json"


def command_for(test: ExerciseTest, code: str) -> Command:
    """The program to run, with the student's `code` beside it."""
    if isinstance(test, StdioTest):
        return plain(code, test.stdin)
    return _call(test, code) if isinstance(test, CallTest) else _pytest(test, code)


def plain(code: str, stdin: str = "") -> Command:
    """`code` by itself."""
    return Command(("python3", SOLUTION), {SOLUTION: code.encode()}, stdin=stdin.encode())


def _call(test: CallTest, code: str) -> Command:
    call = parse_call(test.call)
    wanted = {"function": call.function, "args": wire.encode(list(call.args)), "kwargs": wire.encode(call.kwargs)}
    sent = {
        SOLUTION: code.encode(),
        "stoa_wire.py": _program("wire.py"),
        "stoa_call.py": _program("call.py"),
        "stoa_call.json": json.dumps(wanted).encode(),
    }
    return Command(("python3", "stoa_call.py"), sent, collect=(VALUE,))


def _pytest(test: PytestTest, code: str) -> Command:
    sent = {
        SOLUTION: code.encode(),
        "test_solution.py": test.file.encode(),
        "conftest.py": _program("claims.py"),
    }
    arguments = ("-q", "--tb=short", "-p", "no:cacheprovider", "test_solution.py")
    return Command(("python3", "-m", "pytest", *arguments), sent, collect=(CLAIMS,))


@lru_cache
def _program(name: str) -> bytes:
    return (files("backend.grading.container") / name).read_bytes()
