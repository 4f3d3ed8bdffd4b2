"""How many tokens a text has, roughly, for when a provider doesn't say."""

import json
from math import ceil

from backend.genai.schemas import (
    AssistantMessage,
    Message,
    Prompt,
    SystemMessage,
    ToolResult,
    Usage,
    UserMessage,
)

BYTES_PER_TOKEN = 4
"""OpenAI's rule of thumb for English is four characters a token. Counted in UTF-8 bytes it also comes near for
Cyrillic (half a token a letter) and Chinese (three quarters a character)."""

TOKENS_PER_MESSAGE = 4
"""What chat templates add around each message, after OpenAI's token-counting guide."""


def estimate_tokens(text: str) -> int:
    """The tokens of `text`, to within about a third for prose."""
    return ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def estimate_usage(prompt: Prompt, written: str, reasoning: str = "") -> Usage:
    """What `prompt` and the answer to it probably cost; `reasoning` is output that wasn't shown."""
    unseen = estimate_tokens(reasoning)
    return Usage(
        input_tokens=_prompt_tokens(prompt),
        output_tokens=estimate_tokens(written) + unseen,
        reasoning_tokens=unseen,
        estimated=True,
    )


def _prompt_tokens(prompt: Prompt) -> int:
    messages = sum(TOKENS_PER_MESSAGE + estimate_tokens(_text(message)) for message in prompt.messages)
    tools = sum(estimate_tokens(tool.name + tool.description + json.dumps(tool.parameters)) for tool in prompt.tools)
    schema = estimate_tokens(json.dumps(prompt.response_schema.schema)) if prompt.response_schema else 0
    return messages + tools + schema


def _text(message: Message) -> str:
    match message:
        case SystemMessage() | UserMessage():
            return message.text
        case AssistantMessage():
            return message.text + "".join(
                call.name + json.dumps(call.arguments, default=str) for call in message.tool_calls
            )
        case ToolResult():
            return message.content
