"""The file of a backup: gzipped JSON lines, read one by one and checked as a whole.

`sentinel.store.database.backup` writes them and restores from them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson

from sentinel.errors import ConfigurationError

__all__ = ["Backup", "BackupFile", "TableColumns", "look_into"]

FORMAT = "sentinel-backup"
VERSION = 1


class TableColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The line that begins a table: its columns by name, each plain, moment, bytes or json."""

    table: str
    columns: dict[str, str]


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """The header of a backup, and what it holds.

    Attributes:
        created_at: by the clock of the store
        dialect: of the database that it was written from
        schema: revision of that database's schema
        format: marks the file as a backup of Sentinel
        version: of the file's layout
        rows: number of rows by table
    """

    created_at: datetime
    dialect: str
    schema: str
    format: str = FORMAT
    version: int = VERSION
    rows: dict[str, int] = {}


def look_into(path: Path) -> Backup:
    """Read all of a backup and return its header.

    Args:
        path: of the file

    Returns:
        The header, with the number of rows by table.

    Raises:
        ConfigurationError: the file is no backup, or a part of it is missing.
    """
    file = BackupFile(path)
    counted: dict[str, int] = {}
    for one in file.lines():
        if isinstance(one, TableColumns):
            counted[one.table] = 0
        else:
            counted[next(reversed(counted))] += 1
    _require_rows(path, file.rows, counted)
    return msgspec.structs.replace(file.head, rows=counted)


def _require_rows(path: Path, rows: dict[str, int] | None, counted: dict[str, int]) -> None:
    if counted != rows:
        raise _damaged(path, "it holds another number of rows than it says")


class BackupFile:
    """A backup, read line by line.

    Args:
        path: of the file

    Raises:
        ConfigurationError: the file is no backup that this version can read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: dict[str, int] | None = None
        with self._opened() as file:
            try:
                self.head = msgspec.json.decode(file.readline(), type=Backup)
            except msgspec.DecodeError:
                raise _damaged(path, "it is no backup of Sentinel") from None
        if self.head.format != FORMAT:
            raise _damaged(path, "it is no backup of Sentinel")
        if self.head.version > VERSION:
            raise _damaged(path, "a newer version of Sentinel wrote it")

    def lines(self) -> Iterator[TableColumns | list[Any]]:
        """Yield each table's line, then its rows; afterwards `rows` is known."""
        width: int | None = None
        with self._opened() as file:
            file.readline()
            for line in file:
                try:
                    one: Any = orjson.loads(line)
                    if isinstance(one, list):
                        row = cast("list[Any]", one)
                        if len(row) != width or self.rows is not None:
                            raise ValueError("a row that fits no table")
                        yield row
                    elif "rows" in one:
                        self.rows = msgspec.convert(one["rows"], dict[str, int])
                    else:
                        table = msgspec.convert(one, TableColumns)
                        width = len(table.columns)
                        yield table
                except (ValueError, msgspec.ValidationError, TypeError):
                    raise _damaged(self._path, "a line of it cannot be read") from None
        if self.rows is None:
            raise _damaged(self._path, "its end is missing")

    @contextmanager
    def _opened(self) -> Generator[gzip.GzipFile]:
        try:
            with gzip.open(self._path, "rb") as file:
                yield file
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise _damaged(self._path, "it is damaged, or no backup") from None
        except OSError as error:
            raise ConfigurationError(
                f"the file {self._path} cannot be read: {error.strerror or error}",
                hint="Name one that `sentinel db backup` wrote.",
            ) from None


def _damaged(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be restored: {why}", hint="Use another backup.")
