"""The event policies over log lines of each tenant, as intake of logs needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from sqlalchemy import and_, select

from sentinel.errors import ConfigurationError
from sentinel.event_policies import EventPolicy
from sentinel.event_policies.log_lines import LineMatcher
from sentinel.event_policies.pack import Spec, pack_of
from sentinel.events import MOST_AT_ONCE
from sentinel.store.database.chunks import chunks
from sentinel.store.database.failures import of_the_database
from sentinel.store.database.tables import RULE
from sentinel.store.events.packs import PACK

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LogPolicies"]

log = logging.getLogger(__name__)

_LOOKED_AT = timedelta(seconds=1)
"""So long after a change of policies, lines may be matched as before it."""
_BYTES_AT_ONCE = 8_000_000
"""Of the events of one transaction, about: each line has its resource, which may be large."""
_Named = Sequence[tuple[str, EventPolicy]]


class _Known(msgspec.Struct):
    """The policies of a tenant when they were last looked at.

    Attributes:
        at: when that was
        packs: names and digests of its packs
        disabled: names of rules that are switched off
        matcher: of those that are on; None where there are none
        named: policies over log lines of each pack, by name and digest
    """

    at: datetime
    packs: frozenset[tuple[str, str]]
    disabled: frozenset[str]
    matcher: LineMatcher | None
    named: dict[tuple[str, str], _Named]


class LogPolicies:
    """Matches log lines against the policies of their tenant, and stores those that match.

    A tenant's policies are looked at once a second while lines come, by the names and digests of
    its packs, and are compiled again only where those have changed.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._known: dict[str, _Known] = {}

    def of(self, tenant: str) -> LineMatcher | None:
        """Return what finds the lines that a policy matches.

        Args:
            tenant: whose lines and policies

        Returns:
            The matcher; None where no policy is about log lines. While the database does not
            answer, the policies are those that were last seen: nobody can change them meanwhile.

        Raises:
            Exception: of the database, where the policies were not seen yet
        """
        now = self._store.now()
        known = self._known.get(tenant)
        if known is not None and timedelta(0) <= now - known.at < _LOOKED_AT:
            return known.matcher
        # Not under the lock: no tenant waits for what is read for another.
        try:
            found = self._look(tenant, now, known)
        except Exception as error:
            if known is None or not of_the_database(error):
                raise
            # So that not every batch waits for the database.
            found = msgspec.structs.replace(known, at=self._store.now())
        with self._lock:
            before = self._known.get(tenant)
            if before is None or before is known or before.at <= found.at:
                self._known[tenant] = found
        return found.matcher

    def keep(self, tenant: str, lines: Sequence[dict[str, Any]]) -> None:
        """Store lines that a policy matches in the log of events, each id once.

        Args:
            tenant: whose they are
            lines: events, as `LineMatcher.match` returns them; one that the log of events does not
                take is logged and left out, since the line itself is kept

        Raises:
            DatabaseError: they cannot be written; what was is known by its ids
        """
        for piece in _pieces(lines):
            kept = self._store.events.add(piece, tenant=tenant, source="log")
            if kept.refused:
                log.error(
                    "%d log lines of %s that a policy matches are no events, and open no alert: %s",
                    len(kept.refused), tenant, kept.refused[0].message,
                )  # fmt: skip

    def _look(self, tenant: str, now: datetime, known: _Known | None) -> _Known:
        own = and_(RULE.c.tenant == PACK.c.tenant, RULE.c.name == PACK.c.name)
        query = select(PACK.c.name, PACK.c.digest).join(RULE, own)
        query = query.where(PACK.c.tenant == tenant, RULE.c.enabled)
        off = select(RULE.c.name).where(RULE.c.tenant == tenant, RULE.c.enabled.is_(False))
        with self._store.read() as connection:
            packs = frozenset((row.name, row.digest) for row in connection.execute(query))
            if not packs:
                return _Known(now, packs, frozenset(), None, {})
            before = known.named if known else {}
            named = {one: before[one] for one in packs if one in before}
            new = [name for name, digest in packs if (name, digest) not in named]
            for piece in chunks(new):
                specs = select(PACK.c.name, PACK.c.digest, PACK.c.spec)
                specs = specs.where(PACK.c.tenant == tenant, PACK.c.name.in_(piece))
                for row in connection.execute(specs):
                    named[row.name, row.digest] = _about_lines(tenant, row.name, row.spec)
            some = any(named.values())
            disabled = frozenset(connection.execute(off).scalars()) if some else frozenset[str]()
        if known is not None and (known.packs, known.disabled) == (packs, disabled):
            return msgspec.structs.replace(known, at=now)
        chosen = [
            policy for pack in named.values() for name, policy in pack if name not in disabled
        ]
        return _Known(now, packs, disabled, LineMatcher(chosen) if chosen else None, named)


def _pieces(lines: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Part events so that those of a transaction are bounded by number and by bytes."""
    piece, size = list[dict[str, Any]](), 0
    for line in lines:
        length = len(orjson.dumps(line))
        if piece and (len(piece) >= MOST_AT_ONCE or size + length > _BYTES_AT_ONCE):
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += length
    if piece:
        yield piece


def _about_lines(tenant: str, name: str, spec: dict[str, Any]) -> _Named:
    """Return the policies of a pack that are about log lines, with the names of their rules."""
    if not any(one.get("source") == "log" for one in spec["policies"]):
        return ()
    try:
        pack = pack_of(msgspec.convert(spec, Spec))
    except (ConfigurationError, msgspec.ValidationError, ValueError) as error:
        # As one of a newer Sentinel. Neither lines nor other packs wait for it.
        log.error("no log lines are matched by the pack %s of %s: %s", name, tenant, error)
        return ()
    both = zip(pack.names, pack.policies, strict=True)
    return [(name, one) for name, one in both if one.source == "log" and one.enabled]
