"""The composition point: sees every package below it and puts them together."""

from importlib import import_module

TABLE_MODULES = ("backend.access.models", "backend.courses.models", "backend.genai.models", "backend.dialogue.models")


def load_tables() -> None:
    """Import every table, so that the metadata is complete."""
    for module in TABLE_MODULES:
        import_module(module)
