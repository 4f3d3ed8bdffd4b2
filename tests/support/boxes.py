"""Programs for the sandbox, and a short way to run them."""

import textwrap

from backend.sandbox import Box, Command, Limits, Outcome

QUICK = Limits(wall_seconds=2.0, cpu_seconds=1.0)


def python(source: str, stdin: bytes = b"", collect: tuple[str, ...] = (), **files: bytes) -> Command:
    """`source` as a program of one file."""
    named = {name.replace("_", "."): content for name, content in files.items()}
    text = textwrap.dedent(source).encode()
    return Command(("python3", "main.py"), {"main.py": text} | named, stdin, collect)


async def ran(box: Box, source: str) -> Outcome:
    """How `source` went."""
    return await box.run(python(source))
