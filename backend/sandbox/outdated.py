"""Images that an engine needs no more, removed when a new one was built: each is some 80 MB."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from docker.errors import APIError

from backend.sandbox.engine import Engine

KEPT = 2
"""Older images that stay: workers that aren't updated yet, and the way back to the version before."""
STAGE = "stoa.sandbox.stage"
"""The label of what a build leaves besides its image."""


def remove_outdated(engine: Engine, name: str, current: str) -> None:
    """Remove all but the latest images called `name`, whatever their tags, and what builds left; `current` stays.

    One that a container uses stays until a later build.
    """
    for tag in outdated(engine.api.images(name=name), name, current):
        with suppress(APIError):
            engine.api.remove_image(tag)
    with suppress(APIError):
        engine.api.prune_images(filters={"dangling": True, "label": STAGE})


def outdated(images: Sequence[dict[str, Any]], name: str, current: str) -> list[str]:
    """Tags of the images that go."""
    older = sorted((each for each in images if each["Id"] != current), key=lambda each: each["Created"], reverse=True)
    tags = [tag for each in older[KEPT:] for tag in each["RepoTags"] or ()]
    return [tag for tag in tags if tag.startswith(f"{name}:")]
