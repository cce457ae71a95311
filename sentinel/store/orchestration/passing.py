"""The one place where alerts that come in pass orchestration, in the transaction that applies them.

An alert is identified by the labels that the rules leave, and its row here says which alert what
the sender posts became. **While that alert is live its identity stays**, whatever version is active
by then: the same labels, and it is neither dropped nor held back. The active version still decides
on its severity, owner and texts. A version decides on identity when an episode begins.

Where rules make one alert of several that are posted, it is over when the last of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, exists, select

from sentinel.checks.reading import Reading
from sentinel.labels.fingerprint import fingerprint
from sentinel.orchestration.decision import unchanged
from sentinel.orchestration.incoming import Incoming, Outcome
from sentinel.orchestration.record import KEPT_IN, record_of
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, NOT_RESOLVED
from sentinel.store.orchestration.active import INCOMING, Active, active_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Came", "Ends", "Orchestrated", "Posted", "orchestrated"]

State = Literal["passed", "held", "dropped", "ended"]
Ends = Callable[[str, datetime, datetime], datetime]
"""The end of an alert by the fingerprint of what was posted, its known end and when it was seen."""
_MOST_TEXT = 1000
_MOST_TEXTS = 20


class Posted(msgspec.Struct, frozen=True):
    """One alert of a message.

    Attributes:
        source: fingerprint of its labels as they were posted
        reading: as the door made it
        content: digest of what was posted, with `Orchestrated.salt` in it; empty where the door
            does not compare
    """

    source: str
    reading: Reading
    content: str = ""


class Came(msgspec.Struct, kw_only=True):
    """A row of `IncomingAlert`, see there."""

    source: str
    state: State
    target: str = ""
    labels: Mapping[str, str] = {}
    given: Mapping[str, Any] = {}
    content: str = ""
    version: int = 0
    rule: str = ""
    reading: str = ""
    since: datetime
    due_at: datetime | None = None
    until: datetime | None = None
    first_seen: datetime
    last_seen: datetime


def orchestrated(
    store: Store, connection: Connection, tenant: str, sender: str
) -> Orchestrated | None:
    """Return what alerts of a sender pass, as an open writing transaction reads it.

    Args:
        store: whose clock holds
        connection: the transaction, which holds the lock of the sender's rule
        tenant: whose alerts
        sender: the rule that they are readings of

    Returns:
        None where all of them pass as they are. Drills always do.
    """
    if sender == DRILL_RULE:
        return None
    now = store.now()
    active = active_of(connection, tenant, now)
    if active is None:
        return None
    return Orchestrated(connection, store.dialect, tenant, sender, active, now)


class Orchestrated:
    """Alerts of one sender pass orchestration; see `orchestrated`."""

    def __init__(
        self, connection: Connection, dialect: str, tenant: str, sender: str, active: Active,
        now: datetime,
    ) -> None:  # fmt: skip
        self._connection, self._dialect = connection, dialect
        self._tenant, self._sender = tenant, sender
        self._active, self._now = active, now
        self._rows: dict[str, Came] = {}
        self._of_target: dict[str, dict[str, Came]] = {}
        self._live: set[str] = set()
        self._changed: dict[str, Came] = {}
        self.newly_kept: list[Came] = []
        """What `take` held back or dropped that was neither before."""

    @property
    def salt(self) -> str:
        """Return what changes with whatever may change a decision."""
        return self._active.salt

    def load(self, sources: Sequence[str]) -> None:
        """Read what is known of alerts, before anything else is asked of them.

        What `take` noted must be saved and applied before the next call.

        Args:
            sources: fingerprints of their labels as they were posted
        """
        asked = {"tenant": self._tenant}
        for piece in chunks(sources):
            for row in self._connection.execute(_BY_SOURCE, {**asked, "prints": piece}):
                self._keep(msgspec.convert(dict(row._mapping), Came))  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name
        targets = {self._rows[one].target for one in sources if one in self._rows}
        prints = [*sources, *(one for one in targets if one)]
        for piece in chunks(prints):
            for row in self._connection.execute(_BY_TARGET, {**asked, "prints": piece}):
                came = msgspec.convert(dict(row._mapping), Came)  # pyright: ignore[reportPrivateUsage] - as above
                if came.source not in self._changed:
                    self._of_target.setdefault(came.target, {})[came.source] = came
            self._live.difference_update(piece)
            live = self._connection.execute(_LIVE, {"prints": piece}).scalars()
            self._live.update(live)

    def known(self, source: str) -> Came | None:
        """Return what is known of an alert that was loaded; None for nothing."""
        return self._rows.get(source)

    def is_held(self, source: str) -> bool:
        """Return whether an alert that was loaded is held back."""
        row = self._rows.get(source)
        return row is not None and row.state == "held"

    def target(self, source: str) -> str:
        """Return the fingerprint of the live alert that an alert became; its own for none."""
        row = self._rows.get(source)
        return row.target if row is not None and self._passed(row) else source

    def over(self, source: str) -> bool:
        """Note that an alert that was loaded is over, as `take` does.

        Returns:
            Whether nothing is to be resolved by it: it was held back or dropped, or others keep
            its alert alive.
        """
        row = self._rows.get(source)
        return row is not None and not self._leaves(row, None)

    def take(self, posted: Sequence[Posted], ends: Ends | None = None) -> list[Reading]:
        """Decide on alerts that were loaded, and note what became of them.

        Args:
            posted: of one message
            ends: the known ends of alerts whose senders announce them

        Returns:
            The readings to apply; of those that are dropped or held back, or whose alert others
            keep alive, none.
        """
        # What fires first, so that what is over finds who else keeps its alert alive.
        firing = [self._firing(one) for one in posted if one.reading.firing is not False]
        over = [self._over(one, ends) for one in posted if one.reading.firing is False]
        return [one for one in (*firing, *over) if one is not None]

    def gone(self, labels: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return the labels of the alert that is gone, by those that its sender names.

        Args:
            labels: as they were posted, of an alert that was loaded

        Returns:
            None where it was held back, or others keep its alert alive.
        """
        source = fingerprint(self._tenant, self._sender, labels)
        made = self._over(Posted(source, Reading(labels=labels, firing=False)), None)
        return None if made is None else made.labels

    def save(self) -> None:
        """Write what `take` noted."""
        if not self._changed:
            return
        rows = [
            {"tenant": self._tenant, "sender": self._sender, **msgspec.structs.asdict(one)}
            for one in self._changed.values()
        ]
        self._connection.execute(_UPSERT[self._dialect], rows)
        self._changed.clear()

    def _firing(self, posted: Posted) -> Reading | None:
        row, reading = self._rows.get(posted.source), posted.reading
        given = incoming_of(self._sender, reading)
        rules = self._active.rules
        outcome = unchanged(given) if rules is None else rules.decide(given, self._active.tables)
        if row is not None and self._passed(row):
            return self._pass(posted, outcome, row.labels, row.target)
        if self._opened_before(posted.source):
            return self._pass(posted, outcome, reading.labels, posted.source)
        if outcome.verdict == "drop":
            self._note(posted, outcome, "dropped")
            return None
        if outcome.hold is not None:
            since = min(reading.started or self._now, self._now)
            if row is not None and row.state == "held":
                since = min(since, row.since)
            due = since + outcome.hold
            if due > self._now:
                self._note(posted, outcome, "held", since=since, due_at=due)
                return None
        target = fingerprint(self._tenant, self._sender, outcome.given.labels)
        return self._pass(posted, outcome, outcome.given.labels, target)

    def _over(self, posted: Posted, ends: Ends | None) -> Reading | None:
        row, reading = self._rows.get(posted.source), posted.reading
        if row is not None:
            passed = self._passed(row)
            if not self._leaves(row, ends):
                return None
            if passed:
                return msgspec.structs.replace(reading, labels=row.labels)
        if self._opened_before(posted.source) or self._active.rules is None:
            return reading
        # Nothing of it is live: its end is kept, so that what comes late is known for late.
        outcome = self._active.rules.decide(incoming_of(self._sender, reading), self._active.tables)
        if outcome.verdict == "drop":
            return None
        return msgspec.structs.replace(reading, labels=outcome.given.labels)

    def _leaves(self, row: Came, ends: Ends | None) -> bool:
        """End a row, and return whether its alert, if there is one, is over with it."""
        waited, passed = row.state in ("held", "dropped"), self._passed(row)
        self._end(row)
        return not waited and not (passed and self._others_fire(row, ends))

    def _pass(
        self, posted: Posted, outcome: Outcome, labels: Mapping[str, str], target: str
    ) -> Reading:
        if target not in self._live and posted.reading.until is None:
            self._end_left(target, posted.source)
        kept = dict(labels) != dict(outcome.given.labels)
        made = outcome.given if not kept else msgspec.structs.replace(outcome.given, labels=labels)
        self._note(
            posted, outcome, "passed", target=target, labels=dict(labels),
            until=posted.reading.until,
        )  # fmt: skip
        self._live.add(target)
        return _reading(posted.reading, made, outcome, self._active.number, kept=kept)

    def _note(self, posted: Posted, outcome: Outcome, state: State, **more: Any) -> None:
        row, held = self._rows.get(posted.source), state == "held"
        given = _kept(incoming_of(self._sender, posted.reading))
        came = Came(
            source=posted.source, state=state, given=given,
            content=posted.content, version=self._active.number, rule=outcome.by,
            reading=_ENCODER.encode(posted.reading).decode() if held else "",
            since=more.pop("since", posted.reading.started or self._now),
            first_seen=self._now if row is None else row.first_seen, last_seen=self._now,
            until=more.pop("until", posted.reading.until), **more,
        )  # fmt: skip
        if state in ("held", "dropped") and (row is None or row.state != state):
            self.newly_kept.append(came)
        self._change(came)

    def _end_left(self, target: str, source: str) -> None:
        """End what was part of an earlier episode of an alert that opens, and announced no end."""
        asked = {"tenant": self._tenant, "target": target, "source": source}
        for row in self._connection.execute(_LEFT, asked):
            left = msgspec.convert(dict(row._mapping), Came)  # pyright: ignore[reportPrivateUsage] - as above
            if left.source not in self._changed:
                self._end(left)

    def _end(self, row: Came) -> None:
        ended = msgspec.structs.replace(
            row, state="ended", reading="", due_at=None, content="", last_seen=self._now
        )
        self._change(ended)

    def _change(self, came: Came) -> None:
        before = self._rows.get(came.source)
        if before is not None:
            self._of_target.get(before.target, {}).pop(came.source, None)
        self._changed[came.source] = came
        self._keep(came)

    def _keep(self, came: Came) -> None:
        self._rows[came.source] = came
        if came.target:
            self._of_target.setdefault(came.target, {})[came.source] = came

    def _passed(self, row: Came) -> bool:
        return row.state in ("passed", "ended") and row.target in self._live

    def _opened_before(self, source: str) -> bool:
        """Return whether a live alert has these very labels and no version made it."""
        return source in self._live and not self._of_target.get(source)

    def _others_fire(self, row: Came, ends: Ends | None) -> bool:
        for other in self._of_target.get(row.target, {}).values():
            if other.source == row.source or other.state != "passed":
                continue
            end = other.until
            if end is not None and ends is not None:
                end = ends(other.source, end, other.last_seen)
            if end is None or end > self._now:
                return True
        return False


def incoming_of(sender: str, reading: Reading) -> Incoming:
    """Return a reading of a door as rules see it."""
    return Incoming(
        sender=sender, labels=reading.labels, severity=reading.severity or "", owner=reading.team,
        title=reading.summary or "", annotations=reading.annotations or {}, value=reading.value,
    )  # fmt: skip


def _reading(
    reading: Reading, made: Incoming, outcome: Outcome, version: int, *, kept: bool
) -> Reading:
    if not outcome.steps and not kept:
        return reading
    details = {**(reading.details or {}), KEPT_IN: record_of(version, outcome.steps, kept=kept)}
    annotations = reading.annotations
    if made.annotations or annotations is not None:
        annotations = made.annotations
    return msgspec.structs.replace(
        reading, labels=made.labels, severity=made.severity or None, team=made.owner,
        summary=made.title or None, annotations=annotations, details=details,
    )  # fmt: skip


def _kept(given: Incoming) -> dict[str, Any]:
    """Return what rules decide by, bounded, to replay it later."""
    made = msgspec.to_builtins(given)
    some = list(given.annotations.items())[:_MOST_TEXTS]
    made["annotations"] = {name: text[:_MOST_TEXT] for name, text in some}
    return made


_ENCODER = msgspec.json.Encoder()
_COLUMNS = [INCOMING.c[name] for name in Came.__struct_fields__]
# Built once, since SQLAlchemy compiles a statement once for each object.
_PRINTS: BindParameter[Any] = bindparam("prints", expanding=True)
_MINE = INCOMING.c.tenant == bindparam("tenant")
_BY_SOURCE = select(*_COLUMNS).where(_MINE, INCOMING.c.source.in_(_PRINTS))
_BY_TARGET = select(*_COLUMNS).where(
    _MINE, INCOMING.c.target.in_(_PRINTS), INCOMING.c.state == "passed"
)
_LEFT = select(*_COLUMNS).where(
    _MINE, INCOMING.c.target == bindparam("target"), INCOMING.c.source != bindparam("source"),
    INCOMING.c.state == "passed", INCOMING.c.until.is_(None),
    ~exists().where(ALERT.c.fingerprint == INCOMING.c.target, NOT_RESOLVED),
)  # fmt: skip
_LIVE = select(ALERT.c.fingerprint).where(ALERT.c.fingerprint.in_(_PRINTS), NOT_RESOLVED)


def _upsert(dialect: str) -> Any:
    first = insert_into(dialect, INCOMING)
    keys = ("tenant", "source")
    moved = {
        column.name: first.excluded[column.name] for column in INCOMING.c if column.name not in keys
    }
    return first.on_conflict_do_update(index_elements=list(keys), set_=moved)


_UPSERT = {dialect: _upsert(dialect) for dialect in ("sqlite", "postgresql")}
