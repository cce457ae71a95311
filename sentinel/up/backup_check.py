"""Verifies a backup by restoring it into a temporary place, and comparing what is there."""

from __future__ import annotations

import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from sentinel.errors import ConfigurationError, SentinelError
from sentinel.metrics import Sample
from sentinel.store import Store
from sentinel.store.audit.chaining import verify_chain
from sentinel.store.database.backup import restore
from sentinel.store.database.component_reports import report
from sentinel.store.database.info import facts_of
from sentinel.up.backup_set import (
    CONFIGURATION,
    DATABASE,
    MANIFEST,
    PREFECT_DUMP,
    PREFECT_FILE,
    TELEMETRY,
    BackupSet,
    Part,
    run,
    sha256_of,
)
from sentinel.up.home import Home
from sentinel.up.postgres import find_binaries
from sentinel.up.temporary import temporary_postgres
from sentinel.up.temporary_telemetry import telemetry_installed, temporary_telemetry

__all__ = ["PartVerified", "read_manifest", "record_verification", "verify_backup", "verify_dump"]

_MOVED_ON = frozenset({"audit", "audit_person", "change", "digest_run", "handoff_notified"})
"""Tables into which a restore itself writes."""
_NEWEST_LAYOUT = 1


class PartVerified(msgspec.Struct, frozen=True, kw_only=True):
    """What the verification of a part found.

    Attributes:
        file: the part
        how: what was done with it
        rows: how many rows were counted in the restored copy
        problem: what is wrong; empty for nothing
    """

    file: str
    how: str
    rows: int = 0
    problem: str = ""


def read_manifest(folder: Path) -> BackupSet:
    """Return the manifest of a backup.

    Args:
        folder: of the backup

    Returns:
        The manifest.

    Raises:
        ConfigurationError: there is none, or it cannot be read
    """
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=BackupSet)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror})",
            hint="Name a folder that `sentinel backup run` wrote.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigurationError(f"{folder / MANIFEST} is damaged", hint="Use another.") from None
    if found.version > _NEWEST_LAYOUT:
        raise ConfigurationError(
            f"a newer version of Sentinel wrote {folder}", hint="Upgrade Sentinel."
        )
    return found


def verify_backup(folder: Path, *, audit_key: str = "") -> list[PartVerified]:
    """Restore a backup into a temporary place, which is gone afterwards, and compare it.

    Sentinel's database is restored into an SQLite file, and its audit trail verified. A dump of
    Prefect's is restored into a temporary PostgreSQL, and telemetry into a temporary store, where
    its libraries are installed.

    Args:
        folder: of the backup
        audit_key: that checkpoints of the audit trail are signed with

    Returns:
        What was found for each part.

    Raises:
        ConfigurationError: it is no backup that this version can read
    """
    found: list[PartVerified] = []
    for part in read_manifest(folder).parts:
        how, check = _CHECKS.get(part.file, ("not known to this version", _nothing))
        path = folder / Path(part.file).name
        try:
            if not path.is_file() or sha256_of(path) != part.sha256:
                raise ConfigurationError("it is missing, or is not what was written")
            rows = check(path, part, audit_key)
            found.append(PartVerified(file=part.file, how=how, rows=rows))
        except SentinelError as error:
            found.append(PartVerified(file=part.file, how=how, problem=error.message))
        except (OSError, sqlite3.Error, psycopg.Error, tarfile.TarError) as error:
            said = f"{type(error).__name__}: {error}"[:300]
            found.append(PartVerified(file=part.file, how=how, problem=said))
    return found


def record_verification(store: Store, found: list[PartVerified]) -> None:
    """Keep what a verification found, for doctor, the page *Health* and rules.

    Args:
        store: the shared database
        found: for each part
    """
    bad = [f"{one.file}: {one.problem}" for one in found if one.problem]
    if bad:
        says = f"a backup does not restore: {'; '.join(bad)}"[:1000]
        report(store, "backup", "wrong", says, "Write another one: sentinel backup run FOLDER")
    store.metrics.add([Sample(name="sentinel_backup_verified", value=float(not bad))])


def _database(path: Path, part: Part, audit_key: str) -> int:
    """Restore Sentinel's database, compare the number of rows, and verify the audit trail."""
    with tempfile.TemporaryDirectory(prefix="sentinel-verify-") as folder:
        store = Store(f"sqlite:///{folder}/restored.db")
        try:
            header = restore(store, path, actor="verification")
            facts = facts_of(store)
            if not facts.up_to_date:
                raise ConfigurationError("the restored database is not at this version's schema")
            same_schema = facts.schema == header.schema
            wanted = {name: count for name, count in part.rows.items() if name not in _MOVED_ON}
            differ = {
                name: facts.rows.get(name, 0)
                for name, count in wanted.items()
                if same_schema and facts.rows.get(name, 0) != count
            }
            if differ:
                one, count = next(iter(differ.items()))
                raise ConfigurationError(f"{one} has {count:,} rows and not {wanted[one]:,}")
            problems = verify_chain(store, key=audit_key).problems
            if problems:
                raise ConfigurationError(f"its audit trail does not verify: {problems[0]}")
            return sum(facts.rows.values())
        finally:
            store.close()


def verify_dump(path: Path, part: Part, audit_key: str = "") -> int:
    """Restore a dump of Prefect's database into a temporary PostgreSQL, and count rows.

    Args:
        path: of the dump
        part: with the counts of its moment
        audit_key: not used

    Returns:
        The number of rows counted.

    Raises:
        ConfigurationError: it does not restore, or holds other numbers of rows
    """
    with temporary_postgres(durable=False) as server:
        url = make_url(server.address("restored"))  # as the superuser, who may make databases
        variables = {
            "PGHOST": url.host or "", "PGPORT": str(url.port or ""), "PGUSER": url.username or "",
            "PGPASSWORD": str(url.password or ""),
        }  # fmt: skip
        admin_url = make_url(server.address("postgres")).set(drivername="postgresql")
        with psycopg.connect(
            admin_url.render_as_string(hide_password=False), autocommit=True
        ) as admin:
            admin.execute("CREATE DATABASE restored")
        command = [str(find_binaries() / "pg_restore"), "--exit-on-error", "--no-owner",
                   "--no-acl", "--dbname=restored", str(path)]  # fmt: skip
        run(command, variables)
        restored = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(restored) as connection:

            def count(table: str) -> int:
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                row = connection.execute(query).fetchone()
                return 0 if row is None else int(row[0])

            return _compared(part, count)


def _prefect_file(path: Path, part: Part, audit_key: str) -> int:
    """Check Prefect's SQLite file, and count rows."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            raise ConfigurationError(f"it is damaged: {said}"[:300])

        def count(table: str) -> int:
            query = f'SELECT count(*) FROM "{table}"'  # noqa: S608 - of our own manifest
            return int(connection.execute(query).fetchone()[0])

        return _compared(part, count)


def _compared(part: Part, count: Callable[[str], int]) -> int:
    total = 0
    for name, wanted in part.rows.items():
        if (there := count(name)) != wanted:
            raise ConfigurationError(f"{name} has {there:,} rows and not {wanted:,}")
        total += there
    return total


def _tar(path: Path, part: Part, audit_key: str) -> int:
    """Read every file of a tar archive to its end, and return how many there are."""
    number = 0
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            while file is not None and file.read(1 << 20):
                pass
            number += 1
    return number


def _telemetry(path: Path, part: Part, audit_key: str) -> int:
    """Restore logs and spans into a store of their own, which is gone afterwards, and count them.

    What is older than its retention leaves a store at any time, so that numbers may differ.

    Args:
        path: of the backup
        part: with the counts of its moment
        audit_key: not used

    Returns:
        The number of logs and spans; of files, where the libraries are not installed.

    Raises:
        ConfigurationError: it does not restore, or a table that had rows has none
    """
    from sentinel.store.telemetry.backup import restore_telemetry

    if not telemetry_installed():
        return _tar(path, part, audit_key)
    with tempfile.TemporaryDirectory(prefix="sentinel-verify-") as folder:
        home = Home(Path(folder))
        home.prepare()
        with temporary_telemetry(home) as (client, _):
            client.prepare()
            rows = restore_telemetry(client, home.telemetry_backups, path)
    for name, wanted in part.rows.items():
        if wanted and not rows.get(name):
            raise ConfigurationError(f"{name} has no rows and not {wanted:,}")
    return sum(rows.values())


def _nothing(path: Path, part: Part, audit_key: str) -> int:
    raise ConfigurationError("this version of Sentinel does not know it", hint="Upgrade Sentinel.")


_CHECKS: dict[str, tuple[str, Callable[[Path, Part, str], int]]] = {
    DATABASE: ("restored, counted, audit trail verified", _database),
    PREFECT_DUMP: ("restored, counted", verify_dump),
    PREFECT_FILE: ("opened, counted", _prefect_file),
    TELEMETRY: ("restored, counted", _telemetry),
    CONFIGURATION: ("read to its end", _tar),
}
"""By file: what is done with it, and the function that does it."""
