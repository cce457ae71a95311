"""A PostgreSQL for as long as a block lasts: for tests, and for benchmarks of what people run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sentinel.up.home import Home
from sentinel.up.ports import any_free
from sentinel.up.postgres import Postgres
from sentinel.up.processes import spawn

__all__ = ["temporary_postgres"]

_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def temporary_postgres(*, durable: bool = True) -> Generator[Postgres]:
    """Start an embedded server on a free port; gone, data and all, with the block.

    Args:
        durable: with the settings of production, as benchmarks need it; otherwise no commit waits
            for the disk, which is enough for whatever does not outlive this machine anyway

    Yields:
        The server, which accepts connections.
    """
    folder = Path(tempfile.mkdtemp(prefix="sentinel-postgres-"))
    folder.chmod(0o711)  # the server runs as another user where this one is root
    home = Home(folder)
    home.prepare()
    server = Postgres(home, any_free())
    try:
        server.prepare(durable=durable)
        service = server.service(os.environ)
        if not durable:
            relaxed = [word for setting in _NOT_DURABLE for word in ("-c", setting)]
            service = replace(service, command=[*service.command, *relaxed])
        process = spawn(service)
        try:
            server.wait(lambda: process.poll() is None)
            yield server
        finally:
            process.send_signal(service.stop)
            process.wait(service.patience)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
