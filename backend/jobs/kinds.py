"""The kinds of jobs there are: payload, result, handler, and how each is run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from backend.access import Action
from backend.core.errors import Invalid
from backend.jobs.models import Lane

if TYPE_CHECKING:
    from backend.jobs.context import JobContext

Handler = Callable[["JobContext", Any], Awaitable[BaseModel]]
"""Does a job: takes its context and validated payload, returns its result.

It runs on the worker's event loop: what blocks goes through `asyncio.to_thread` or a child process, or the lease ends
meanwhile. It may run more than once (a crash, a lost lease), so either its effect is written in the transaction of
`JobContext.succeed`, or doing it again changes nothing.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job. `limit` counts running jobs over all workers; `time_limit` is an attempt's length in seconds."""

    name: str
    payload: type[BaseModel]
    result: type[BaseModel]
    handle: Handler
    action: Action
    """What the person must be allowed, in the job's section: asked when it is enqueued and again when it runs."""
    lane: Lane = Lane.IO
    requestable: bool = False
    """People may ask for it over the API, and see its payload and result there. Others are begun by Stoa alone."""
    max_attempts: int = 5
    limit: int | None = None
    time_limit: float = 3600.0
    every: float | None = None
    """Seconds: workers start one with an empty payload in each period of this length, as the system."""
    title: str = ""
    """What people read, like "Course generation"; empty: its name in words."""
    about: str = ""
    """The field of the payload that tells people one job of it from another, like its topic."""
    awaited: bool = False
    """A page waits for it where it was asked for: it isn't listed with other jobs, nor announced when it ends."""


PLACE_MAX_LENGTH = 200
"""Characters of a field's name in an error: names come from whoever sent the payload."""

_kinds: dict[str, Kind] = {}
ABOUT_MAX_LENGTH = 160


def register(kind: Kind) -> None:
    """Make a kind known to this process. Every process that enqueues or works registers the same ones."""
    _kinds[kind.name] = kind


def known_kinds() -> Mapping[str, Kind]:
    """The registered kinds by name."""
    return _kinds


def awaited_kinds() -> list[str]:
    """The kinds that pages wait for themselves."""
    return [kind.name for kind in _kinds.values() if kind.awaited]


def title_of(name: str) -> str:
    """What people call a kind, also one that this process doesn't know."""
    kind = _kinds.get(name)
    return (kind and kind.title) or name.replace("_", " ").capitalize()


def subject_of(name: str, payload: Mapping[str, Any]) -> str:
    """What a job is about, in its requester's words; empty where its kind doesn't say."""
    kind = _kinds.get(name)
    about = payload.get(kind.about) if kind and kind.about else None
    return about[:ABOUT_MAX_LENGTH] if isinstance(about, str) else ""


def kind_named(name: str) -> Kind:
    """The kind of this name. Raises `Invalid`, naming the field `kind`."""
    if (kind := _kinds.get(name)) is None:
        raise Invalid(f"kind: there is no kind of job called {name[:40]!r}.")
    return kind


def parse_payload(kind: Kind, payload: Mapping[str, Any] | BaseModel) -> BaseModel:
    """`payload` as the kind's model. Raises `Invalid`, naming the first field that is wrong."""
    if isinstance(payload, BaseModel):
        payload = payload.model_dump(mode="json")
    try:
        return kind.payload.model_validate(payload)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in ("payload", *problem["loc"]))[:PLACE_MAX_LENGTH]
        raise Invalid(f"{place}: {problem['msg'].removeprefix('Value error, ')}") from error
