"""What the launcher and the process of the storage have in common."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the parent tells its child, as JSON. `socket` is the number of an open descriptor."""

    parent: int
    socket: int
    folder: str
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    origins: list[str]
