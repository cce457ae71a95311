"""Matching events: a micro-batch is one transaction, in which alerts and cursor move together.

So an event counts exactly once for each policy, however many processes do this or die of it: who
holds the pack's row goes on where the last commit ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select, update

from sentinel.evaluation import Evaluation, RunSource
from sentinel.events import happened_at
from sentinel.events.desk import Matched
from sentinel.events.pack import Pack, Spec, pack_of
from sentinel.fingerprint import fingerprint
from sentinel.models import LIVE
from sentinel.observation import Observation
from sentinel.policy import Matcher
from sentinel.policy.outcome import key_of
from sentinel.policy.remembering import Key, Remembered, key_hash, labels_of, remembers
from sentinel.reading import Reading
from sentinel.rule import Rule
from sentinel.store import Store
from sentinel.store.apply import apply
from sentinel.store.event_packs import MEMORY, PACK, TRIGGER, roll_out, take_back
from sentinel.store.events import TAIL, Block, after
from sentinel.store.rules import lock_rules
from sentinel.store.tables import ALERT, RULE

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["Desk", "Matching"]

AT_ONCE = 5000
"""About so many events are one transaction."""
_REHEARSED = 1000
_Keys = dict[int, dict[tuple[str, ...], Key]]


class Matching:
    """Matches the events of packs; keeps compiled policies from one batch to the next.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._compiled: dict[tuple[str, str], tuple[str, Pack, Matcher]] = {}

    def step(self, tenant: str, name: str) -> Matched:
        """Match one micro-batch for one pack; a pack whose rule is gone is taken back."""
        done = self._store.tried(lambda link: self._step(link, tenant, name))
        if done is None:
            take_back(self._store, tenant, name)
            self._compiled.pop((tenant, name), None)
            return Matched()
        return done

    def _step(self, connection: Connection, tenant: str, name: str) -> Matched | None:
        now = self._store.now()
        mine = (PACK.c.tenant == tenant, PACK.c.name == name)
        row = connection.execute(select(PACK).where(*mine).with_for_update()).first()
        if row is None:
            return Matched()
        rules = (RULE.c.tenant == tenant,)
        own = connection.execute(select(RULE.c.enabled).where(*rules, RULE.c.name == name)).first()
        if own is None:
            return None
        tail = connection.execute(select(TAIL.c.last).where(TAIL.c.tenant == tenant)).scalar() or 0
        if not own.enabled:
            # What comes while it is off is not looked at later either.
            self._move(connection, row, tail, now)
            return Matched()
        blocks = after(connection, tenant, row.cursor, AT_ONCE)
        off = select(RULE.c.name).where(*rules, RULE.c.enabled.is_(False))
        disabled = set(connection.execute(off).scalars())
        pack, matcher = self._of(row)
        batch = _Batch(self._store, connection, pack, now)
        matches = batch.match(blocks, matcher, disabled)
        batch.carry_in()
        cursor = blocks[-1].seq if blocks else row.cursor
        self._move(connection, row, cursor, now)
        size = sum(len(block.events) for block in blocks)
        return Matched(events=size, matches=matches, behind=cursor < tail)

    def _move(self, connection: Connection, row: Row[Any], cursor: int, now: datetime) -> None:
        connection.execute(
            PACK.update()
            .where(PACK.c.tenant == row.tenant, PACK.c.name == row.name)
            .values(cursor=max(cursor, row.cursor), matched_at=now, due_at=None)
        )

    def _of(self, row: Row[Any]) -> tuple[Pack, Matcher]:
        """The pack of a row, compiled once."""
        known = self._compiled.get((row.tenant, row.name))
        if known is None or known[0] != row.digest:
            pack = pack_of(msgspec.convert(row.spec, Spec))
            known = row.digest, pack, Matcher(pack.policies)
            self._compiled[row.tenant, row.name] = known
        return known[1], known[2]


class _Batch:
    """Some events on their way to alerts, inside one transaction."""

    def __init__(self, store: Store, connection: Connection, pack: Pack, now: datetime) -> None:
        self._store = store
        self._connection = connection
        self._pack = pack
        self._now = now
        self._keys: _Keys = {}

    def match(self, blocks: Sequence[Block], matcher: Matcher, disabled: set[str]) -> int:
        """Let every policy take what it matches; returns how often one did."""
        hits: dict[int, list[tuple[tuple[str, ...], dict[str, Any], datetime]]] = {}
        count = 0
        for block in blocks:
            for event in block.events:
                places = matcher.match(event)
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
            for start in range(0, len(hashes), 500):
                query = select(MEMORY.c.key, MEMORY.c.memory).where(
                    MEMORY.c.tenant == self._pack.tenant,
                    MEMORY.c.rule == rule,
                    MEMORY.c.key.in_(hashes[start : start + 500]),
                )
                known.update({row.key: row.memory for row in self._connection.execute(query)})
        return {
            key: Key(policy, key, _remembered(known.get(key_hash(key)) if known else None))
            for key in wanted
        }

    def carry_in(self) -> None:
        """Write alerts and memories."""
        readings = self._readings()
        names = {place: self._pack.names[place] for place in readings}
        # All of them before any alert, in the order in which every writer locks.
        rows = lock_rules(self._connection, [(self._pack.tenant, name) for name in names.values()])
        told = _ToldLater(self._store)
        for place in sorted(readings, key=lambda place: names[place]):
            rule = self._pack.rules[place]
            row = rows.get((rule.tenant, rule.name))
            if row is None or not row.enabled:
                continue
            self._apply(told, rule, row, readings[place])
        if told.has_changed:
            self._store.changed(self._connection)
        for place, keys in self._keys.items():
            if remembers(self._pack.policies[place]):
                self._save(self._pack.names[place], keys.values())

    def _readings(self) -> dict[int, list[Reading]]:
        held: dict[str, tuple[int, Key]] = {}
        found: dict[int, list[Reading]] = {}
        for place, keys in self._keys.items():
            rule = self._pack.rules[place]
            for key in keys.values():
                labels = labels_of(key.policy, key.key)
                if key.held:
                    held[fingerprint(rule.tenant, rule.name, labels)] = place, key
                elif key.told:
                    reading = key.reading(is_live=False)
                    if reading is not None:
                        found.setdefault(place, []).append(reading)
        live = self._live(sorted(held))
        for print_, (place, key) in held.items():
            reading = key.reading(is_live=bool(key.told) or print_ in live)
            if reading is not None:
                found.setdefault(place, []).append(reading)
        return found

    def _live(self, prints: Sequence[str]) -> set[str]:
        live: set[str] = set()
        for start in range(0, len(prints), 500):
            query = select(ALERT.c.fingerprint).where(
                ALERT.c.status.in_(LIVE), ALERT.c.fingerprint.in_(prints[start : start + 500])
            )
            live.update(self._connection.execute(query).scalars())
        return live

    def _apply(self, told: _ToldLater, rule: Rule, row: Row[Any], readings: list[Reading]) -> None:
        """One evaluation of a policy's rule, which takes the slot of no scheduled run."""
        now = self._now
        slot = now if row.slot is None else max(now, row.slot + timedelta(microseconds=1))
        at = now if row.evaluated_at is None else max(now, row.evaluated_at)
        apply(
            told,
            self._connection,
            Evaluation(
                rule=rule, trigger=TRIGGER, slot=slot, at=at,
                observation=Observation(readings=readings),
                default_category="events", keeps_readings=False,
                source=msgspec.structs.replace(self._pack.spec.source, flow_run_id=None),
            ),
        )  # fmt: skip
        if self._pack.spec.alone:
            # Else the deployment's next run would come too late, and never roll out an edit.
            self._connection.execute(
                update(RULE)
                .where(RULE.c.tenant == rule.tenant, RULE.c.name == rule.name)
                .values(slot=row.slot, evaluated_at=row.evaluated_at)
            )

    def _save(self, rule: str, keys: Sequence[Key] | Any) -> None:
        for key in keys:
            if key.after == key.before:
                continue
            values = {
                "memory": msgspec.msgpack.encode(key.after),
                "keep_until": key.keep_until(self._now),
            }
            mine = (
                MEMORY.c.tenant == self._pack.tenant,
                MEMORY.c.rule == rule,
                MEMORY.c.key == key_hash(key.key),
            )
            if not self._connection.execute(MEMORY.update().where(*mine).values(**values)).rowcount:
                self._connection.execute(
                    MEMORY.insert().values(
                        tenant=self._pack.tenant, rule=rule, key=key_hash(key.key), **values
                    )
                )


def _remembered(data: bytes | None) -> Remembered:
    return Remembered() if data is None else msgspec.msgpack.decode(data, type=Remembered)


class _ToldLater(Store):
    """The same store, whose change number waits: it is the last that a transaction locks."""

    def __init__(self, store: Store) -> None:
        self.__dict__ = store.__dict__.copy()
        self.has_changed = False

    def changed(self, connection: Connection) -> None:
        """Note that it must rise once all is written."""
        self.has_changed = True


class Desk:
    """The events of one rule's tenant, as its trigger asks for them.

    Args:
        store: the shared database
        rule: of the deployment
        source: the run, for links; None for a rehearsal, which stores nothing
    """

    def __init__(self, store: Store, rule: Rule, source: RunSource | None) -> None:
        self._store = store
        self._rule = rule
        self._source = source

    def look(self, policies: Sequence[Mapping[str, Any]], *, alone: bool) -> Matched:
        """Roll `policies` out, and match what nobody has matched yet; see `EventDesk`.

        Raises:
            PolicyError: they cannot be used
        """
        source = self._source or RunSource()
        spec = Spec(
            rule=self._rule.dump(), policies=[dict(one) for one in policies], alone=alone,
            source=msgspec.structs.replace(source, flow_run_id=None, flow_run_name=None),
        )  # fmt: skip
        if self._source is None:
            return self._rehearse(pack_of(spec))
        pack = roll_out(self._store, spec)
        matching, events, matches = Matching(self._store), 0, 0
        while True:
            done = matching.step(pack.tenant, pack.name)
            events, matches = events + done.events, matches + done.matches
            if not done.behind:
                break
        if not alone:
            self._looked_at(pack)
        return Matched(events=events, matches=matches)

    def _rehearse(self, pack: Pack) -> Matched:
        """What the newest events would have come to, with nothing remembered."""
        now, matcher = self._store.now(), Matcher(pack.policies)
        keys: dict[tuple[int, tuple[str, ...]], Key] = {}
        events = matches = 0
        for block in self._store.events.newest(_REHEARSED, pack.tenant):
            for event in block.events:
                events += 1
                for place in matcher.match(event):
                    matches += 1
                    policy = pack.policies[place]
                    at, own = happened_at(event, block.received_at), key_of(policy, event)
                    key = keys.setdefault((place, own), Key(policy, own, Remembered()))
                    key.take(event, at, now)
        found: list[Reading] = []
        for (place, _), key in keys.items():
            reading = key.reading(is_live=True)
            if reading is not None:
                labels = {**reading.labels, "policy": pack.names[place]}
                word = pack.rules[place].severity
                found.append(msgspec.structs.replace(reading, labels=labels, severity=word))
        return Matched(events=events, matches=matches, found=found)

    def _looked_at(self, pack: Pack) -> None:
        """Say of every policy's rule that it is looked after, and whether it fires."""
        now = self._store.now()
        with self._store.write() as connection:
            mine = (RULE.c.tenant == pack.tenant, RULE.c.name.in_(pack.names))
            # Those that somebody writes at this moment say it themselves.
            free = select(RULE.c.name).where(*mine).order_by(RULE.c.name)
            names = list(connection.execute(free.with_for_update(skip_locked=True)).scalars())
            live = select(ALERT.c.rule).where(
                ALERT.c.tenant == pack.tenant, ALERT.c.rule.in_(names), ALERT.c.status.in_(LIVE)
            )
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
