"""A PostgreSQL for as long as a block lasts: for tests and benchmarks, with production settings."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sentinel.up.home import Home
from sentinel.up.ports import any_free
from sentinel.up.postgres import Postgres
from sentinel.up.processes import spawn

__all__ = ["temporary_postgres"]


@contextmanager
def temporary_postgres() -> Generator[Postgres]:
    """Start an embedded server on a free port; gone, data and all, with the block."""
    folder = Path(tempfile.mkdtemp(prefix="sentinel-postgres-"))
    folder.chmod(0o711)  # the server runs as another user where this one is root
    home = Home(folder)
    home.prepare()
    server = Postgres(home, any_free())
    try:
        server.prepare()
        service = server.service(os.environ)
        process = spawn(service)
        try:
            server.wait(lambda: process.poll() is None)
            yield server
        finally:
            process.send_signal(service.stop)
            process.wait(service.patience)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
