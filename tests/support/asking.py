"""Questions from a process of their own: `python -m tests.support.asking 25` asks 25 at once and prints the outcomes.

It takes the database, Redis and the secret from the environment, as a second web process would.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence

from backend import genai
from backend.core.settings import PROJECT_ROOT
from backend.genai import CompletionError
from tests.support.genai import ask, routes


async def outcomes(count: int) -> list[str]:
    """Ask so many questions at once; for each the reason of its last route, or its error's code."""
    return list(await asyncio.gather(*(_outcome() for _ in range(count))))


async def elsewhere(count: int) -> Sequence[str]:
    """`outcomes` in another process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.asking", str(count), stdout=PIPE, cwd=PROJECT_ROOT
    )
    out, _ = await process.communicate()
    answers: list[str] = json.loads(out.splitlines()[-1])
    return answers


async def _outcome() -> str:
    try:
        return routes(await ask())[-1][1]
    except CompletionError as error:
        return error.code


async def _main() -> None:
    try:
        print(json.dumps(await outcomes(int(sys.argv[1]))))
    finally:
        await genai.close_providers()


if __name__ == "__main__":
    asyncio.run(_main())
