"""Addresses that hold a secret stay out of logs, also out of those that libraries write.

`httpx` logs the whole address of every request at INFO, and the address of a Slack webhook is
its password.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["unlogged"]

_UNLOGGED: ContextVar[bool] = ContextVar("sentinel_unlogged", default=False)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _UNLOGGED.get()


# Once per process; a thread outside `unlogged` logs as usual.
logging.getLogger("httpx").addFilter(_Filter())


@contextmanager
def unlogged() -> Generator[None]:
    """Keep `httpx` from logging the requests that are made in the block."""
    before = _UNLOGGED.set(True)
    try:
        yield
    finally:
        _UNLOGGED.reset(before)
