"""Serve the public pages with uvicorn, in a process of their own."""

from __future__ import annotations

import logging
import sys

import uvicorn

from sentinel.errors import ConfigurationError, SentinelError
from sentinel.printable import clean_log_records, printable
from sentinel.public_pages.app import create_app
from sentinel.serving.idle_connections import PromptProtocol
from sentinel.settings import settings
from sentinel.settings.tls import tls_options

__all__ = ["main"]

MOST_AT_ONCE = 200
"""Connections and requests at once; beyond it, the answer is 503."""


def main() -> int:
    """Serve the public pages until a signal stops it.

    Returns:
        The exit code of the process: 0, or 2 if a setting is invalid.

    Raises:
        ConfigurationError: never; it is printed
    """
    clean_log_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    chosen = settings()
    try:
        if not chosen.public_url:
            raise ConfigurationError(
                "SENTINEL_PUBLIC_URL is not set, so that no message has a link to a public page",
                hint="Set it to the address at which people reach this server.",
            )
        uvicorn.run(
            create_app(chosen),
            host=chosen.public_host,
            port=chosen.public_port,
            log_config=None,
            access_log=False,  # its lines would have tokens
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=5,
            limit_concurrency=MOST_AT_ONCE,
            http=PromptProtocol,
            # Whoever asks is found by the proxies that the settings trust, and not by uvicorn's.
            proxy_headers=False,
            **tls_options(chosen),
        )
    except SentinelError as error:
        print(printable(f"sentinel: {error}"), file=sys.stderr)
        return 2
    return 0
