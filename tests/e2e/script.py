"""What the replay server answers in chemistry-autumn: the last question's first word decides."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.replay import Received, Replay, Script
from tests.support.replay_answers import Answer, openai_answer, openai_error

COUNTED = " ".join(f"word{number}" for number in range(1, 121))
"""The answer to a question that begins with “count”: three seconds long, each word different."""

MARKDOWN = """Here is a table:

| element | symbol |
|---|---|
| oxygen | O |
| *iron* | Fe |

```python
def moles(mass, molar):
    return mass / molar
```

The amount is $n = m / M$ and so

$$N = n \\cdot N_A$$
"""

HOSTILE = """Look: <script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">

<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>

[a link](javascript:window.pwned=1) and `<b>code</b>`

Nothing happened."""

ENDLESS = [f"more{number} " for number in range(3000)]


def answer(request: Received) -> Answer:
    """The answer that the last question asks for."""
    question = request.json["messages"][-1]["content"]
    match re.findall(r"[a-z]*", question)[0]:
        case "count":
            return openai_answer(COUNTED).pace(40)
        case "endless":
            return openai_answer(ENDLESS).pace(20)
        case "markdown":
            return openai_answer(MARKDOWN).pace(60)
        case "hostile":
            return openai_answer(HOSTILE).pace(60)
        case "figures":
            return openai_answer("", tool_calls=[("call_1", "activity", "{}")], finish_reason="tool_calls")
        case "refuse":
            return openai_error(400, "Malformed: Incorrect API key sk-replay-0123456789abcdef (401)")
        case _:
            return openai_answer(f"You said: {question}")


class Served:
    """A replay server that runs in a thread of its own."""

    def __init__(self, script: Script) -> None:
        self._replay = Replay(script)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{self._replay.url}/v1"

    @property
    def asked(self) -> int:
        """Requests so far."""
        return len(self._replay.requests)

    def stop(self) -> None:
        """Hang up on everybody, and take nobody any more."""
        asyncio.run_coroutine_threadsafe(self._replay.stop(), self._loop).result()

    def __enter__(self) -> "Served":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._replay.start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def replaying() -> Iterator[str]:
    """The replay server of chemistry-autumn; yields its address."""
    with Served(answer) as served:
        yield served.url
