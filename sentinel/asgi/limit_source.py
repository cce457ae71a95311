"""Where the middleware has its limits from: a text, or a limit set that people change."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from sentinel.api_usage.matching import LimitSet
from sentinel.asgi.guarding import Away, Guard
from sentinel.errors import ConfigurationError, NotFound, SentinelError
from sentinel.store.api_usage.limit_sets import HELD_SECONDS, SET_NAME, LimitSets

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["FixedLimits", "StoredLimits"]

_log = logging.getLogger(__name__)
_NAME = re.compile(SET_NAME)


class FixedLimits:
    """Limits that stay as they are.

    Args:
        limits: which
    """

    def __init__(self, limits: LimitSet) -> None:
        self._limits = limits

    async def now(self) -> LimitSet:
        """Return the limits."""
        return self._limits


class StoredLimits:
    """A limit set, as it was read at most `HELD_SECONDS` and one request ago.

    The first request waits for it; later ones go on by what is known, while a thread looks whether
    it changed. Where the database does not answer, or has what this version cannot read, the last
    known limits stay; before the first answer there are none. A set that was removed limits
    nothing.

    Args:
        store: the shared database
        guard: whose threads ask it
        tenant: of the set
        name: of the set
        monotonic: seconds that only rise
        counted_for: under whose name limits count; the tenant's by default

    Raises:
        ConfigurationError: no set can have this name
    """

    def __init__(
        self, store: Store, guard: Guard, tenant: str, name: str,
        monotonic: Callable[[], float] = time.monotonic, *, counted_for: str | None = None,
    ) -> None:  # fmt: skip
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"limits: {name[:100]!r} can be no limit set", hint="Write set:NAME."
            )
        self._sets = LimitSets(store)
        self._guard = guard
        self._tenant, self._name = tenant, name
        self._counted_for = counted_for or tenant
        self._monotonic = monotonic
        self._limits = LimitSet(())
        self._text: str | None = None
        self._known = False
        self._due = -1.0
        self._said = ""
        self._following = False

    async def now(self) -> LimitSet:
        """Return the limits; waits for the database only until they were read once."""
        now = self._monotonic()
        if not self._known:
            try:
                await self._guard.ask(self._read, None)
            except Away:
                self._say("the database did not answer; nothing is limited until it does")
        elif now >= self._due and not self._following:
            # One at a time: a database that hangs would else take one thread after another.
            self._due, self._following = now + HELD_SECONDS, True
            self._guard.in_background(self._follow)
        return self._limits

    def _read(self, _: object) -> None:
        try:
            found = self._sets.get(self._tenant, self._name)
            if found.text != self._text:
                self._limits = LimitSet(found.limits, self._counted_for, self._name)
            self._text = found.text
        except NotFound:
            self._limits, self._text = LimitSet(()), None
            self._say("there is none of this name; nothing is limited")
        except ConfigurationError as error:
            self._say(f"its last known limits stay: {error.message}")
        else:
            self._said = ""
        self._due = self._monotonic() + HELD_SECONDS
        self._known = True

    def _follow(self) -> None:
        try:
            self._read(None)
        except (SentinelError, SQLAlchemyError) as error:
            why = str(error).partition("\n")[0]
            self._say(f"its last known limits stay: {why}")
        finally:
            self._following = False

    def _say(self, why: str) -> None:
        if why != self._said:
            self._said = why
            _log.warning("limit set %s of the tenant %s: %s", self._name, self._tenant, why)
