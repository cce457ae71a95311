"""What a check logs goes into the log of its flow run, as what it prints does.

Prefect sends `get_run_logger()` and, for a flow with `log_prints`, what is printed. A check also
logs by Python's `logging`, as any library does: its own records from INFO on, and those of others
from WARNING on, are passed to the logger of the flow run while the check runs.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import msgspec
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from sentinel.checks.trigger import Trigger

__all__ = ["logs_of_run"]

_root = logging.getLogger()


class _Check(msgspec.Struct, frozen=True):
    """The check that runs in a context: where its code is, and the logger of its flow run."""

    module: str
    file: str
    logger: logging.Logger
    extra: dict[str, Any]

    def owns(self, record: logging.LogRecord) -> bool:
        package = self.module.partition(".")[0]
        return (
            record.name == "root"
            or record.pathname == self.file
            or (record.name == package or record.name.startswith(f"{package}."))
        )


_running: ContextVar[_Check | None] = ContextVar("check", default=None)


class _ToRun(logging.Handler):
    """Passes the records of a context in which a check runs to the log of its flow run."""

    def emit(self, record: logging.LogRecord) -> None:
        check = _running.get()
        if check is None or record.name.partition(".")[0] == "prefect":
            return
        if record.levelno < logging.WARNING and not check.owns(record):
            return
        if check.logger.isEnabledFor(record.levelno):
            passed = copy.copy(record)
            passed.__dict__.update(check.extra)
            # Its own handlers send to the API. Those above it have the record already.
            for handler in check.logger.handlers:
                if record.levelno >= handler.level:
                    handler.handle(passed)


class _AsBefore(logging.Filter):
    """Keeps from the root's other handlers what its level kept from them before."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._level or not _inherits(record.name)


def _inherits(name: str) -> bool:
    """Return whether the level of the logger `name` is the root's."""
    logger: logging.Logger | None = logging.getLogger(name) if name != "root" else _root
    while logger is not None and logger is not _root:
        if logger.level:
            return False
        logger = logger.parent
    return True


class _Installed:
    """The handler on the root logger, for as long as any check runs in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._checks = 0
        self._handler = _ToRun()
        self._level = logging.WARNING
        self._others: list[tuple[logging.Handler, logging.Filter]] = []

    def begin(self) -> None:
        with self._lock:
            self._checks += 1
            if self._checks > 1:
                return
            self._level = _root.level
            if self._level > logging.INFO:
                self._others = [(one, _AsBefore(self._level)) for one in _root.handlers]
                for handler, as_before in self._others:
                    handler.addFilter(as_before)
                _root.setLevel(logging.INFO)
            _root.addHandler(self._handler)

    def end(self) -> None:
        with self._lock:
            self._checks -= 1
            if self._checks:
                return
            _root.removeHandler(self._handler)
            _root.setLevel(self._level)
            for handler, as_before in self._others:
                handler.removeFilter(as_before)
            self._others = []


_installed = _Installed()


@contextmanager
def logs_of_run(trigger: Trigger[..., Any]) -> Generator[None]:
    """Send what the check logs to the log of the flow run of this context.

    Args:
        trigger: the check, which runs in this context or in a copy of it
    """
    if FlowRunContext.get() is None:  # the flow was called as a plain function
        yield
        return
    logger: Any = get_run_logger()
    check = _Check(
        module=trigger.module,
        file=trigger.function.__code__.co_filename if hasattr(trigger.function, "__code__") else "",
        logger=logger.logger,
        extra=dict(logger.extra or {}),
    )
    token = _running.set(check)
    _installed.begin()
    try:
        yield
    finally:
        _installed.end()
        _running.reset(token)
