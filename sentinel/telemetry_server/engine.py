"""The chdb session: connections of their own for those who write and those who read.

A query holds its connection, and another one on the same connection would wait for it; on a
connection of its own a page takes 10 ms beside a heavy scan that takes seconds.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from sentinel.telemetry_server.statements import Asked, literal

__all__ = ["Busy", "Engine", "EngineLimits", "StatementFailed"]

_NO_SPACE = 243
"""ClickHouse's number for a disk that is full, which is worth another try."""
_GROWS = re.compile(
    r"(?i)\s*(insert|alter|create|attach|rename|exchange|optimize|backup|restore)\b"
)
_CODE = re.compile(r"Code: (\d+)\.")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class StatementFailed(Exception):
    """ClickHouse refused a statement or could not finish it.

    Args:
        text: its message
        code: its number for the error; 1 where the message has none
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _CODE.search(text)
        self.text = text
        self.code = int(found.group(1)) if found else 1


class Busy(Exception):
    """All connections are in use, and none became free in time."""


class EngineLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine may use.

    Attributes:
        memory: bytes that the process may hold in all
        writers: inserts and other changes at a time
        readers: queries at a time
        wait: seconds that a request waits for a free connection
        seconds: that a query may take
        result: bytes of an answer
        spare: bytes of the disk that stay free, so that tables can still be changed, merged and
            deleted
    """

    memory: int = 1_200_000_000
    writers: int = 4
    readers: int = 4
    wait: float = 10.0
    seconds: int = 60
    result: int = 256_000_000
    spare: int = 100_000_000


class Engine:
    """One chdb session on a folder; a second process on the same folder is refused by chdb.

    Args:
        folder: where the data is, made where it is missing
        limits: what it may use
        backups: the one folder that backups are written to and read from; None for nowhere
    """

    def __init__(
        self, folder: Path, limits: EngineLimits | None = None, backups: Path | None = None
    ) -> None:
        self.limits = limits or EngineLimits()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        memory = self.limits.memory
        server: dict[str, int | str] = {
            "max_server_memory_usage": memory,
            "mark_cache_size": memory // 16,
            "primary_index_cache_size": memory // 16,
            "background_pool_size": 2,
            "max_concurrent_queries": 32,
        }
        if backups is not None:
            backups.mkdir(mode=0o700, parents=True, exist_ok=True)
            server["backups.allowed_path"] = str(backups.absolute())
        self._address = f"{folder}?{urlencode(server)}"
        each = max(memory // 2, 100_000_000)
        common = {
            "max_memory_usage": str(each),
            # A sort or an aggregation that does not fit goes to the disk.
            "max_bytes_before_external_group_by": str(each // 2),
            "max_bytes_before_external_sort": str(each // 2),
        }
        reads = {
            "max_execution_time": str(self.limits.seconds),
            "max_result_bytes": str(self.limits.result),
            "max_threads": "2",
        }
        # One block for one batch, so that it is written whole or not at all.
        writes = {"max_insert_block_size": "1048576", "max_insert_threads": "1", "max_threads": "2"}
        self._writers = _Pool(self._address, common | writes, self.limits.writers)
        self._readers = _Pool(self._address, common | reads, self.limits.readers, read_only=True)
        # The session lives as long as a connection to it: opened now, so that a folder that
        # cannot be used ends the start and not the first request.
        with self._writers.taken(0.0):
            pass

    def run(self, asked: Asked, *, read_only: bool) -> bytes:
        """Run a statement to its end.

        Args:
            asked: the statement
            read_only: on a connection that can only read

        Returns:
            Its answer, in the format asked for; empty for an insert.

        Raises:
            StatementFailed: ClickHouse refused it or could not finish it, or its disk is full
            Busy: no connection became free in time
        """
        if _GROWS.match(asked.sql):
            self._ask_for_room(len(asked.data or b""))
        pool = self._readers if read_only else self._writers
        with pool.taken(self.limits.wait) as connection:
            return connection.run(asked)

    def _ask_for_room(self, size: int) -> None:
        # ClickHouse finds out too late: it cuts the definition of a table that it changes on a full
        # disk, and reports success (findings/chdb-a-full-disk-cuts-a-tables-definition.sh).
        free = shutil.disk_usage(self._folder).free
        if free < self.limits.spare + size:
            raise StatementFailed(
                f"Code: {_NO_SPACE}. DB::Exception: its disk is nearly full: "
                f"{free // 1_000_000:,} MB are free"
            )

    def close(self) -> None:
        """Close all connections that are free, and with the last one the session."""
        self._readers.close()
        self._writers.close()


class _Connection:
    """A connection with the settings that it was opened with."""

    def __init__(self, address: str, settings: Mapping[str, str], *, read_only: bool) -> None:
        import chdb

        self._chdb: Any = chdb.connect(address)
        self._settings = settings
        self._database = "default"
        for name, value in settings.items():
            self._set(name, literal(value))
        if read_only:
            self._set("readonly", "2")

    def run(self, asked: Asked) -> bytes:
        """Run one statement with its settings, which end with it."""
        try:
            self._use(asked.database or "default")
            for name, value in asked.settings.items():
                self._set(name, literal(value))
            if asked.data is not None:
                return self._insert(asked)
            parameters = dict(asked.parameters) or None
            result = self._chdb.query(asked.sql, asked.format, params=parameters)
            return b"" if result is None else bytes(result.bytes())
        except RuntimeError as error:  # chdb's own errors, and those of its streams
            raise StatementFailed(str(error)) from error
        except OSError as error:  # the rows found no place, in memory or on the disk
            raise StatementFailed(
                f"Code: {_NO_SPACE}. DB::Exception: {error.strerror or error}"
            ) from error
        finally:
            for name in asked.settings:
                before = self._settings.get(name)
                self._set(name, "DEFAULT" if before is None else literal(before), quiet=True)

    def _insert(self, asked: Asked) -> bytes:
        # Not by `send_insert`: it reports success where rows could not be written, such as on a
        # full disk (findings/chdb-a-failed-insert-reports-success.sh).
        with _file_of(asked.data or b"") as path:
            self._chdb.query(f"{asked.sql} FROM INFILE {literal(path)} FORMAT {asked.format}")
        return b""

    def _use(self, database: str) -> None:
        if database == self._database:
            return
        if not _DATABASE.fullmatch(database):
            raise StatementFailed(f"Code: 81. Database {database!r} does not exist.")
        self._chdb.query(f"USE {database}")
        self._database = database

    def _set(self, name: str, value: str, *, quiet: bool = False) -> None:
        try:
            self._chdb.query(f"SET {name} = {value}")
        except RuntimeError:
            if not quiet:  # a setting that there is not was refused before
                raise

    def close(self) -> None:
        self._chdb.close()


@contextmanager
def _file_of(data: bytes) -> Generator[str]:
    """A file with these bytes, in memory where the system has such files.

    Yields:
        Its path.
    """
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("insert"), "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield file.name


class _Pool:
    """At most so many connections, opened when they are needed."""

    def __init__(
        self, address: str, settings: Mapping[str, str], most: int, *, read_only: bool = False
    ) -> None:
        self._address = address
        self._settings = settings
        self._read_only = read_only
        self._free: queue.LifoQueue[_Connection] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(most)

    @contextmanager
    def taken(self, wait: float) -> Generator[_Connection]:
        if not self._slots.acquire(timeout=wait):
            raise Busy
        try:
            try:
                connection = self._free.get_nowait()
            except queue.Empty:
                connection = _Connection(self._address, self._settings, read_only=self._read_only)
            try:
                yield connection
            finally:
                self._free.put(connection)
        finally:
            self._slots.release()

    def close(self) -> None:
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return
