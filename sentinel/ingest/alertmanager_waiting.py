"""Apply batches of alerts of one tenant that were posted as to an Alertmanager, in one transaction.

What was posted before in the same words costs no row of its own: only its end moves, which the
batch's row keeps (`sentinel.store.alerts.posted_batches`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from sentinel.errors import DatabaseError
from sentinel.ingest.alertmanager_posts import (
    RESOLVE_TIMEOUT,
    Live,
    Post,
    content_of,
    merged,
    print_labels,
    reading_for,
)
from sentinel.ingest.arrivals import STEP, Message, evaluation_of, new_rule
from sentinel.labels.fingerprint import fingerprint
from sentinel.notifications.door_canary import marker_of
from sentinel.rules.not_repeated import NotRepeated
from sentinel.rules.rule import Rule
from sentinel.store.alerts.apply_evaluation import apply
from sentinel.store.alerts.failed_posts import failed_keys, forget_failed
from sentinel.store.alerts.posted_batches import (
    ALERTMANAGER,
    KnownAlert,
    PostedEnds,
    known_alerts,
    micros_of,
)
from sentinel.store.database.bulk import dumped
from sentinel.store.notifications.door_canaries import is_expected, note_arrived
from sentinel.store.orchestration.passing import Came, Posted, orchestrated
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OVER", "Waiting"]

_MOST_READINGS = 2000
_SEEN = timedelta(hours=1)
OVER = " over"
"""After the fingerprint of a failed alert that was posted as over."""


class Waiting:
    """Batches of one tenant that are applied together."""

    def __init__(self, store: Store, connection: Connection, tenant: str) -> None:
        self._store, self._connection, self._tenant = store, connection, tenant
        row = lock_rules(connection, [(self._tenant, ALERTMANAGER)]).get(
            (self._tenant, ALERTMANAGER)
        )
        self._enabled = row is None or bool(row.enabled)
        rule = new_rule(ALERTMANAGER, self._tenant)
        moments: list[datetime] = []
        if row is not None:
            rule = Rule.model_validate({**row.spec, "name": ALERTMANAGER})
            moments = [one for one in (row.slot, row.evaluated_at) if one is not None]
        self._terms = rule.not_repeated or NotRepeated(after=RESOLVE_TIMEOUT)
        self._rule = rule.model_copy(update={"not_repeated": self._terms})
        self._salt = blake2b(dumped(self._rule.dump()).encode(), digest_size=8).hexdigest()
        counts = rule.max_alerts, rule.often, rule.no_data, rule.resolve_after
        self._plain = all(one is None for one in counts)
        self._now = store.now()
        self._at = max([self._now, *(one + STEP for one in moments)])
        self._moved: dict[str, tuple[datetime, dict[str, int]]] = {}
        self._ends: PostedEnds | None = None
        self._failed: set[str] | None = None
        self._passing = orchestrated(store, connection, tenant, ALERTMANAGER)
        if self._passing is not None:
            self._salt += self._passing.salt

    def apply(
        self, posts: Iterable[tuple[Row[Any], Post]]
    ) -> dict[str, tuple[datetime, dict[str, int]]]:
        """Apply all of them, each with the row of its batch.

        Returns:
            For `finish_batches`: by id of the batch, the moment and the ends by fingerprint.
        """
        some: dict[str, tuple[Row[Any], Post]] = {}
        if self._enabled:
            for row, post in posts:
                if self._is_canary(post):
                    continue
                print_ = fingerprint(self._tenant, ALERTMANAGER, print_labels(post))
                if print_ in some or len(some) >= _MOST_READINGS:
                    self._evaluate(some)
                    some = {}
                some[print_] = row, post
            self._evaluate(some)
        return self._moved

    def _is_canary(self, post: Post) -> bool:
        """Return whether a post is a canary, whose arrival is noted."""
        marker = marker_of(ALERTMANAGER, post.labels)
        if not marker or not is_expected(self._connection, ALERTMANAGER, marker):
            return False
        note_arrived(self._connection, marker, self._now)
        return True

    def _evaluate(self, some: dict[str, tuple[Row[Any], Post]]) -> None:
        """Apply alerts of which no two are the same."""
        if not some:
            return
        passing = self._passing
        if passing is not None:
            passing.load(list(some))
        targets = {one: one if passing is None else passing.target(one) for one in some}
        known = known_alerts(self._connection, sorted(set(targets.values())))
        readings, again = list[Posted](), list[tuple[str, str, Post]]()
        fired: set[str] = set()
        for print_, (row, post) in some.items():
            content = content_of(post, self._salt)
            # What fired when it was posted has fired, also where it has waited past its end.
            came = min(row.at, self._now)
            alert, firing = known.get(targets[print_]), post.end > came
            if firing and not row.tries:
                fired.add(print_)
            came_before = None if passing is None else passing.known(print_)
            if firing and came_before is not None and self._waits(came_before, content):
                if came_before.state == "held":
                    again.append((row.id, print_, post))
                continue
            if firing and alert is not None and self._is_same(post, alert, content, came_before):
                if alert.end is None or post.end > alert.end or targets[print_] != print_:
                    again.append((row.id, print_, post))
                continue
            if firing and alert is not None:
                post = merged(post, self._live(targets[print_], alert))
            readings.append(Posted(print_, reading_for(post, content, came), content))
        passed = [one.reading for one in readings]
        if passing is not None:
            passed = passing.take(readings, self._end_of)
            passing.save()
        if passed:
            message = Message(
                sender=ALERTMANAGER, tenant=self._tenant, readings=passed,
                not_repeated=self._terms,
            )  # fmt: skip
            done = apply(
                self._store, self._connection, evaluation_of(message, self._rule, self._at)
            )
            if done.outcome in ("stale", "disabled", "collapsed"):
                raise DatabaseError(f"posted alerts: the evaluation is {done.outcome}")
            self._at += STEP
        for batch, print_, post in again:
            _, ends = self._moved.setdefault(batch, (self._at, {}))
            end = micros_of(post.end)
            for one in {print_, targets[print_]}:  # of both where orchestration changes labels
                ends[one] = max(end, ends.get(one, end))
        self._at += STEP
        self._forget_failed(fired)

    def _forget_failed(self, fired: set[str]) -> None:
        """Forget what could not be applied of alerts that were posted again and now fire."""
        if self._failed is None:
            self._failed = failed_keys(self._connection, self._tenant)
        gone = {one for print_ in fired for one in (print_, print_ + OVER)} & self._failed
        forget_failed(self._connection, self._tenant, gone)

    def _waits(self, came: Came, content: str) -> bool:
        """Return whether orchestration drops a post or holds it back as the same one before it."""
        if came.content != content or came.state not in ("held", "dropped"):
            return False
        if came.due_at is None:  # dropped: when it came last is kept to the hour
            return self._now - came.last_seen < _SEEN
        return came.due_at > self._now

    def _is_same(self, post: Post, alert: KnownAlert, content: str, came: Came | None) -> bool:
        """Return whether a post says nothing new but when the alert ends."""
        return (
            self._plain
            and alert.fires
            and (alert.content if came is None else came.content) == content
            and alert.announced == post.announced
            and alert.start is not None
            and post.start >= alert.start
        )

    def _live(self, print_: str, alert: KnownAlert) -> Live | None:
        if alert.start is None or alert.end is None:
            return None
        end = self._end_of(print_, alert.end, alert.seen)
        return Live(alert.start, end, alert.announced, alert.content)

    def _end_of(self, print_: str, end: datetime, seen: datetime) -> datetime:
        if self._ends is None:
            self._ends = PostedEnds(self._connection, self._tenant, self._now)
        return self._ends.of(print_, end, seen)[0]
