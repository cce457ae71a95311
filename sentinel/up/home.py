"""The folder where one machine keeps its embedded databases, logs, secrets and its lock."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sentinel.errors import ConfigurationError
from sentinel.settings.private_file import write_private

__all__ = ["TELEMETRY_PASSWORD", "Home"]

TELEMETRY_PASSWORD = "telemetry-password"  # noqa: S105 - the name of the file
"""Name of the file with the password of whoever writes to the embedded telemetry store."""


@dataclass(frozen=True)
class Home:
    """Paths under one folder; nothing is made before `prepare`.

    Args:
        root: the folder, absolute
    """

    root: Path

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.root / "logs"

    @property
    def prefect(self) -> Path:
        """PREFECT_HOME of all that we start, so that the person's own profile stays theirs."""
        return self.root / "prefect"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the worker: Prefect makes a folder of one name in it for all users."""
        return self.root / "tmp"

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL's data, where its user may reach it."""
        return self.root / "postgres"

    @property
    def sqlite(self) -> Path:
        """Our database where PostgreSQL is not used."""
        return self.root / "sentinel.db"

    @property
    def telemetry(self) -> Path:
        """The embedded telemetry store's data."""
        return self.root / "telemetry"

    @property
    def telemetry_backups(self) -> Path:
        """The one folder that the embedded telemetry store reads and writes backups in."""
        return self.root / "telemetry-backups"

    @property
    def record(self) -> Path:
        """What runs at present; see `sentinel.up.instance`."""
        return self.root / "instance.json"

    @property
    def lock(self) -> Path:
        """Locked as long as an instance runs."""
        return self.root / "lock"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            ConfigurationError: they cannot be written
        """
        try:
            # Others may pass through, since as root the database runs as another user; what is
            # inside is closed to them.
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self.prefect.mkdir(mode=0o700, exist_ok=True)
            self.temporary.mkdir(mode=0o700, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.root} cannot be written: {error.strerror}",
                hint="Set SENTINEL_HOME to one that can.",
            ) from error

    def closed_sqlite(self) -> Path:
        """Make the SQLite database if there is none, and let only this user read it.

        Returns:
            Its file; SQLite gives its journals the same permissions.
        """
        self.sqlite.touch(mode=0o600)
        for file in self.root.glob(f"{self.sqlite.name}*"):  # earlier versions left them open
            file.chmod(0o600)
        return self.sqlite

    def log(self, name: str) -> Path:
        """The log file of the process called `name`."""
        return self.logs / f"{name}.log"

    def secret(self, name: str, prefix: str = "") -> str:
        """Return a random secret kept in the file `name`, which only this user may read.

        It is made the first time; two processes that make it at once get the same one.

        Args:
            name: of the file
            prefix: what a new secret begins with, such as a user name and a colon

        Returns:
            The prefix and 43 characters of URL-safe base64.
        """
        path = self.root / name
        if not path.exists() or not path.read_text("ascii").strip():
            own = path.with_name(f".{name}.{secrets.token_hex(4)}")
            write_private(own, prefix + secrets.token_urlsafe(32) + "\n")
            try:
                os.link(own, path)
            except FileExistsError:
                if not path.read_text("ascii").strip():
                    own.replace(path)
            own.unlink(missing_ok=True)
        return path.read_text("ascii").strip()

    def is_own_telemetry(self, url: str) -> bool:
        """Return whether an address is that of the telemetry store that is embedded here.

        Args:
            url: with its password, which no other store has

        Returns:
            False also where no store has been embedded yet.
        """
        path = self.root / TELEMETRY_PASSWORD
        if not path.exists():
            return False
        return urlsplit(url).password == path.read_text("ascii").strip()
