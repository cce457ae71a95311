"""Shadows: a draft of the routes beside the active ones, followed by the sweep without any effect.

Nothing is written where alerts are: the sweep reads which opened since it last looked, and enters
what the draft does with each. So a shadow costs evaluations and notifications nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Integer, bindparam, select, tuple_

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.notifications.group_policy import policy_from
from sentinel.notifications.reasons import Reason
from sentinel.notifications.route_trial import checked
from sentinel.notifications.routing import RouteTree, compiled
from sentinel.notifications.shadow import ShadowAlert, shadow_step
from sentinel.schema.columns import Moment, new_id
from sentinel.schema.route_shadow import RouteShadow, ShadowOutcome
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED, model_of, table_of
from sentinel.store.notifications.mutes import silence_indexes
from sentinel.store.notifications.queries import OWN_GROUP
from sentinel.store.notifications.receivers import alone
from sentinel.store.notifications.routes import Routes
from sentinel.store.notifications.rule_models import ROUTED, rule_models

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OUTCOME", "SHADOW", "follow_shadow", "shadow", "start_shadow", "stop_shadow"]

SHADOW, OUTCOME = table_of(RouteShadow), table_of(ShadowOutcome)
_LAG = timedelta(seconds=60)
"""An alert is entered so long after it opened: by then the transaction that opened it has ended."""
_PIECE = 500
_MOST_PIECES = 100
_PAST_ANY_ID = "z"


def start_shadow(store: Store, text: str, *, actor: str, note: str = "") -> RouteShadow:
    """Run a draft beside the active routes, for alerts that open from now on.

    Args:
        store: the shared database
        text: YAML with the routes
        actor: who does it
        note: why

    Returns:
        The shadow.

    Raises:
        ConfigurationError: the document cannot be used, a test in it fails, or it names a receiver
            or an escalation policy that there is not
        Conflict: another draft runs
    """
    if not text.strip():
        raise ConfigurationError("the draft is empty", hint="Write the routes that it is to have.")
    checked(text)

    def work(connection: Connection) -> RouteShadow:
        alone(connection)
        running = connection.execute(_RUNNING).first()
        if running is not None:
            raise Conflict(
                f"a draft runs already, since {running.started_at:%Y-%m-%d %H:%M} UTC, started by "
                f"{running.started_by}",
                hint="Stop it first: sentinel route shadow stop",
            )
        Routes(store).admit(connection, text)
        now = store.now()
        made = RouteShadow(
            id=new_id(), document=text, note=note, started_by=actor, started_at=now,
            looked_until=now, looked_id=_PAST_ANY_ID,
            digest=sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        )  # fmt: skip
        connection.execute(SHADOW.insert().values(**made.model_dump()))
        _record(store, connection, "routes.shadow_started", made, actor)
        store.changed(connection)
        return made

    return store.in_transaction(work)


def stop_shadow(store: Store, *, actor: str) -> RouteShadow:
    """Stop the draft that runs; what it would have done is kept until retention deletes it.

    Args:
        store: the shared database
        actor: who does it

    Returns:
        The shadow.

    Raises:
        NotFound: none runs
    """

    def work(connection: Connection) -> RouteShadow:
        alone(connection)
        row = connection.execute(_RUNNING).first()
        if row is None:
            raise NotFound("no draft runs", hint="Start one: sentinel route shadow start FILE")
        ended = {"stopped_at": store.now(), "stopped_by": actor}
        connection.execute(SHADOW.update().where(SHADOW.c.id == row.id).values(**ended))
        waiting = OUTCOME.update().where(OUTCOME.c.shadow == row.id, OUTCOME.c.due_at.is_not(None))
        connection.execute(waiting.values(due_at=None, policy={}))
        made = model_of(RouteShadow, row).model_copy(update=ended)
        _record(store, connection, "routes.shadow_stopped", made, actor)
        store.changed(connection)
        return made

    return store.in_transaction(work)


def shadow(connection: Connection) -> RouteShadow | None:
    """Return the draft that runs or ran last; None for none."""
    row = connection.execute(_LAST).first()
    return None if row is None else model_of(RouteShadow, row)


def follow_shadow(store: Store) -> int:
    """Enter the alerts that opened since it was last looked, and make the decisions due.

    Args:
        store: the shared database

    Returns:
        How many decisions were made; 0 where no draft runs.
    """
    with store.glance() as connection:
        running = connection.execute(_RUNNING).first()
    if running is None:
        return 0
    tree = compiled(running.document)
    for _ in range(_MOST_PIECES):
        if not store.in_transaction(partial(_enter, store, running.id, tree)):
            break
    decided = 0
    sources = _Sources(tree)
    for _ in range(_MOST_PIECES):
        made = store.in_transaction(partial(_decide, store, running.id, tree, sources))
        decided += made
        if not made:
            break
    return decided


def _enter(store: Store, id_: str, tree: RouteTree, connection: Connection) -> bool:
    """Enter a piece of the alerts that opened; return whether there may be more."""
    place = connection.execute(_PLACE, {"shadow": id_}).first()
    until = store.now() - _LAG
    if place is None or until <= place.looked_until:
        return False
    after = tuple_(ALERT.c.opened_at, ALERT.c.id) > (place.looked_until, place.looked_id)
    query = _OPENED.where(after, ALERT.c.opened_at <= until)
    rows = connection.execute(query, {"most": _PIECE}).all()
    rules = rule_models(connection, {row.rule for row in rows})
    active = _active(connection, [row.id for row in rows])
    entries: list[dict[str, Any]] = []
    for row in rows:
        known = active[row.id]
        here = {"shadow": id_, "alert_id": row.id, "opened_at": row.opened_at, "decided_at": None}
        named: set[str] = set()
        for way in rules.memberships(tree, row):
            for receiver in way.receivers or ("",):
                named.add(receiver)
                entries.append({
                    **here, "receiver": receiver, "way": way.key, "route": way.route,
                    "by_active": receiver in known, "due_at": row.opened_at,
                    "policy": dict(way.policy), "reason": str(Reason.GROUP_WAIT),
                    "state": "waiting",
                } if receiver else {
                    **here, "receiver": "", "way": way.key, "route": way.route, "by_active": False,
                    "due_at": None, "policy": {}, "reason": str(Reason.NOT_ROUTED), "state": "held",
                })  # fmt: skip
        entries += [
            {
                **here, "receiver": receiver, "way": "", "route": "", "by_active": True,
                "due_at": None, "policy": {}, "reason": "", "state": "active",
            }
            for receiver in sorted(known - named)
        ]  # fmt: skip
    if entries:
        connection.execute(insert_into(store.dialect, OUTCOME).on_conflict_do_nothing(), entries)
    more = len(rows) == _PIECE
    reached = (rows[-1].opened_at, rows[-1].id) if more else (until, _PAST_ANY_ID)
    connection.execute(
        SHADOW.update()
        .where(SHADOW.c.id == id_)
        .values(looked_until=reached[0], looked_id=reached[1])
    )
    return more


def _active(connection: Connection, alerts: Sequence[str]) -> dict[str, set[str]]:
    """Return the receivers of the groups that alerts are in, by alert."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_GROUPS, {"alerts": list(alerts)}) if alerts else ():
        found[row.alert_id].update(row.receivers)
    return found


class _Sources:
    """The firing alerts that mute others by the inhibition rules of a draft, read once.

    Args:
        tree: the draft
    """

    def __init__(self, tree: RouteTree) -> None:
        self._tree = tree
        self._found: dict[str, list[tuple[str, bool]]] | None = None

    def mutes(self, connection: Connection, alert: str, labels: dict[str, str]) -> bool:
        """Return whether another alert that fires now mutes an alert with these labels."""
        keys = self._tree.inhibitions.as_target(labels) if self._tree.inhibitions else {}
        if not keys:
            return False
        if self._found is None:
            self._found = self._read(connection)
        return any(
            source != alert and not (both and source_both)
            for key, both in keys.items()
            for source, source_both in self._found.get(key, ())
        )

    def _read(self, connection: Connection) -> dict[str, list[tuple[str, bool]]]:
        rules = rule_models(connection)
        found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for row in connection.execute(_FIRING):
            as_source = self._tree.inhibitions.as_source(rules.labels(self._tree, row))
            for key, both in as_source.items():
                found[key].append((row.id, both))
        return found


def _decide(
    store: Store, id_: str, tree: RouteTree, sources: _Sources, connection: Connection
) -> int:
    """Make a piece of the decisions that are due; return how many."""
    now = store.now()
    rows = connection.execute(_DUE, {"shadow": id_, "now": now, "most": _PIECE}).all()
    if not rows:
        return 0
    rules = rule_models(connection, {row.rule for row in rows if row.rule is not None})
    silences = silence_indexes(connection, now)
    steps: list[dict[str, Any]] = []
    for row in rows:
        mine = {"of_alert": row.alert_id, "of_receiver": row.receiver, "of_way": row.way}
        if row.rule is None:  # retention has deleted the alert
            last: dict[str, Any] = {"decided_at": row.decided_at, "due_at": None, "policy": {}}
            steps.append({**mine, "state": row.state, "reason": row.reason, **last})
            continue
        severity, due = row.severity, row.due_at
        muted: tuple[Reason, datetime | None] | None = None
        labels = rules.labels(tree, row)
        silence = silences.get(row.tenant)
        held = None if silence is None else silence.muting(labels, due)
        if row.suppressed_until is not None and row.suppressed_until > due:
            muted = Reason.SUPPRESSED, row.suppressed_until
        elif held is not None:
            muted = Reason.SILENCED, held[1]
        elif sources.mutes(connection, row.alert_id, labels):
            muted = Reason.INHIBITED, None
        acknowledged = row.acknowledged_at if row.status == "acknowledged" else None
        seen = ShadowAlert(
            opened_at=row.opened_at, severity=severity, acknowledged_at=acknowledged,
            resolved_at=row.resolved_at, muted=None if muted is None else muted[0],
            muted_until=None if muted is None else muted[1],
        )  # fmt: skip
        step = shadow_step(seen, policy_from(row.policy, severity), due, now)
        steps.append({
            **mine, "state": step.state, "reason": step.reason, "decided_at": step.at,
            "due_at": step.due_at, "policy": {} if step.due_at is None else row.policy,
        })  # fmt: skip
    connection.execute(_STEP, [{"of_shadow": id_, **one} for one in steps])
    return len(rows)


def _record(
    store: Store, connection: Connection, action: str, made: RouteShadow, actor: str
) -> None:
    change = Change(
        action=action, object_kind="routes", object_id=made.id,
        object_name=f"draft {made.digest[:12]}", after={"sha256": made.digest}, note=made.note,
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)


# Built once, since SQLAlchemy compiles a statement once for each object.
_LAST = select(SHADOW).order_by(SHADOW.c.id.desc()).limit(1)
_RUNNING = select(SHADOW).where(SHADOW.c.stopped_at.is_(None)).limit(1)
_PLACE = (
    select(SHADOW.c.looked_until, SHADOW.c.looked_id)
    .where(SHADOW.c.id == bindparam("shadow"), SHADOW.c.stopped_at.is_(None))
    .with_for_update()
)
_OPENED = (
    select(*ROUTED, ALERT.c.opened_at)
    .order_by(ALERT.c.opened_at, ALERT.c.id)
    .limit(bindparam("most", type_=Integer))
)
_FIRING = select(*ROUTED).where(NOT_RESOLVED, ALERT.c.status.in_(("open", "acknowledged")))
_GROUPS = (
    select(MEMBER.c.alert_id, GROUP.c.receivers)
    .join(GROUP, GROUP.c.id == MEMBER.c.group_id)
    .where(MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)), OWN_GROUP)
)
_DUE = (
    select(
        OUTCOME.c.alert_id, OUTCOME.c.receiver, OUTCOME.c.way, OUTCOME.c.state, OUTCOME.c.reason,
        OUTCOME.c.decided_at, OUTCOME.c.due_at, OUTCOME.c.policy, OUTCOME.c.opened_at,
        *(one for one in ROUTED if one.name != "id"), ALERT.c.severity, ALERT.c.status,
        ALERT.c.acknowledged_at, ALERT.c.resolved_at, ALERT.c.suppressed_until,
    )
    .select_from(OUTCOME.outerjoin(ALERT, ALERT.c.id == OUTCOME.c.alert_id))
    .where(OUTCOME.c.due_at <= bindparam("now", type_=Moment()))
    .where(OUTCOME.c.shadow == bindparam("shadow"))
    .order_by(OUTCOME.c.due_at, OUTCOME.c.alert_id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True, of=OUTCOME)
)  # fmt: skip
_STEP = OUTCOME.update().where(
    OUTCOME.c.shadow == bindparam("of_shadow"), OUTCOME.c.alert_id == bindparam("of_alert"),
    OUTCOME.c.receiver == bindparam("of_receiver"), OUTCOME.c.way == bindparam("of_way"),
)  # fmt: skip
