"""What requests that come at the same time read and write together.

Single alerts are read by one query for all who ask; the actions of several people, and the events
of several senders, go into one transaction each. One that fails does not keep the others from
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar, cast

import msgspec
from fastapi import Request

from sentinel.alerts.actions import ActionResult, Reopen
from sentinel.alerts.view import AlertView
from sentinel.api.together import Together
from sentinel.events import MOST_AT_ONCE, Kept
from sentinel.store import Store
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.detail import Detail, read_details
from sentinel.store.database.failures import aborted, of_the_database

__all__ = ["Acted", "Batches", "Sent", "batches_of"]

_WRITERS, _PATIENCE = 3, 0.25
"""Transactions of a kind at once, and the seconds after which another one is begun beside one."""
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
            "details", partial(_details, store), threads=2
        )
        # SQLite has one writer.
        writers = 1 if store.dialect == "sqlite" else _WRITERS
        # What waits for the lock of a rule does so apart, and holds up nobody who does not.
        self._actions, self._waiting = (
            Together[Asked, "Acted | None"](
                name, partial(_act, store, wait=wait), most_waiting=_MOST_WAITING,
                threads=writers, patience=_PATIENCE,
            )
            for name, wait in (("actions", False), ("waiting", True))
        )  # fmt: skip
        self.events: Together[Sent, Kept] = Together(
            "events",
            partial(_keep, store),
            most_waiting=_MOST_WAITING,
            threads=writers,
            patience=_PATIENCE,
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
        acted = await self._actions.answer(asked) or await self._waiting.answer(asked)
        return cast("Acted", acted)  # what waits leaves nothing undone

    def close(self) -> None:
        """End the threads when they have done what waits."""
        for one in (self.details, self._actions, self._waiting, self.events):
            one.close()


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


def _act(store: Store, asked: Sequence[Asked], *, wait: bool) -> list[Acted | Exception | None]:
    def do(some: Sequence[Asked]) -> list[ActionResult | None]:
        return [results[0] if results else None for results in store.act_all(some, wait=wait)]

    done: list[Acted | Exception | None] = []
    for some in _apart(asked):
        results = _each(some, do)
        # Before the next piece, which may act on the same alerts.
        done += _shown(store, results)
    return done


def _shown(
    store: Store, results: Sequence[ActionResult | Exception | None]
) -> list[Acted | Exception | None]:
    """Return results with their alerts; the error of reading one where it cannot be read."""

    def read(some: Sequence[str]) -> list[AlertView | None]:
        found = store.alerts.some(some)
        return [found.get(one) for one in some]

    changed = [one.alert_id for one in results if isinstance(one, ActionResult) and one.ok]
    alerts = dict(zip(changed, _each(changed, read) if changed else [], strict=True))
    done: list[Acted | Exception | None] = []
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
