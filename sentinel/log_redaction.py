"""Addresses that hold a secret stay out of logs, also out of those that libraries write.

`httpx` logs the whole address of every request at INFO, and the address of a Slack webhook is
its password.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["unsaid"]

_UNSAID: ContextVar[bool] = ContextVar("sentinel_unsaid", default=False)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _UNSAID.get()


# Once per process; a thread that says nothing to `unsaid` logs as ever.
logging.getLogger("httpx").addFilter(_Filter())


@contextmanager
def unsaid() -> Generator[None]:
    """What is requested in the block is not logged by `httpx`."""
    before = _UNSAID.set(True)
    try:
        yield
    finally:
        _UNSAID.reset(before)
