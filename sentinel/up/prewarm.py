"""Prefect's own commands, in a process that is warm by the time the server answers.

Importing Prefect takes seconds of CPU. `up` starts these processes beside the server: they
import, wait for its API and for the work pool, and only then become what was asked for. So a
worker that is started again while the server is down waits for it, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import PrefectUnreachable, SentinelError
from sentinel.printable import printable
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.up.channels import make_channels
from sentinel.up.setup import Setup

__all__ = ["main", "run_prefect"]

_PATIENCE_SECONDS = 300.0
_WORKER = ("prefect.cli.worker", "sentinel.worker.worker")
_ROLLOUT = ("prefect.cli.block", "prefect.cli.deploy", "prefect.deployments.runner", "flows.rules")


def main(arguments: Sequence[str]) -> int:
    """Run one thing.

    Args:
        arguments: `worker` and its arguments, or `rollout` and a `prefect.yaml`

    Returns:
        The exit code of the command that failed, else 0.
    """
    what, *rest = arguments
    for module in _ROLLOUT if what == "rollout" else _WORKER:
        import_module(module)
    from prefect.cli import app

    if not _pool_is_there():
        print("the Prefect API did not answer in time, or has no work pool", file=sys.stderr)
        return 5
    if what == "worker":
        return run_prefect(app, "worker", "start", *rest)
    blocks = run_prefect(app, "block", "register", "-m", "blocks")
    _make_channels()
    return run_prefect(app, "--no-prompt", "deploy", "--all", "--prefect-file", rest[0]) or blocks


def _make_channels() -> None:
    """Channels of the `ALERT_*` variables, before a rule can have anything to tell."""
    store = Store.of(settings())
    try:
        for made in make_channels(store, settings()):
            print(printable(f"channel {made.ref}"))
    except (SentinelError, ValidationError, SQLAlchemyError) as error:
        # `up` tries again when the rules are out, and shows what is wrong then.
        print(f"channels: {type(error).__name__}", file=sys.stderr)
    finally:
        store.close()


def _pool_is_there() -> bool:
    chosen = settings()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with Setup.of(chosen) as prefect:
        while time.monotonic() < deadline:
            try:
                if prefect.pool(chosen.work_pool) is not None:
                    return True
            except PrefectUnreachable:
                pass  # it is still starting
            time.sleep(0.2)
    return False


def run_prefect(app: Any, *arguments: str) -> int:
    """Run one Prefect command in this process."""
    sys.argv = ["prefect", *arguments]
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
