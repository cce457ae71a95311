"""Run the application with uvicorn."""

from __future__ import annotations

import logging
import sys

import uvicorn

from sentinel.api.access import check_bind
from sentinel.api.app import create_app
from sentinel.errors import SentinelError
from sentinel.printable import clean_log_records, printable
from sentinel.settings import settings

__all__ = ["main"]


def main(*, relay: bool = True) -> int:
    """Serve the API until a signal stops it.

    Args:
        relay: run the relay in a thread of this process

    Returns:
        The exit code of the process: 0, or 2 if a setting is invalid.
    """
    clean_log_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Alembic logs a line for each read of the schema's revision, that is for each health check.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    chosen = settings()
    try:
        check_bind(chosen)
        app = create_app(chosen, relay=relay)
    except SentinelError as error:
        print(printable(f"sentinel: {error}"), file=sys.stderr)
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
