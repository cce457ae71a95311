"""Log levels that people change at run time: by component, each until a moment.

What is set is a row of the shared database, which every process reads every few seconds. A process
compares the end with its own clock, so that a level goes back also while the database is away.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from threading import Lock

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError

__all__ = [
    "ALL",
    "COMPONENTS",
    "DEFAULT_LENGTH",
    "LEVELS",
    "LONGEST",
    "LogLevel",
    "apply_levels",
    "checked_component",
    "checked_length",
    "checked_level",
    "levels_at",
]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
"""From the most that is logged to the least."""
ALL = "all"
"""Every component of Sentinel; libraries are none, since they log addresses with secrets."""
COMPONENTS: dict[str, tuple[str, ...]] = {
    ALL: ("sentinel", "dashboard", "blocks", "flows", "triggers"),
    "api": ("sentinel.api",),
    "asgi": ("sentinel.asgi",),
    "blocks": ("blocks",),
    "dashboard": ("sentinel.dashboard", "dashboard"),
    "engine": ("sentinel.engine",),
    "event_policies": ("sentinel.event_policies",),
    "ingest": ("sentinel.ingest",),
    "prefect_client": ("sentinel.prefect_client",),
    "public_pages": ("sentinel.public_pages",),
    "relay": ("sentinel.relay",),
    "store": ("sentinel.store",),
    "triggers": ("triggers",),
    "worker": ("sentinel.worker",),
}
"""The loggers of each component, whose names begin with one of these."""
DEFAULT_LENGTH = timedelta(hours=1)
LONGEST = timedelta(days=7)
"""How long a level may last: one that nobody takes back does not fill a disk for ever."""


class LogLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A level that somebody set for a component.

    Attributes:
        component: one of `COMPONENTS`
        level: one of `LEVELS`
        until: when it goes back
        set_at: when it was set
        set_by: by whom
    """

    component: str
    level: str
    until: datetime
    set_at: datetime
    set_by: str


def checked_component(given: str) -> str:
    """Check the name of a component.

    Args:
        given: in capitals or not

    Returns:
        The name as `COMPONENTS` has it.

    Raises:
        ConfigurationError: there is no such component
    """
    name = given.strip().lower().removeprefix("sentinel.").replace("-", "_")
    if name not in COMPONENTS:
        raise ConfigurationError(
            f"{given[:100]!r} is no component", hint=f"Components: {', '.join(COMPONENTS)}."
        )
    return name


def checked_level(given: str) -> str:
    """Check the name of a level.

    Args:
        given: in capitals or not

    Returns:
        The name as `LEVELS` has it.

    Raises:
        ConfigurationError: there is no such level
    """
    name = given.strip().upper()
    if name not in LEVELS:
        raise ConfigurationError(
            f"{given[:100]!r} is no log level", hint=f"Levels: {', '.join(LEVELS)}."
        )
    return name


def checked_length(given: timedelta) -> timedelta:
    """Check how long a level is to last.

    Args:
        given: the length

    Returns:
        The same.

    Raises:
        ConfigurationError: it is nothing, or longer than `LONGEST`
    """
    if not timedelta(0) < given <= LONGEST:
        raise ConfigurationError(
            f"a log level cannot last {format_duration(given)}",
            hint=f"Set it for at most {format_duration(LONGEST)}; it can be set again.",
        )
    return given


def levels_at(now: datetime, given: Iterable[LogLevel]) -> dict[str, str]:
    """Return which levels hold at a moment.

    Args:
        now: the moment
        given: what was set

    Returns:
        The names of levels by the names of loggers. A component's own level wins over that of all.
    """
    held = [one for one in given if now < one.until and one.component in COMPONENTS]
    held.sort(key=lambda one: one.component != ALL)
    return {name: one.level for one in held for name in COMPONENTS[one.component]}


class _Before:
    """The levels that loggers of this process had before one was changed."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.levels: dict[str, int] = {}


_BEFORE = _Before()


def apply_levels(wanted: Mapping[str, str]) -> bool:
    """Give loggers of this process these levels, and all others the level that they had before.

    Args:
        wanted: the names of levels by the names of loggers

    Returns:
        Whether a level is another than before.
    """
    changed = False
    with _BEFORE.lock:
        for name in [name for name in _BEFORE.levels if name not in wanted]:
            logging.getLogger(name).setLevel(_BEFORE.levels.pop(name))
            changed = True
        for name, level in wanted.items():
            logger = logging.getLogger(name)
            _BEFORE.levels.setdefault(name, logger.level)
            if logger.level != logging.getLevelNamesMapping()[level]:
                logger.setLevel(level)
                changed = True
    return changed
