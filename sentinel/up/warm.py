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

from sentinel.errors import PrefectUnreachable
from sentinel.settings import settings
from sentinel.up.setup import Setup

__all__ = ["main"]

_PATIENCE_SECONDS = 300.0
_WORKER = ("prefect.cli.worker", "prefect.workers.process", "prefect.runner")
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
        return _prefect(app, "worker", "start", *rest)
    blocks = _prefect(app, "block", "register", "-m", "blocks")
    return _prefect(app, "--no-prompt", "deploy", "--all", "--prefect-file", rest[0]) or blocks


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


def _prefect(app: Any, *arguments: str) -> int:
    """Run one Prefect command in this process."""
    sys.argv = ["prefect", *arguments]
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
