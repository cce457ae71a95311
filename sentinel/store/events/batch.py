"""A batch of events for one pack of event policies, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from sentinel.alerts.events import related
from sentinel.alerts.run_source import RunSource
from sentinel.checks.event_port import POLICY_TRIGGER
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Evaluation
from sentinel.event_policies import Matcher
from sentinel.event_policies.key_state import Key, Remembered, key_hash, labels_of, remembers
from sentinel.event_policies.outcome import key_of
from sentinel.event_policies.pack import Pack
from sentinel.event_policies.window_evaluator import Watcher, watcher_of
from sentinel.events import happened_at
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.store.alerts.apply_evaluation import collect
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.database.bulk import insert_many, uncollected
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, NOT_RESOLVED
from sentinel.store.events.log import Block, Source
from sentinel.store.events.packs import MEMORY
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sqlalchemy import Row

    from sentinel.store import Store

__all__ = ["Batch", "Compiled", "compiled_of"]

_LAPSES = 2000
_MEMORY = ("tenant", "rule", "key", "memory", "due_at", "keep_until")
_MINE = (
    MEMORY.c.tenant == bindparam("of_tenant"),
    MEMORY.c.rule == bindparam("of_rule"),
    MEMORY.c.key.in_(bindparam("of_keys", expanding=True)),
)
# Built once, since SQLAlchemy compiles a statement once for each object.
_KNOWN = select(MEMORY.c.key, MEMORY.c.memory).where(*_MINE)
_OLD = MEMORY.delete().where(*_MINE)
_Keys = dict[int, dict[tuple[str, ...], Key]]


class Compiled(msgspec.Struct, frozen=True):
    """A pack ready to match.

    Attributes:
        digest: identifies the version of the pack
        pack: the policies
        matcher: finds the policies that an event matches
        watchers: by place of the policy, what follows its windows
        timed: places of policies whose result may change with time alone, by their rule's name
        sources: of all the policies
    """

    digest: str
    pack: Pack
    matcher: Matcher
    watchers: Sequence[Watcher | None]
    timed: Mapping[str, int]
    sources: frozenset[str] = frozenset()

    def places(self, event: Mapping[str, Any], source: Source) -> Sequence[int]:
        """Return the places of the policies that an event matches.

        Args:
            event: as it was stored
            source: what it is; a policy of the other kind does not match it

        Returns:
            Places, in their order.
        """
        if source and source not in self.sources:
            return ()
        found = self.matcher.match(event)
        if not source or len(self.sources) == 1:
            return found
        policies = self.pack.policies
        return [place for place in found if policies[place].source == source]


def compiled_of(pack: Pack, digest: str) -> Compiled:
    """Compile the policies of `pack`; `digest` identifies its version."""
    watchers = [watcher_of(policy) for policy in pack.policies]
    timed = {
        pack.names[place]: place
        for place, watcher in enumerate(watchers)
        if watcher is not None and watcher.timed and pack.policies[place].enabled
    }
    sources = frozenset(policy.source for policy in pack.policies)
    return Compiled(digest, pack, Matcher(pack.policies), watchers, timed, sources)


class Batch:
    """A batch of events that becomes evaluations of policies, inside one transaction.

    Args:
        store: the shared database
        connection: the open transaction, which holds the lock of the pack's row
        compiled: the pack
        now: the present moment
    """

    def __init__(
        self, store: Store, connection: Connection, compiled: Compiled, now: datetime
    ) -> None:
        self._store = store
        self._connection = connection
        self._compiled = compiled
        self._pack = compiled.pack
        self._now = now
        self._keys: _Keys = {}

    def match(self, blocks: Sequence[Block], disabled: set[str]) -> int:
        """Match events against every policy of the pack.

        Args:
            blocks: the events, in the order in which they were committed
            disabled: names of rules that are switched off

        Returns:
            How many pairs of an event and a policy matched.
        """
        hits: dict[int, list[tuple[tuple[str, ...], dict[str, Any], datetime]]] = {}
        count = 0
        for block in blocks:
            for event in block.events:
                places = self._compiled.places(event, block.source)
                if not places:
                    continue
                at = happened_at(event, block.received_at)
                for place in places:
                    if self._pack.names[place] not in disabled:
                        policy = self._pack.policies[place]
                        hits.setdefault(place, []).append((key_of(policy, event), event, at))
                        count += 1
        for place, found in hits.items():
            keys = self._load(place, {key for key, _, _ in found})
            for key, event, at in found:
                keys[key].take(event, at, self._now)
            self._keys[place] = keys
        return count

    def _load(self, place: int, wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], Key]:
        policy, rule = self._pack.policies[place], self._pack.names[place]
        known: dict[str, bytes] = {}
        if remembers(policy):
            hashes = sorted(key_hash(key) for key in wanted)
            for piece in chunks(hashes):
                some = {"of_tenant": self._pack.tenant, "of_rule": rule, "of_keys": piece}
                found = self._connection.execute(_KNOWN, some)
                known.update({row.key: row.memory for row in found})
        watcher = self._compiled.watchers[place]
        return {
            key: Key(policy, key, _remembered(known.get(key_hash(key)) if known else None), watcher)
            for key in wanted
        }

    def begin(self) -> None:
        """Start the windows of policies that fire when no event comes at all."""
        for place in self._compiled.timed.values():
            if not self._pack.policies[place].by:
                self._key(place, ()).begin(self._now)

    def lapse(self, disabled: set[str]) -> None:
        """Evaluate keys whose result changed by the passing of time, after all events were matched.

        Args:
            disabled: names of rules that are switched off; their windows start anew
        """
        timed = self._compiled.timed
        due = self._connection.execute(
            select(MEMORY.c.rule, MEMORY.c.memory)
            .where(MEMORY.c.tenant == self._pack.tenant, MEMORY.c.due_at <= self._now)
            .where(MEMORY.c.rule.in_(timed))
            .limit(_LAPSES),
        )
        for name, memory in due:
            before = _remembered(memory)
            key = self._key(timed[name], before.key, before)
            if name in disabled:
                key.restart(self._now)
            else:
                key.lapse(self._now)

    def _key(self, place: int, key: tuple[str, ...], before: Remembered | None = None) -> Key:
        """Return the key as this batch has changed it, else as it was stored."""
        keys = self._keys.setdefault(place, {})
        if key not in keys:
            if before is None:
                keys.update(self._load(place, {key}))
            else:
                watcher = self._compiled.watchers[place]
                keys[key] = Key(self._pack.policies[place], key, before, watcher)
        return keys[key]

    def forget(self) -> None:
        """Delete the state of policies that depend on time: nothing was counted meanwhile."""
        self._connection.execute(
            MEMORY.delete().where(
                MEMORY.c.tenant == self._pack.tenant, MEMORY.c.rule.in_(self._compiled.timed)
            )
        )

    def due(self) -> datetime | None:
        """Return when the passing of time may next change a result, or None."""
        timed = self._compiled.timed
        if not timed:
            return None
        first = select(func.min(MEMORY.c.due_at)).where(
            MEMORY.c.tenant == self._pack.tenant, MEMORY.c.rule.in_(timed)
        )
        return self._connection.execute(first).scalar()

    def carry_in(self) -> None:
        """Write alerts and the state of keys."""
        readings = self._readings()
        names = {place: self._pack.names[place] for place in readings}
        # All rules before any alert, which is the order in which every writer locks.
        rows = lock_rules(self._connection, [(self._pack.tenant, name) for name in names.values()])
        source = msgspec.structs.replace(self._pack.spec.source, flow_run_id=None)
        unit = UnitOfWork(self._store, self._connection, self._now, about=related(source))
        with uncollected(sum(map(len, readings.values()))):
            for place in sorted(readings, key=names.__getitem__):
                rule = self._pack.rules[place]
                row = rows.get((rule.tenant, rule.name))
                if row is not None and row.enabled:
                    self._collect(unit, rule, row, readings[place], source)
            for place, keys in self._keys.items():
                if remembers(self._pack.policies[place]):
                    self._save(self._pack.names[place], keys.values())
            unit.commit()

    def _readings(self) -> dict[int, list[Reading]]:
        held: dict[str, tuple[int, Key]] = {}
        found: dict[int, list[Reading]] = {}
        for place, keys in self._keys.items():
            rule = self._pack.rules[place]
            for key in keys.values():
                labels = labels_of(key.policy, key.key)
                if key.held:
                    held[fingerprint(rule.tenant, rule.name, labels)] = place, key
                elif key.passed:
                    reading = key.reading(is_live=False)
                    if reading is not None:
                        found.setdefault(place, []).append(reading)
        live = self._live(sorted(held))
        for print_, (place, key) in held.items():
            reading = key.reading(is_live=bool(key.passed) or print_ in live)
            if reading is not None:
                found.setdefault(place, []).append(reading)
        return found

    def _live(self, prints: Sequence[str]) -> set[str]:
        live: set[str] = set()
        for piece in chunks(prints):
            query = select(ALERT.c.fingerprint).where(
                NOT_RESOLVED, ALERT.c.status.in_(LIVE), ALERT.c.fingerprint.in_(piece)
            )
            live.update(self._connection.execute(query).scalars())
        return live

    def _collect(
        self, unit: UnitOfWork, rule: Rule, row: Row[Any], readings: list[Reading],
        source: RunSource,
    ) -> None:  # fmt: skip
        """Collect one evaluation of a policy's rule, in the slot of no scheduled run."""
        now = self._now
        evaluation = Evaluation(
            rule=rule,
            trigger=POLICY_TRIGGER,
            slot=now if row.slot is None else max(now, row.slot + timedelta(microseconds=1)),
            at=now if row.evaluated_at is None else max(now, row.evaluated_at),
            observation=Observation(readings=readings),
            default_category="events",
            keeps_readings=False,
            source=source,
        )
        # A policy that is a deployment of its own leaves the slot to its runs: else the next run
        # would be stale and roll out no edit.
        collect(unit, evaluation, row, takes_slot=not self._pack.spec.alone)

    def _save(self, rule: str, keys: Iterable[Key]) -> None:
        tenant, now = self._pack.tenant, self._now
        rows = {
            key_hash(key.key): (
                tenant, rule, key_hash(key.key), msgspec.msgpack.encode(key.after), key.due,
                key.keep_until(now),
            )
            for key in keys
            if key.after != key.before
        }  # fmt: skip
        hashes = sorted(rows)
        for piece in chunks(hashes):
            some = {"of_tenant": tenant, "of_rule": rule, "of_keys": piece}
            self._connection.execute(_OLD, some)
        insert_many(self._connection, "policy_memory", _MEMORY, [rows[key] for key in hashes])


def _remembered(data: bytes | None) -> Remembered:
    return Remembered() if data is None else msgspec.msgpack.decode(data, type=Remembered)
