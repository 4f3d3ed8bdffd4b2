"""What answers when no model is configured."""

import asyncio
import re
from collections.abc import AsyncGenerator

from backend.genai.errors import InvalidRequest
from backend.genai.schemas import Finished, FinishReason, Prompt, ProviderEvent, TextDelta, Usage

SENTENCE = (
    "No language model is configured yet, so I can't answer. Whoever runs this Stoa can set ANTHROPIC_API_KEY, "
    "OPENAI_API_KEY or OLLAMA_BASE_URL before its first start, or install the local model with `make setup`; "
    "an administrator can register a model at any time."
)

SECONDS_PER_WORD = 0.01
"""Slow enough to be seen streaming, fast enough not to bore."""


class NullProvider:
    """Streams `SENTENCE` word by word and costs nothing.

    Asked for structured output it raises `InvalidRequest`: no made-up object would be honest, and none would help.
    """

    def __init__(self, seconds_per_word: float = SECONDS_PER_WORD) -> None:
        self._pause = seconds_per_word

    async def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """See `Provider.stream`."""
        if prompt.response_schema is not None:
            raise InvalidRequest(
                "No language model is configured yet, so this can't be generated. Please tell your administrator.",
                detail="the null provider has no structured output",
            )
        for word in re.findall(r"\S+\s*", SENTENCE):
            yield TextDelta(word)
            await asyncio.sleep(self._pause)
        yield Usage(input_tokens=0, output_tokens=0)
        yield Finished(FinishReason.STOP)

    async def aclose(self) -> None:
        """Nothing is open."""
