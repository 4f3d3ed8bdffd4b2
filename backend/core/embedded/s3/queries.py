"""The index of the objects: which file holds which key's content. All SQL of the embedded storage."""

import sqlite3
import threading
from dataclasses import astuple, dataclass
from pathlib import Path

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY COLLATE BINARY,
    file TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified REAL NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "key, file, size, etag, modified, content_type, headers"
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `modified` is in seconds since 1970, `headers` the JSON of what else it was stored with."""

    key: str
    file: str
    size: int
    etag: str
    modified: float
    content_type: str
    headers: str


class Index:
    """The index in one SQLite file; every change is on disk when the call returns. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)

    def put(self, entry: Entry, only_if_absent: bool) -> tuple[bool, str | None]:
        """Let the key mean this entry: whether it does now, and the file that it meant before."""
        with self._lock, self._connection as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            before = transaction.execute("SELECT file FROM objects WHERE key = ?", [entry.key]).fetchone()
            if before and only_if_absent:
                return False, None
            transaction.execute(f"REPLACE INTO objects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(entry))  # noqa: S608
            return True, before[0] if before else None

    def get(self, key: str) -> Entry | None:
        """What the key means."""
        with self._lock:
            row = self._connection.execute(f"SELECT {_COLUMNS} FROM objects WHERE key = ?", [key]).fetchone()  # noqa: S608
        return Entry(*row) if row else None

    def delete(self, key: str) -> str | None:
        """Forget the key; returns the file that it meant."""
        with self._lock, self._connection as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            row = transaction.execute("SELECT file FROM objects WHERE key = ?", [key]).fetchone()
            transaction.execute("DELETE FROM objects WHERE key = ?", [key])
        return str(row[0]) if row else None

    def after(self, key: str, prefix: str, count: int) -> list[Entry]:
        """The next `count` entries whose keys start with `prefix` and come after `key`, in the order of their bytes."""
        start = max(key, prefix)
        sign = ">" if start == key else ">="
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM objects WHERE key {sign} ? AND key < ? ORDER BY key LIMIT ?",  # noqa: S608
                [start, prefix + _HIGHEST, count],
            ).fetchall()
        return [Entry(*row) for row in rows]

    def files(self) -> set[str]:
        """Every file that a key means."""
        with self._lock:
            return {row[0] for row in self._connection.execute("SELECT file FROM objects")}

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
