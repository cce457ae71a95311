"""Addresses that hold a secret stay out of logs, also out of those that libraries write.

`httpx` logs the whole address of every request at INFO, and the address of a Slack webhook is
its password. `botocore`, which speaks to the object storage of the archive, logs at DEBUG the
headers with a session token and a signature, and answers with credentials.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["unlog_credentials", "unlogged"]

_UNLOGGED: ContextVar[bool] = ContextVar("sentinel_unlogged", default=False)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _UNLOGGED.get()


# Once per process; a thread outside `unlogged` logs as usual.
logging.getLogger("httpx").addFilter(_Filter())


class _FromInfo(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


_FROM_INFO = _FromInfo()


def unlog_credentials() -> None:
    """Keep `botocore` from logging what it signs and is answered, whatever level is set."""
    for name in ("botocore.auth", "botocore.endpoint", "botocore.parsers"):
        logging.getLogger(name).addFilter(_FROM_INFO)


@contextmanager
def unlogged() -> Generator[None]:
    """Keep `httpx` from logging the requests that are made in the block."""
    before = _UNLOGGED.set(True)
    try:
        yield
    finally:
        _UNLOGGED.reset(before)
