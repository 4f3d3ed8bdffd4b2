"""What the replay server answers in chemistry-autumn: the last question's first word decides."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.replay import Received, Replay
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
        case "refuse":
            return openai_error(401, "Incorrect API key provided")
        case _:
            return openai_answer(f"You said: {question}")


@contextmanager
def replaying() -> Iterator[str]:
    """The replay server in a thread; yields its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    replay = Replay(answer)
    asyncio.run_coroutine_threadsafe(replay.start(), loop).result()
    try:
        yield f"{replay.url}/v1"
    finally:
        asyncio.run_coroutine_threadsafe(replay.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
