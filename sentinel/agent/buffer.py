"""What waits to be sent, and how far files were read, in one SQLite database.

A batch joins the buffer in the transaction that moves the positions of the lines in it, and leaves
it once the API has answered that it is durable. A process that dies in between sends the same bytes
again, which the API knows by their content. So nothing is lost and nothing counts twice.

The buffer is bounded. What is in it is kept and the newest is refused: a file is read no further,
so that its lines wait where they are; what cannot wait is dropped by its source, and counted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import msgspec

from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Buffer", "Position", "Waiting", "is_in_use"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, records INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS positions (
    device TEXT NOT NULL, inode TEXT NOT NULL, path TEXT NOT NULL, offset INTEGER NOT NULL,
    head BLOB NOT NULL, PRIMARY KEY (device, inode)
);
CREATE TABLE IF NOT EXISTS looked (pattern TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS counts (what TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""
_BUSY_SECONDS = 1.0
_FILE = "agent.db"


class Position(msgspec.Struct, frozen=True):
    """How far a file was read.

    Attributes:
        device, inode: that tell it from others, whatever its name; texts, as they have 64 bits
        path: its last name
        offset: bytes that are in the buffer, or were sent
        head: its first bytes, at most 256 and at most `offset`: another file may get the inode
    """

    device: str
    inode: str
    path: str
    offset: int
    head: bytes

    @property
    def key(self) -> tuple[str, str]:
        """What tells the file from others."""
        return self.device, self.inode


class Waiting(msgspec.Struct, frozen=True):
    """A batch that waits: its number, the path of the API, its records and its bytes."""

    id: int
    path: str
    records: int
    body: bytes


class Buffer:
    """Batches and positions on disk; safe to use from several threads.

    Args:
        folder: that has the database, made where it is not there
        most: bytes of bodies that may wait

    Raises:
        ConfigurationError: it cannot be opened, or another agent has it
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._most = most
        self._lock = RLock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / _FILE, _BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # One process alone: another agent with the same state would send everything twice.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"state: {folder} cannot be used: {error}",
                hint="Name a folder that this user may write and no other agent uses.",
            ) from None
        found = self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM batches").fetchone()
        self._bytes = int(found[0])

    @property
    def bytes(self) -> int:
        """Bytes of bodies that wait."""
        return self._bytes

    def put(self, path: str, body: bytes, records: int, position: Position | None = None) -> bool:
        """Add a batch, and move a position in the same transaction.

        Args:
            path: of the API, that takes it
            body: of the request
            records: in it
            position: how far the file of its lines is read with it

        Returns:
            Whether there was room; otherwise nothing is changed. An empty buffer takes any batch.
        """
        with self._lock:
            if self._bytes and self._bytes + len(body) > self._most:
                return False
            with self._transaction():
                self._db.execute(
                    "INSERT INTO batches (path, records, body) VALUES (?, ?, ?)",
                    (path, records, body),
                )
                if position is not None:
                    self._move(position)
            self._bytes += len(body)
            return True

    def move(self, position: Position) -> None:
        """Keep a position alone, of a file without lines to send."""
        with self._lock:
            self._move(position)

    def _move(self, one: Position) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)",
            (one.device, one.inode, one.path, one.offset, one.head),
        )

    def positions(self) -> dict[tuple[str, str], Position]:
        """Return all positions."""
        with self._lock:
            found = self._db.execute("SELECT device, inode, path, offset, head FROM positions")
            return {one.key: one for one in (Position(*row) for row in found)}

    def forget(self, position: Position) -> None:
        """Drop a position, of a file that is gone."""
        with self._lock:
            self._db.execute("DELETE FROM positions WHERE device = ? AND inode = ?", position.key)

    def looked(self, pattern: str) -> bool:
        """Return whether the files of a pattern were looked for before."""
        with self._lock:
            found = self._db.execute("SELECT 1 FROM looked WHERE pattern = ?", (pattern,))
            return found.fetchone() is not None

    def look(self, pattern: str) -> None:
        """Remember that the files of a pattern were looked for."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO looked VALUES (?)", (pattern,))

    def first(self, path: str) -> Waiting | None:
        """Return the batch for a path of the API that has waited longest."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, path, records, body FROM batches WHERE path = ? ORDER BY id LIMIT 1",
                (path,),
            ).fetchone()
        return None if row is None else Waiting(*row)

    def done(self, batch: Waiting, refused: int = 0) -> None:
        """Drop a batch that the API took, or will never take.

        Args:
            batch: the batch
            refused: records of it that it will never take
        """
        with self._lock:
            with self._transaction():
                self._db.execute("DELETE FROM batches WHERE id = ?", (batch.id,))
                self._count("refused", refused)
            self._bytes -= len(batch.body)

    def count(self, what: str, number: int) -> None:
        """Add to a count, such as of what was `dropped`."""
        with self._lock:
            self._count(what, number)

    def _count(self, what: str, number: int) -> None:
        if number:
            self._db.execute(
                "INSERT INTO counts VALUES (?, ?) "
                "ON CONFLICT (what) DO UPDATE SET number = number + excluded.number",
                (what, number),
            )

    def counts(self) -> dict[str, int]:
        """Return all counts since the state was made."""
        with self._lock:
            return dict(self._db.execute("SELECT what, number FROM counts").fetchall())

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def is_in_use(folder: Path) -> bool:
    """Return whether an agent that runs holds the buffer of a folder."""
    try:
        address = f"{(folder / _FILE).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, 0.0, uri=True)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return False
