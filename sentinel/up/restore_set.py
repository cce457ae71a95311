"""Restores a backup of everything onto a machine that has nothing yet.

All parts are compared with the manifest before anything is written, and a part that does not
restore leaves the home as empty as it was.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.engine import make_url

from sentinel.errors import ConfigurationError, Conflict
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.backup import restore
from sentinel.up.backup_check import read_manifest
from sentinel.up.backup_set import (
    CONFIGURATION,
    DATABASE,
    PREFECT_DUMP,
    PREFECT_FILE,
    TELEMETRY,
    BackupSet,
    run,
    sha256_of,
)
from sentinel.up.home import Home
from sentinel.up.instance import Instance
from sentinel.up.ports import any_free
from sentinel.up.postgres import Postgres, find_binaries
from sentinel.up.processes import spawn
from sentinel.up.temporary_telemetry import telemetry_installed, temporary_telemetry

__all__ = ["PartRestored", "embedded_postgres", "restore_all"]


class PartRestored(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored of a part.

    Attributes:
        file: the part
        into: where it is now, in words
        rows: how many rows, or files, there are
    """

    file: str
    into: str
    rows: int


def restore_all(settings: Settings, home: Home, folder: Path, *, actor: str) -> list[PartRestored]:
    """Restore all parts of a backup into a home without data, in which nothing runs.

    Args:
        settings: whose database is used where one is named; otherwise the embedded one
        home: where the embedded databases, telemetry and secrets go
        folder: of the backup
        actor: who does it

    Returns:
        What was restored; `sentinel up` starts with it.

    Raises:
        ConfigurationError: a part is missing, damaged, or needs what is not installed here
        Conflict: the home, or the database that the settings name, has data
        AlreadyRunning: an instance runs in the home
    """
    manifest = read_manifest(folder)
    parts = {part.file: folder / Path(part.file).name for part in manifest.parts}
    _refuse_damaged(manifest, folder)
    if TELEMETRY in parts and not telemetry_installed():
        raise ConfigurationError(
            f"{TELEMETRY} needs the libraries of the telemetry store",
            hint="Install them: pip install 'sentinel-alerts[telemetry]'",
        )
    _refuse_filled(home)
    home.prepare()
    with Instance(home), _empty_unless_restored(home) as replaced:
        done = [_configuration(home, parts[CONFIGURATION], replaced)]
        with ExitStack() as stack:
            server = None
            if PREFECT_DUMP in parts:
                server = stack.enter_context(embedded_postgres(home))
                done.append(_prefect_dump(server, parts[PREFECT_DUMP]))
            elif PREFECT_FILE in parts:
                shutil.copyfile(parts[PREFECT_FILE], home.prefect / PREFECT_FILE)
                (home.prefect / PREFECT_FILE).chmod(0o600)
                rows = sum(_rows_of(manifest, PREFECT_FILE).values())
                done.append(PartRestored(file=PREFECT_FILE, into="Prefect's SQLite", rows=rows))
            if TELEMETRY in parts:
                done.append(_telemetry(home, parts[TELEMETRY]))
            # Last, since a database that the settings name is not ours to empty again.
            done.append(_sentinel(settings, home, server, parts[DATABASE], actor))
    return done


def _refuse_damaged(manifest: BackupSet, folder: Path) -> None:
    for part in manifest.parts:
        path = folder / Path(part.file).name
        if not path.is_file() or sha256_of(path) != part.sha256:
            raise ConfigurationError(
                f"{path} is missing, or is not what was written", hint="Use another backup."
            )
    files = {part.file for part in manifest.parts}
    if not {DATABASE, CONFIGURATION} <= files:
        raise ConfigurationError(f"{folder} has not all parts", hint="Use another backup.")
    if unknown := files - {DATABASE, CONFIGURATION, PREFECT_DUMP, PREFECT_FILE, TELEMETRY}:
        raise ConfigurationError(
            f"this version of Sentinel does not know {sorted(unknown)[0]}", hint="Upgrade Sentinel."
        )


def _refuse_filled(home: Home) -> None:
    data = [home.sqlite, home.prefect / PREFECT_FILE, home.telemetry]
    there = [path for path in data if path.exists()]
    if Postgres.has_data(home):
        there.append(home.postgres)
    if there:
        raise Conflict(
            f"{home.root} has data already: {', '.join(path.name for path in there)}",
            hint="Move the folder away, or set SENTINEL_HOME to another one.",
        )


@contextmanager
def _empty_unless_restored(home: Home) -> Generator[dict[Path, bytes]]:
    """Make the home what it was where a part fails, so that the next attempt finds no data.

    Yields:
        For what files that are replaced have had, which is then put back.
    """
    before = {path.name for path in home.root.iterdir()}
    replaced: dict[Path, bytes] = {}
    try:
        yield replaced
    except BaseException:
        if Postgres.has_data(home):
            shutil.rmtree(Postgres(home, 0).folder, ignore_errors=True)
        for path in home.root.iterdir():
            if path.name in before:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        (home.prefect / PREFECT_FILE).unlink(missing_ok=True)
        for path, had in replaced.items():
            path.write_bytes(had)
        raise


def _configuration(home: Home, path: Path, replaced: dict[Path, bytes]) -> PartRestored:
    """Unpack the files of home, each readable by this user alone, and note what others had."""
    number = 0
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("home/")
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or name == member.name or Path(name).name != name:
                continue  # of the project, whose folder is not ours
            place = home.root / name
            if place.exists():
                replaced[place] = place.read_bytes()
            place.touch(mode=0o600)
            place.write_bytes(file.read())
            number += 1
    return PartRestored(file=CONFIGURATION, into=f"files in {home.root}", rows=number)


@contextmanager
def embedded_postgres(home: Home) -> Generator[Postgres]:
    """Start the embedded PostgreSQL of a home on a free port; its data stays.

    Args:
        home: whose server nothing else has started

    Yields:
        The server, with its databases.
    """
    server = Postgres(home, any_free())
    server.prepare()
    service = server.service(os.environ)
    process = spawn(service)
    try:
        server.wait(lambda: process.poll() is None)
        yield server
    finally:
        process.send_signal(service.stop)
        process.wait(service.patience)


def _prefect_dump(server: Postgres, path: Path) -> PartRestored:
    import psycopg

    url = make_url(server.address("prefect")).set(drivername="postgresql")
    variables = {
        "PGHOST": url.host or "", "PGPORT": str(url.port or ""), "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
    }  # fmt: skip
    command = [str(find_binaries() / "pg_restore"), "--exit-on-error", "--single-transaction",
               "--no-owner", "--no-acl", "--dbname=prefect", str(path)]  # fmt: skip
    run(command, variables)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("ANALYZE")
        row = connection.execute("SELECT sum(n_live_tup) FROM pg_stat_user_tables").fetchone()
    return PartRestored(
        file=PREFECT_DUMP, into="Prefect's PostgreSQL", rows=int(row[0] or 0) if row else 0
    )


def _sentinel(
    settings: Settings, home: Home, server: Postgres | None, path: Path, actor: str
) -> PartRestored:
    into, url = "the database that SENTINEL_DATABASE_URL names", settings.database_url
    if not url and server is not None:
        into, url = "Sentinel's PostgreSQL", server.address("sentinel")
    elif not url:
        into, url = "Sentinel's SQLite", f"sqlite:///{home.closed_sqlite()}"
    store = Store(url)
    try:
        rows = sum(restore(store, path, actor=actor).rows.values())
    finally:
        store.close()
    return PartRestored(file=DATABASE, into=into, rows=rows)


def _telemetry(home: Home, path: Path) -> PartRestored:
    from sentinel.store.telemetry.backup import restore_telemetry

    with temporary_telemetry(home) as (client, _):
        client.prepare()
        rows = restore_telemetry(client, home.telemetry_backups, path)
    return PartRestored(file=TELEMETRY, into="the telemetry store", rows=sum(rows.values()))


def _rows_of(manifest: BackupSet, file: str) -> dict[str, int]:
    return next(part.rows for part in manifest.parts if part.file == file)
