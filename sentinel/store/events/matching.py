"""Matching of events: a batch is one transaction, which moves alerts and the cursor together.

An event therefore counts exactly once for each policy, however many processes match events or die
doing so: the next one to lock the pack's row continues where the last commit ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select, update

from sentinel.alerts.run_source import RunSource
from sentinel.checks.event_port import MatchResult
from sentinel.checks.reading import Reading
from sentinel.event_policies.key_state import Key, Remembered
from sentinel.event_policies.outcome import key_of
from sentinel.event_policies.pack import Pack, Spec, pack_of
from sentinel.events import happened_at
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.store import Store
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE
from sentinel.store.events.batch import Batch, Compiled, compiled_of
from sentinel.store.events.log import TAIL, after
from sentinel.store.events.packs import PACK, roll_out, take_back

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["PackMatcher", "RuleEvents"]

AT_ONCE = 5000
"""About how many events one transaction matches."""
_REHEARSED = 1000


class PackMatcher:
    """Matches events against packs, and keeps compiled policies from one batch to the next.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._compiled: dict[tuple[str, str], Compiled] = {}

    def step(self, tenant: str, name: str) -> MatchResult:
        """Match one batch for one pack; delete a pack whose rule no longer exists."""
        done = self._store.in_transaction(lambda link: self._step(link, tenant, name))
        if done is None:
            take_back(self._store, tenant, name)
            self._compiled.pop((tenant, name), None)
            return MatchResult()
        return done

    def _step(self, connection: Connection, tenant: str, name: str) -> MatchResult | None:
        now = self._store.now()
        mine = (PACK.c.tenant == tenant, PACK.c.name == name)
        row = connection.execute(select(PACK).where(*mine).with_for_update()).first()
        if row is None:
            return MatchResult()
        rules = (RULE.c.tenant == tenant,)
        own = connection.execute(select(RULE.c.enabled).where(*rules, RULE.c.name == name)).first()
        if own is None:
            return None
        tail = connection.execute(select(TAIL.c.last).where(TAIL.c.tenant == tenant)).scalar() or 0
        compiled = self._of(row)
        batch = Batch(self._store, connection, compiled, now)
        if not own.enabled:
            # Events that come while it is switched off are not matched later either.
            batch.forget()
            self._move(connection, row, tail, None)
            return MatchResult()
        blocks = after(connection, tenant, row.cursor, AT_ONCE)
        off = select(RULE.c.name).where(*rules, RULE.c.enabled.is_(False))
        disabled = set(connection.execute(off).scalars())
        matches = batch.match(blocks, disabled)
        cursor = blocks[-1].seq if blocks else row.cursor
        if compiled.timed:
            if row.matched_at is None or row.updated_at >= row.matched_at:
                batch.begin()
            if cursor >= tail:
                batch.lapse(disabled)
        batch.carry_in()
        self._move(connection, row, cursor, now, batch.due())
        size = sum(len(block.events) for block in blocks)
        return MatchResult(events=size, matches=matches, behind=cursor < tail)

    def _move(
        self,
        connection: Connection,
        row: Row[Any],
        cursor: int,
        now: datetime | None,
        due: datetime | None = None,
    ) -> None:
        connection.execute(
            PACK.update()
            .where(PACK.c.tenant == row.tenant, PACK.c.name == row.name)
            .values(cursor=max(cursor, row.cursor), matched_at=now, due_at=due)
        )

    def _of(self, row: Row[Any]) -> Compiled:
        """Return the pack of a row, compiled once per version."""
        known = self._compiled.get((row.tenant, row.name))
        if known is None or known.digest != row.digest:
            known = compiled_of(pack_of(msgspec.convert(row.spec, Spec)), row.digest)
            self._compiled[row.tenant, row.name] = known
        return known


class RuleEvents:
    """The events of one rule's tenant, as the `EventPort` of its trigger.

    Args:
        store: the shared database
        rule: of the deployment
        source: the flow run, for links; None for a rehearsal, which stores nothing
    """

    def __init__(self, store: Store, rule: Rule, source: RunSource | None) -> None:
        self._store = store
        self._rule = rule
        self._source = source

    def match(self, policies: Sequence[Mapping[str, Any]], *, alone: bool) -> MatchResult:
        """Roll `policies` out, and match the events that were not matched yet; see `EventPort`.

        Args:
            policies: as the deployment's parameters have them
            alone: whether it is one policy, whose alerts are those of the deployment's own rule

        Returns:
            How many events and matches there were, and whether more events are left.

        Raises:
            PolicyError: the policies are invalid.
        """
        source = self._source or RunSource()
        spec = Spec(
            rule=self._rule.dump(), policies=[dict(one) for one in policies], alone=alone,
            source=msgspec.structs.replace(source, flow_run_id=None, flow_run_name=None),
        )  # fmt: skip
        if self._source is None:
            return self._rehearse(pack_of(spec))
        pack = roll_out(self._store, spec)
        matching, events, matches = PackMatcher(self._store), 0, 0
        while True:
            done = matching.step(pack.tenant, pack.name)
            events, matches = events + done.events, matches + done.matches
            if not done.behind:
                break
        if not alone:
            self._looked_at(pack)
        return MatchResult(events=events, matches=matches)

    def _rehearse(self, pack: Pack) -> MatchResult:
        """Return what the newest events would result in, without storing anything."""
        now, compiled = self._store.now(), compiled_of(pack, pack.spec.digest)
        keys: dict[tuple[int, tuple[str, ...]], Key] = {}
        events = matches = 0
        for block in self._store.events.newest(_REHEARSED, pack.tenant):
            for event in block.events:
                events += 1
                for place in compiled.places(event, block.source):
                    matches += 1
                    policy, watcher = pack.policies[place], compiled.watchers[place]
                    at, own = happened_at(event, block.received_at), key_of(policy, event)
                    key = keys.setdefault((place, own), Key(policy, own, Remembered(), watcher))
                    key.take(event, at, now)
        found: list[Reading] = []
        for (place, _), key in keys.items():
            reading = key.reading(is_live=True)
            if reading is not None:
                labels = {**reading.labels, "policy": pack.names[place]}
                word = pack.rules[place].severity
                found.append(msgspec.structs.replace(reading, labels=labels, severity=word))
        return MatchResult(events=events, matches=matches, found=found)

    def _looked_at(self, pack: Pack) -> None:
        """Record on every policy's rule that it was evaluated, and whether it fires."""
        now = self._store.now()
        with self._store.write() as connection:
            mine = (RULE.c.tenant == pack.tenant, RULE.c.name.in_(pack.names))
            # Rows that another transaction writes at this moment record it themselves.
            free = select(RULE.c.name).where(*mine).order_by(RULE.c.name)
            names = list(connection.execute(free.with_for_update(skip_locked=True)).scalars())
            live = select(ALERT.c.rule).where(
                ALERT.c.tenant == pack.tenant, ALERT.c.rule.in_(names), NOT_RESOLVED,
                ALERT.c.status.in_(LIVE),
            )  # fmt: skip
            firing = set(connection.execute(live).scalars())
            for outcome, chosen in (
                ("firing", [name for name in names if name in firing]),
                ("ok", [name for name in names if name not in firing]),
            ):
                connection.execute(
                    update(RULE)
                    .where(RULE.c.tenant == pack.tenant, RULE.c.name.in_(chosen))
                    .values(outcome=outcome, evaluated_at=now)
                )
