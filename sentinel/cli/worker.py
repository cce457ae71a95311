"""`sentinel worker`: run a worker with warm processes, by default on Sentinel's work pool."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Annotated

import typer

from sentinel.cli.output import say
from sentinel.cli.target import join_instance, settings_here

__all__ = ["add_to"]


def worker(
    pool: Annotated[
        str, typer.Option(help="Work pool to serve; by default SENTINEL_WORK_POOL.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name in Prefect; by default this machine's.")] = "",
    queue: Annotated[
        list[str] | None, typer.Option(help="Work queue to serve; repeatable; by default all.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Largest number of concurrent runs; by default SENTINEL_WORKER_LIMIT.", min=1
        ),
    ] = None,
) -> None:
    """Run a worker of type `sentinel`: rules and notifications in warm processes.

    The same as `prefect worker start --type sentinel --pool …`, for the instance that runs here.
    SIGTERM or Ctrl-C lets running flow runs finish; a second one stops them.

    Example:
        sentinel worker --limit 16
    """
    chosen = settings_here()
    join_instance()
    os.environ.setdefault("PREFECT_API_URL", _api())
    asyncio.run(_work(pool or chosen.work_pool, name or socket.gethostname(), queue, limit))


def _api() -> str:
    from sentinel.links import Addresses
    from sentinel.settings import settings

    return Addresses.of(settings()).prefect_api


async def _work(pool: str, name: str, queue: list[str] | None, limit: int | None) -> None:
    from sentinel.worker.worker import SentinelWorker

    worker = SentinelWorker(pool, queue, name, limit=limit)
    try:
        await worker.start(printer=say)
    except asyncio.CancelledError:
        say(f"Worker {name!r} stopped.")


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(worker)
