"""Backups of the embedded telemetry store: ClickHouse's own, in one file.

A ClickHouse that somebody else runs is backed up by whoever runs it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sentinel.errors import ConfigurationError, Conflict, TelemetryError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.ddl import literal
from sentinel.store.telemetry.schema import MIGRATIONS

__all__ = ["backup_telemetry", "count_rows", "restore_telemetry"]


def backup_telemetry(
    client: TelemetryClient, folder: Path, path: Path, *, replace: bool = False
) -> int:
    """Write all logs and spans to a file, while the store is in use.

    Args:
        client: that writes
        folder: the one folder that the store may write backups to
        path: of the file
        replace: overwrite a file that exists

    Returns:
        The size of the file in bytes.

    Raises:
        Conflict: the file exists and `replace` is false
        ConfigurationError: the file cannot be written
        TelemetryError: the store cannot write the backup
    """
    if path.exists() and not replace:
        raise Conflict(f"the file {path} exists", hint="Use another name, or add --replace.")
    with _own(folder) as own:
        client.prepare()
        client.command(
            f"BACKUP DATABASE `{client.place.database}` TO File({literal(own.name)})",
            anywhere=True,
        )
        try:
            own.chmod(0o600)
            part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            shutil.move(own, part)
            part.replace(path)
            return path.stat().st_size
        except OSError as error:
            raise ConfigurationError(
                f"the file {path} cannot be written: {error.strerror or error}"
            ) from error


def count_rows(client: TelemetryClient) -> dict[str, int]:
    """Return how many logs and spans the store has.

    Args:
        client: of the store

    Returns:
        Rows by table.

    Raises:
        TelemetryError: the store does not answer
    """
    client.prepare()
    return _rows(client, client.place.database)


def restore_telemetry(
    client: TelemetryClient, folder: Path, path: Path, *, replace: bool = False
) -> dict[str, int]:
    """Restore logs and spans from a backup; one that is damaged changes nothing.

    Args:
        client: that writes
        folder: the one folder that the store may read backups from
        path: of the file
        replace: delete what the store has

    Returns:
        The rows that the store has then, by table.

    Raises:
        Conflict: the store has rows and `replace` is false
        ConfigurationError: the file cannot be read, or is no backup
        TelemetryError: it is of a newer Sentinel, or the store cannot restore it
    """
    client.prepare()
    database = client.place.database
    there = _rows(client, database)
    if not replace and (
        full := [f"{number:,} in {name}" for name, number in there.items() if number]
    ):
        raise Conflict(
            f"the telemetry store has rows: {', '.join(full)}", hint="Delete them with --replace."
        )
    check = f"{database}_check"
    with _own(folder) as own:
        try:
            shutil.copyfile(path, own)
        except OSError as error:
            raise ConfigurationError(
                f"the file {path} cannot be read: {error.strerror or error}"
            ) from error
        source = f"FROM File({literal(own.name)})"
        drop = f"DROP DATABASE IF EXISTS `{check}` SYNC"
        # Beside what is there, so that a damaged file changes nothing, and intake goes on.
        client.command(drop, anywhere=True)
        try:
            client.command(f"RESTORE DATABASE `{database}` AS `{check}` {source}", anywhere=True)
            numbers = f"SELECT max(Number) FROM `{check}`.schema_migrations"  # noqa: S608 - ours
            if int(client.value(numbers) or 0) > len(MIGRATIONS):
                raise ConfigurationError(
                    f"{path} is of a newer Sentinel", hint="Install that version here too."
                )
            _exchange(client, database, check)
        except TelemetryError as error:
            raise ConfigurationError(f"{path} cannot be restored: {error.message}") from error
        finally:
            client.command(drop, anywhere=True)
    client.close()  # the next use migrates what is older
    client.prepare()
    return _rows(client, database)


def _exchange(client: TelemetryClient, database: str, restored: str) -> None:
    """Let the tables of two databases change places, each at one moment; views go on."""
    query = (
        "SELECT name FROM system.tables "
        "WHERE database = {database:String} AND engine LIKE '%MergeTree' ORDER BY name"
    )
    there, new = (
        {row["name"] for row in client.rows(query, {"database": one})}
        for one in (database, restored)
    )
    for name in sorted(there - new):  # of a later version than the backup's
        client.command(f"TRUNCATE TABLE `{database}`.`{name}`", anywhere=True)
    for name in sorted(there & new):
        client.command(
            f"EXCHANGE TABLES `{database}`.`{name}` AND `{restored}`.`{name}`", anywhere=True
        )


def _rows(client: TelemetryClient, database: str) -> dict[str, int]:
    found = client.rows(
        "SELECT name, total_rows AS rows FROM system.tables "
        "WHERE database = {database:String} AND name IN ('logs', 'spans') ORDER BY name",
        {"database": database},
    )
    return {row["name"]: int(row["rows"]) for row in found}


@contextmanager
def _own(folder: Path) -> Generator[Path]:
    """A file name in the folder of backups; nothing of it is left afterwards.

    Yields:
        Its path; there is no such file yet.

    Raises:
        ConfigurationError: there is no such folder, since the store is not embedded here
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no embedded telemetry store has been started here: {folder} is missing",
            hint="Back up a ClickHouse of your own with its BACKUP statement.",
        )
    own = folder / f"{secrets.token_hex(8)}.tar"
    try:
        yield own
    finally:
        own.unlink(missing_ok=True)
