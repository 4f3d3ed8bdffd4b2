"""What the wires ask of a prompt before they spell it out."""

from dataclasses import replace

from backend.genai.schemas import AssistantMessage, Message, Prompt, SystemMessage, ToolResult, UserMessage


def well_formed(text: str) -> str:
    """`text` with lone surrogates, which no JSON body can carry, replaced by `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def split_system(prompt: Prompt) -> tuple[str, list[Message]]:
    """All instructions as one text, and the conversation without them.

    Several chat templates refuse a second system message or one that isn't first.
    """
    system = [message.text for message in prompt.messages if isinstance(message, SystemMessage)]
    rest: list[Message] = [message for message in prompt.messages if not isinstance(message, SystemMessage)]
    return well_formed("\n\n".join(system)), rest


def without_tool_messages(messages: list[Message]) -> list[Message]:
    """The conversation with tool calls left out and their results told in words.

    For a model that takes no tools: a conversation can reach it half-way, from one that does.
    """
    told: list[Message] = []
    for message in messages:
        match message:
            case AssistantMessage(tool_calls=calls) if calls:
                told += [replace(message, tool_calls=())] if message.text else []
            case ToolResult():
                told.append(UserMessage(f"(Result of a tool that was used: {message.content})"))
            case _:
                told.append(message)
    return told
