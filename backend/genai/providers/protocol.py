"""What every provider offers."""

from collections.abc import AsyncGenerator
from typing import Protocol

from backend.genai.schemas import Prompt, ProviderEvent


class Provider(Protocol):
    """One registered model behind its wire. Safe for any number of answers at once."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Ask the model and yield its answer: `TextDelta` and `ToolCall`, then one `Usage`, then `Finished`.

        Adjacent pieces of text that arrived together are one `TextDelta`. Raises only the `CompletionError` family; a
        `Usage` comes before the error where the provider reported tokens for the failed answer. An answer that
        was cut raises `ProviderUnavailable`, it never just stops. Closing the generator, or cancelling the task that
        waits on it, closes the connection.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection pool. Answers still streaming fail with `ProviderUnavailable`."""
        ...
