"""A backup of everything: both databases, telemetry and configuration, in one folder.

Each part is written while it is in use. The manifest, written last, has the size, checksum and
counts of each part, and says what is left out and why. A folder without one is no backup.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from sentinel.errors import ConfigurationError, Conflict, SentinelError, TelemetryUnavailable
from sentinel.metrics import Sample
from sentinel.printable import counted
from sentinel.settings import Settings
from sentinel.settings.private_file import write_private
from sentinel.store.database.backup import backup
from sentinel.store.database.component_reports import report
from sentinel.up.home import Home
from sentinel.up.killed_backups import PART, PREFIX, held, remove_killed
from sentinel.up.postgres import Postgres, find_binaries

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "COUNTED",
    "MANIFEST",
    "BackupSet",
    "Part",
    "back_up_all",
    "backups_in",
    "dump",
    "keep_newest",
    "run",
    "sha256_of",
]

MANIFEST = "manifest.json"
DATABASE, PREFECT_DUMP, PREFECT_FILE = "sentinel.jsonl.gz", "prefect.dump", "prefect.db"
TELEMETRY, CONFIGURATION = "telemetry.tar", "configuration.tar"
COUNTED = ("deployment", "flow_run", "block_document", "automation")
"""Tables of Prefect whose rows are counted in the moment of the backup."""
_DUMP_SECONDS = 6 * 3600
_NOT_SETTINGS = ("lock", "instance.json", ".gitignore")
_MOST_BYTES = 1_000_000
_OWN_FILES = (".env", "prefect.yaml")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup.

    Attributes:
        file: its name
        bytes: its size
        sha256: its checksum, in hex
        rows: number of rows by table; empty where none are counted
    """

    file: str
    bytes: int
    sha256: str
    rows: dict[str, int] = {}


class BackupSet(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of a backup.

    Attributes:
        created_at: by the clock of the store
        parts: the files
        left_out: what is not in it, and why
        incomplete: whether a part is left out that belongs to it, since it could not be read
        version: of the layout of the folder
    """

    created_at: datetime
    parts: list[Part]
    left_out: dict[str, str] = {}
    incomplete: bool = False
    version: int = 1


def back_up_all(store: Store, settings: Settings, home: Home, folder: Path) -> Path:
    """Write a backup into a new folder of its own; age, size and success become samples.

    Args:
        store: the shared database
        settings: completed by those of the running instance
        home: its folder
        folder: where backups are kept; made where it is missing

    Returns:
        The new folder, which only this user may read.

    Raises:
        ConfigurationError: it cannot be written
        Conflict: there is a backup of this second
        SentinelError: a part cannot be backed up; there is no backup then
    """
    began = time.monotonic()
    name = f"{PREFIX}{store.now():%Y%m%dT%H%M%SZ}"
    final, part = folder / name, folder / f"{PART}{name}"
    if final.exists():
        raise Conflict(f"the folder {final} exists", hint="Try again in a second.")
    mine = False  # the folder of another backup of this second stays
    try:
        part.mkdir(mode=0o700, parents=True)
        mine = True
        with held(part):
            remove_killed(folder)
            made = _write(store, settings, home, part)
            part.rename(final)
    except BaseException as error:
        if mine:
            shutil.rmtree(part, ignore_errors=True)
        _record_failure(store, error)
        if isinstance(error, OSError | psycopg.Error | sqlite3.Error | subprocess.TimeoutExpired):
            why = error.strerror if isinstance(error, OSError) else None
            raise ConfigurationError(
                f"the backup {final} cannot be written: {why or str(error)[:300]}"
            ) from error
        raise
    size = sum(one.bytes for one in made.parts)
    says = f"{size / 1e6:,.1f} MB in {counted(len(made.parts), 'part')}"
    away = made.left_out.get("telemetry", "") if made.incomplete else ""
    report(
        store, "backup", "warning" if away else "ok",
        f"{says}, without telemetry: {away}" if away else says,
        "See that the telemetry store runs: sentinel doctor" if away else "",
    )  # fmt: skip
    _sample(store, ok=1, bytes=size, seconds=time.monotonic() - began)
    return final


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in a folder, the newest first."""
    found = [one for one in folder.glob(f"{PREFIX}*") if (one / MANIFEST).is_file()]
    return sorted(found, reverse=True)


def keep_newest(folder: Path, count: int) -> list[Path]:
    """Delete all backups in a folder but the newest.

    Args:
        folder: where they are
        count: how many stay, at least 1

    Returns:
        Those that were deleted.

    Raises:
        ConfigurationError: the count is less than 1
    """
    if count < 1:
        raise ConfigurationError("at least one backup must be kept")
    over = backups_in(folder)[count:]
    for one in over:
        (one / MANIFEST).unlink()  # what is deleted half is no backup
        shutil.rmtree(one)
    return over


def _write(store: Store, settings: Settings, home: Home, folder: Path) -> BackupSet:
    left_out: dict[str, str] = {}
    incomplete = False
    parts = [_part(folder / DATABASE, backup(store, folder / DATABASE).rows)]
    prefect = _prefect_part(settings, home)
    if isinstance(prefect, str):
        left_out["prefect"] = prefect
    else:
        parts.append(prefect(folder))
    telemetry_url = settings.telemetry_url.get_secret_value()
    own_telemetry = bool(telemetry_url) and home.is_own_telemetry(telemetry_url)
    if own_telemetry and not home.telemetry_backups.is_dir():
        left_out["telemetry"] = "it was not started yet, since nothing was sent or opened"
    elif own_telemetry:
        found = _telemetry_part(settings, home, folder)
        if isinstance(found, str):
            left_out["telemetry"], incomplete = found, True
        else:
            parts.append(found)
    elif telemetry_url:
        left_out["telemetry"] = "a ClickHouse of your own: back it up with its BACKUP statement"
    else:
        left_out["telemetry"] = "there is no telemetry store"
    if settings.archive_url:
        left_out["archive"] = f"copy the files of {settings.archive_url} yourself"
    _write_configuration(home, folder / CONFIGURATION)
    parts.append(_part(folder / CONFIGURATION))
    made = BackupSet(created_at=store.now(), parts=parts, left_out=left_out, incomplete=incomplete)
    write_private(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(made)).decode())
    return made


def _telemetry_part(settings: Settings, home: Home, folder: Path) -> Part | str:
    """Write logs and spans; why not, where the store is away: alerts do not wait for it."""
    from sentinel.store.telemetry.backup import backup_telemetry, count_rows
    from sentinel.store.telemetry.client import telemetry_client

    client = telemetry_client(settings, write=True, wait=60, answer=3_600)
    try:
        rows = count_rows(client)
        backup_telemetry(client, home.telemetry_backups, folder / TELEMETRY)
    except TelemetryUnavailable as error:
        (folder / TELEMETRY).unlink(missing_ok=True)
        return f"the store is away: {error.message}"
    return _part(folder / TELEMETRY, rows)


def _prefect_part(settings: Settings, home: Home) -> Callable[[Path], Part] | str:
    """Return what writes the database of Prefect, or why it is not backed up."""
    own = home.prefect / "prefect.db"
    if Postgres.has_data(home) and settings.database_url:
        url = make_url(settings.database_url)
        if url.port is not None and url.host in ("127.0.0.1", "localhost"):
            address = Postgres(home, url.port).address("prefect")
            return lambda folder: dump(address, folder / PREFECT_DUMP)
    if own.is_file():
        return lambda folder: _copy(own, folder / PREFECT_FILE)
    return "Prefect's server is not started by `sentinel up` here: back up its database there"


def dump(address: str, path: Path) -> Part:
    """Dump a database of PostgreSQL, and count rows on the same snapshot."""
    url = make_url(address)
    # Passwords are in no arguments, which every user of the machine sees.
    variables = {
        "PGHOST": url.host or "", "PGPORT": str(url.port or ""), "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""), "PGDATABASE": url.database or "",
    }  # fmt: skip
    with psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password,
        dbname=url.database,
    ) as connection:  # fmt: skip
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = "" if row is None else str(row[0])
        rows = {name: _count(connection, name) for name in COUNTED}
        command = [
            str(find_binaries() / "pg_dump"), "--format=custom", "--no-owner", "--no-acl",
            f"--snapshot={snapshot}", f"--file={path}",
        ]  # fmt: skip
        run(command, variables)
    path.chmod(0o600)
    return _part(path, rows)


def run(command: list[str], variables: dict[str, str]) -> None:
    """Run a program of PostgreSQL.

    Args:
        command: its path and arguments
        variables: of its environment, beside the language

    Raises:
        ConfigurationError: it failed, with the end of what it said
    """
    done = subprocess.run(  # noqa: S603 - our own command line
        command,
        env={"LC_ALL": "C", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DUMP_SECONDS,
    )
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise ConfigurationError(f"{Path(command[0]).name} failed: {said[:500]}")


def _count(connection: psycopg.Connection, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return 0 if row is None else int(row[0])


def _copy(own: Path, path: Path) -> Part:
    """Copy a database of SQLite while it is in use, and count rows in the copy."""
    path.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"file:{own}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
        rows = {
            name: copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - names are ours
            for name in COUNTED
        }
    return _part(path, rows)


def _write_configuration(home: Home, path: Path) -> None:
    """Write the small files of home, which have its secrets, and those of the project here."""
    path.touch(mode=0o600)
    # What a link points at, since secrets are often mounted as links.
    with tarfile.open(path, "w", dereference=True) as archive:
        for file in sorted(home.root.iterdir()) if home.root.is_dir() else ():
            small = file.is_file() and file.stat().st_size <= _MOST_BYTES
            if small and file.name not in _NOT_SETTINGS and not file.name.startswith("sentinel.db"):
                archive.add(file, f"home/{file.name}")
        for name in _OWN_FILES:
            if Path(name).is_file():
                archive.add(name, f"project/{name}")
        for file in sorted(Path("triggers").glob("*.py")):
            archive.add(file, f"project/triggers/{file.name}")


def _part(path: Path, rows: dict[str, int] | None = None) -> Part:
    return Part(file=path.name, bytes=path.stat().st_size, sha256=sha256_of(path), rows=rows or {})


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record_failure(store: Store, error: BaseException) -> None:
    try:
        says = f"the last one failed: {error}"[:500]
        report(
            store,
            "backup",
            "wrong",
            says,
            "Correct that, and write one: sentinel backup run FOLDER",
        )
        _sample(store, ok=0)
    except SentinelError:
        return  # the database is why it failed, which the error says


def _sample(store: Store, **values: float) -> None:
    store.metrics.add(
        [Sample(name=f"sentinel_backup_{name}", value=value) for name, value in values.items()]
    )
