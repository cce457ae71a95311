"""A PostgreSQL with a standby that has each commit before the client hears of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg

from sentinel.up.home import Home
from sentinel.up.ports import any_free
from sentinel.up.postgres import Postgres, find_binaries
from sentinel.up.processes import Service, spawn
from tests.waiting import eventually

__all__ = ["Replicated", "replicated"]

_QUICK = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "wal_level=replica")
"""What a killed process has written, the machine keeps; nothing here outlives the machine."""


class Replicated:
    """Two servers, of which the second follows the first.

    Args:
        folder: that the user of PostgreSQL may enter
    """

    def __init__(self, folder: Path) -> None:
        home = Home(folder)
        home.prepare()
        self._server = Postgres(home, any_free())
        self._server.prepare(durable=False)
        service = self._server.service(os.environ)
        service = replace(service, command=[*service.command, *_QUICK])
        self.primary = spawn(service)
        self._server.wait(lambda: self.primary.poll() is None)
        self._ports = self._server.port, any_free()
        self._copy(service, folder)
        following = [
            str(self._copied) if part == self._data else
            str(self._ports[1]) if part == str(self._ports[0]) else part
            for part in service.command
        ]  # fmt: skip
        self.standby = spawn(replace(service, command=following, name="standby",
                                     log=home.log("standby")))  # fmt: skip
        with self._superuser(0) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        eventually(self._follows, "the standby follows", 60)

    def _copy(self, service: Service, folder: Path) -> None:
        self._data = service.command[service.command.index("-D") + 1]
        self._copied = Path(self._data).parent / "standby"
        user = self._address(0)
        subprocess.run(
            [find_binaries() / "pg_basebackup", "-d", user, "-D", str(self._copied), "-R",
             "-X", "stream", "-c", "fast"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        if service.user is not None:
            for one in (self._copied, *self._copied.rglob("*")):
                os.chown(one, service.user, -1)
        self._copied.chmod(0o700)

    def _address(self, which: int) -> str:
        url = self._server.address("postgres", driver="psycopg")
        return url.replace("+psycopg", "").replace(str(self._ports[0]), str(self._ports[which]))

    def _superuser(self, which: int) -> psycopg.Connection:
        return psycopg.connect(self._address(which), autocommit=True, connect_timeout=5)

    def _follows(self) -> bool:
        with self._superuser(0) as connection:
            row = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone()
        return row is not None and row[0] == "sync"

    @property
    def url(self) -> str:
        """The address that names both servers, of which the one that takes writes is used."""
        one = self._server.address("sentinel")
        head, _, _ = one.partition("@")
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in self._ports)
        return f"{head}@/sentinel?{hosts}&target_session_attrs=read-write"

    def promote(self) -> None:
        """Make the standby the primary, as whoever watches both does."""
        with self._superuser(1) as connection:
            # Nobody follows it: it waits for no one any more.
            connection.execute("SELECT pg_promote(wait => true)")
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stop both."""
        for process in (self.standby, self.primary):
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(30)


@contextmanager
def replicated(folder: Path) -> Generator[Replicated]:
    """Run both servers within a block.

    Args:
        folder: of their own; gone with the block

    Yields:
        The servers.
    """
    folder.mkdir()
    folder.chmod(0o711)
    made = Replicated(folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
