"""Runs the application under uvicorn."""

from __future__ import annotations

import logging
import sys

import uvicorn

from sentinel.api.access import check_bind
from sentinel.api.app import create_app
from sentinel.errors import SentinelError
from sentinel.settings import settings

__all__ = ["main"]


def main(*, relay: bool = True) -> int:
    """Serve until told to stop, and return the process's exit code.

    Args:
        relay: run the relay beside it
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Each look at the schema's version is a line there, and every health check looks.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    chosen = settings()
    try:
        check_bind(chosen)
        app = create_app(chosen, relay=relay)
    except SentinelError as error:
        print(f"sentinel: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        app,
        host=chosen.host,
        port=chosen.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return 0
