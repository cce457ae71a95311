"""What requests that come at the same time read and write together.

Single alerts are read by one query for all who ask; the actions of several people, and the events
of several senders, go into one transaction each. One that fails does not keep the others from
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, cast

import msgspec
from fastapi import Request

from sentinel.alerts.actions import ActionResult, Reopen
from sentinel.alerts.view import AlertView
from sentinel.api.together import Piece, Together
from sentinel.events import MOST_AT_ONCE, Kept
from sentinel.store import Store
from sentinel.store.alerts import act_locks
from sentinel.store.alerts.act_locks import Late, Taken, rules_of
from sentinel.store.alerts.act_together import act_together
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.detail import Detail, read_details
from sentinel.store.database.failures import aborted, of_the_database

__all__ = ["Acted", "Batches", "Sent", "act_on", "batches_of"]

_WRITERS, _PATIENCE = 3, 0.25
"""Transactions of a kind at once, and the seconds after which another one is begun beside one."""
_PATIENCE_READS = 0.05
"""As `_PATIENCE`, of queries: two of a few alerts each cost twice as much as one."""
_GATHER, _GATHER_READS = 0.015, 0.004
"""Seconds between two transactions, or queries, while many ask: each costs as much as several."""
_MOST_WAITING = 5_000
"""Requests of a kind that may wait for a transaction."""

Q = TypeVar("Q")
R = TypeVar("R")


class Acted(msgspec.Struct, frozen=True):
    """The result of an action on one alert, and the alert after it.

    `alert` is None where the action was refused, or where the alert was deleted after it.
    """

    result: ActionResult
    alert: AlertView | None


class Sent(msgspec.Struct, frozen=True):
    """The events of one request, and whose they are."""

    tenant: str
    events: Sequence[object]


class Batches:
    """The work that the requests of one process share.

    Args:
        store: the shared database

    Attributes:
        details: single alerts by id; None for an unknown one
        events: to store
    """

    def __init__(self, store: Store) -> None:
        self.details: Together[str, Detail | None] = Together(
            "details", partial(_details, store), threads=2, patience=_PATIENCE_READS,
            gather=_GATHER_READS,
        )  # fmt: skip
        # SQLite has one writer.
        writers = 1 if store.dialect == "sqlite" else _WRITERS
        # Who asks while a transaction waits for the turn joins it. A second transaction would wait
        # for the same turn, so none is begun before the first has given up.
        self._actions: Together[Asked, Acted | Taken] = Together(
            "actions", partial(act_on, store, wait=False), most_waiting=_MOST_WAITING,
            threads=writers, patience=act_locks.TURN_SECONDS, gather=_GATHER,
        )  # fmt: skip
        # What waits for the lock of a rule does so apart, and holds up nobody who does not. For
        # each rule one transaction waits; those who come meanwhile join it when it has the lock.
        self._rules: Together[str, Taken | None] = Together("rules", partial(rules_of, store))
        self._wait = partial(act_on, store, wait=True)
        self._waiting: dict[Taken, Together[Asked, Acted | Taken]] = {}
        self._waiters = ThreadPoolExecutor(writers, "waiting")
        self.events: Together[Sent, Kept] = Together(
            "events",
            partial(_keep, store),
            most_waiting=_MOST_WAITING,
            threads=writers,
            patience=_PATIENCE,
            gather=_GATHER,
        )

    async def act(self, asked: Asked) -> Acted:
        """Do an action on one alert.

        Args:
            asked: with a single id

        Returns:
            What came of it.

        Raises:
            Exception: what the store raised, or 503; see `Together.answer`
        """
        acted = await self._before(asked) or await self._actions.answer(asked)
        while isinstance(acted, Taken):
            waiting = self._waiting.get(acted)
            if waiting is None:
                waiting = self._waiting[acted] = Together(
                    acted.rule, self._wait, most_waiting=_MOST_WAITING, pool=self._waiters
                )
            acted = await waiting.answer(asked)
        return acted

    async def _before(self, asked: Asked) -> Taken | None:
        """Return the rule that an action needs where others wait for it: it need not be tried."""
        for rule in [rule for rule, waiting in self._waiting.items() if waiting.at_rest]:
            del self._waiting[rule]
        rule = await self._rules.answer(asked.ids[0]) if self._waiting else None
        return rule if rule in self._waiting else None

    def close(self) -> None:
        """End the threads when they have done what waits."""
        for one in (self.details, self._rules, self._actions, self.events, *self._waiting.values()):
            one.close()
        self._waiters.shutdown(wait=True)


def batches_of(request: Request) -> Batches:
    """Return the batches of the application that serves `request`."""
    return cast("Batches", request.app.state.batches)


def _details(store: Store, ids: Sequence[str]) -> list[Detail | Exception | None]:
    def read(some: Sequence[str]) -> list[Detail | None]:
        found = read_details(store, some)
        return [found.get(one) for one in some]

    different = list(dict.fromkeys(ids))
    details = dict(zip(different, _each(different, read), strict=True))
    return [details[one] for one in ids]


def act_on(store: Store, asked: Piece[Asked], *, wait: bool) -> list[Acted | Taken | Exception]:
    """Do actions, as many of them in one transaction as can share one.

    Args:
        store: the shared database
        asked: one alert each
        wait: for rules that other transactions have locked; else what needs one is left undone.
            What was asked while this waited, for a rule or for its turn, is taken along

    Returns:
        What came of each, or the rule that was locked, or why it failed.
    """
    done: list[Acted | Taken | Exception] = []
    pieces = [*_apart(asked)]
    # Only one that is alone: the answers are in the order of what was asked.
    grows = len(pieces) == 1 and not isinstance(pieces[0][0].action, Reopen)
    while pieces:
        some = pieces.pop(0)
        late = [partial(_join, asked, some, pieces)] if grows else []
        grows = False

        def do(few: Sequence[Asked], late: list[Late] = late) -> list[ActionResult | Taken]:
            # Where it fails, those that joined it are done again with the others, each alone.
            results = act_together(store, few, wait=wait, late=late.pop() if late else None)
            return [one if isinstance(one, Taken) else one[0] for one in results]

        results = _each(some, do)
        # Before the next piece, which may act on the same alerts.
        done += _shown(store, results)
    return done


def _join(asked: Piece[Asked], some: list[Asked], pieces: list[list[Asked]]) -> Sequence[Asked]:
    """Add to `some`, which is all of `asked`, what can go into its transaction.

    Args:
        asked: has more that waits
        some: gets what can join it
        pieces: are the others from now on, for transactions of their own

    Returns:
        What joined.
    """
    before = len(some)
    asked.more()
    first, *others = _apart(asked)
    some.extend(first[before:])
    pieces[:] = others
    return some[before:]


def _shown(
    store: Store, results: Sequence[ActionResult | Taken | Exception]
) -> list[Acted | Taken | Exception]:
    """Return results with their alerts; the error of reading one where it cannot be read."""

    def read(some: Sequence[str]) -> list[AlertView | None]:
        found = store.alerts.some(some)
        return [found.get(one) for one in some]

    changed = [one.alert_id for one in results if isinstance(one, ActionResult) and one.ok]
    alerts = dict(zip(changed, _each(changed, read) if changed else [], strict=True))
    done: list[Acted | Taken | Exception] = []
    for one in results:
        if not isinstance(one, ActionResult):
            done.append(one)
            continue
        alert = alerts.get(one.alert_id)
        done.append(alert if isinstance(alert, Exception) else Acted(one, alert))
    return done


def _apart(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Yield what can go into one transaction: no alert twice, and a reopening alone."""
    some: list[Asked] = []
    taken: set[str] = set()
    for one in asked:
        alone = isinstance(one.action, Reopen)
        if some and (alone or not taken.isdisjoint(one.ids)):
            yield some
            some, taken = [], set()
        some.append(one)
        taken.update(one.ids)
        if alone:
            yield some
            some, taken = [], set()
    if some:
        yield some


def _keep(store: Store, sent: Sequence[Sent]) -> list[Kept | Exception]:
    places: dict[str, list[int]] = {}
    for place, one in enumerate(sent):
        places.setdefault(one.tenant, []).append(place)
    done: dict[int, Kept | Exception] = {}
    for tenant, mine in places.items():
        for few in _bounded(sent, mine):
            calls = [sent[place].events for place in few]
            kept = _each(calls, partial(store.events.add_calls, tenant=tenant))
            done.update(zip(few, kept, strict=True))
    return [done[place] for place in range(len(sent))]


def _bounded(sent: Sequence[Sent], places: Sequence[int]) -> Iterator[list[int]]:
    """Yield places of calls that have no more events together than one call may have."""
    few: list[int] = []
    count = 0
    for place in places:
        size = len(sent[place].events)
        if few and count + size > MOST_AT_ONCE:
            yield few
            few, count = [], 0
        few.append(place)
        count += size
    yield few


def _each(asked: Sequence[Q], work: Callable[[Sequence[Q]], Sequence[R]]) -> list[R | Exception]:
    """Return the results of `work`; where it fails, those of each alone, as one may be to blame."""
    try:
        return [*work(asked)]
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
        # Each alone would meet what all met: of 50 requests, with a locked database, 50 waits.
        # A deadlock is between two that may not meet again.
        if len(asked) == 1 or (of_the_database(error) and not aborted(error)):
            return [error] * len(asked)
    return [one for alone in asked for one in _each([alone], work)]
