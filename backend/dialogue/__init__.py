"""Talking with the tutor: conversations, and turns that run apart from the browser."""

from backend.dialogue.asking import ask, delete_conversation, edit, regenerate, stop
from backend.dialogue.conversations import (
    latest_conversation,
    list_conversations,
    open_conversation,
    rate_message,
    recent_conversations,
    rename_conversation,
)
from backend.dialogue.exporting import EXPORT, start_export
from backend.dialogue.following import follow_turn
from backend.dialogue.prompts import PLACEHOLDERS
from backend.dialogue.run_python import RUN_PYTHON
from backend.dialogue.schemas import ConversationCard, ConversationView, MessageView, StartedTurn
from backend.dialogue.templates import (
    PromptPreview,
    PromptView,
    preview_prompt,
    read_prompt,
    read_prompt_version,
    reset_prompt,
    restore_prompt,
    save_prompt,
)
from backend.dialogue.tools import DialogueTool, ToolContext, register_tool
from backend.dialogue.turns import get_runner

__all__ = [
    "EXPORT",
    "PLACEHOLDERS",
    "RUN_PYTHON",
    "ConversationCard",
    "ConversationView",
    "DialogueTool",
    "MessageView",
    "PromptPreview",
    "PromptView",
    "StartedTurn",
    "ToolContext",
    "ask",
    "delete_conversation",
    "edit",
    "follow_turn",
    "get_runner",
    "latest_conversation",
    "list_conversations",
    "open_conversation",
    "preview_prompt",
    "rate_message",
    "read_prompt",
    "read_prompt_version",
    "recent_conversations",
    "regenerate",
    "register_tool",
    "rename_conversation",
    "reset_prompt",
    "restore_prompt",
    "save_prompt",
    "start_export",
    "stop",
]
