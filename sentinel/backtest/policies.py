"""Backtests of event policies: stored events and log lines, or a file, through the live matcher.

On a stage of its own the pack is rolled out, and what comes is matched as the relay does it: the
same index, windows, throttles and transactions, but for the cursor, since events come as they are
read and never twice. Events that no policy matches are left out, since they change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Any, cast

import msgspec
from sqlalchemy import Connection

from sentinel.backtest.result import Backtest
from sentinel.backtest.sandbox import Stage, staged, waits
from sentinel.checks.context import Context
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER, MatchResult
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.errors import ConfigurationError, NotFound
from sentinel.event_policies.pack import Spec, pack_of
from sentinel.events import NoEvents, Refused, happened_at, read_events, taken
from sentinel.rules.rule import Rule
from sentinel.store import Store, StoreOptions
from sentinel.store.events.batch import Batch, compiled_of
from sentinel.store.events.log import Block, Source, after, cursor_at, oldest_kept
from sentinel.store.events.packs import roll_out, specs_by_name

__all__ = ["EVENT_TRIGGERS", "Came", "EventPlan", "planned_events", "replay_events", "spec_of",
           "stored_spec"]  # fmt: skip

EVENT_TRIGGERS = (POLICY_TRIGGER, PACK_TRIGGER)
_AT_ONCE = 5000
_STRETCHES = 1000
_TOGETHER = timedelta(seconds=1)
_EVER = datetime(9000, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(milliseconds=50)


class EventPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed, and as what.

    Attributes:
        spec: the policies, and what their deployment says of all of them
        edits: what they became, and when, oldest first
        since, until: the time to replay; an alert open at the end is still open
        receivers: channels of each receiver by name
        options: the settings that decisions depend on
        notes: what this backtest cannot know
    """

    spec: Spec
    since: datetime
    until: datetime
    edits: Sequence[tuple[datetime, Spec]] = ()
    receivers: Mapping[str, Sequence[str]] = {}
    options: StoreOptions = StoreOptions()
    notes: Sequence[str] = ()


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """Events that came together, when, and what they are; of a file they may be either."""

    at: datetime
    events: Sequence[dict[str, Any]]
    source: Source = ""


Lines = Callable[[str, datetime, datetime], Iterable[tuple[datetime, list[dict[str, Any]]]]]
"""Returns log lines of a tenant, from one moment to another, oldest first."""


class _Asked:
    """An event port that only records which policies the check asks about."""

    def __init__(self) -> None:
        self.policies: list[dict[str, Any]] = []
        self.alone = False

    def match(self, policies: Sequence[Mapping[str, Any]], *, alone: bool) -> MatchResult:
        self.policies, self.alone = [dict(one) for one in policies], alone
        return MatchResult()


def spec_of(rule: Rule, trigger: Trigger[..., Any], parameters: Mapping[str, Any]) -> Spec:
    """Return the policies that a run with these parameters would roll out.

    Args:
        rule: the deployment's
        trigger: event_policy or event_pack
        parameters: the trigger's

    Returns:
        The rule and its policies as JSON.

    Raises:
        SentinelError: they cannot be read
    """
    asked = _Asked()
    seen = observe(trigger, Context(events=asked), parameters, timeout=None)
    if seen.error is not None:
        raise seen.error
    return Spec(rule=rule.dump(), policies=asked.policies, alone=asked.alone)


def stored_spec(store: Store, name: str, tenant: str = "default") -> Spec:
    """Return the policies that were rolled out as a rule, or the one policy that is that rule.

    Args:
        store: where they are
        name: the rule's
        tenant: the rule's

    Returns:
        The deployment's rule with all of its policies, or with the one that is named.

    Raises:
        NotFound: there are none
    """
    specs = specs_by_name(store, tenant)
    if name in specs:
        return specs[name]
    for spec in specs.values():
        names = list(pack_of(spec).names)
        if name in names:
            return msgspec.structs.replace(spec, policies=[spec.policies[names.index(name)]])
    raise NotFound(
        f"no policies of {name!r} were rolled out yet",
        hint="Name their file: sentinel rule test NAME --file prefect.yaml",
    )


def planned_events(
    store: Store, spec: Spec, since: datetime, until: datetime, data: Path | None = None,
    lines: Lines | None = None,
) -> tuple[EventPlan, Iterable[Came]]:  # fmt: skip
    """Decide which events to replay, and as what.

    Args:
        store: whose events, receivers and settings hold
        spec: the policies
        since: events that came after it
        until: and up to it
        data: a file of events instead; then their own times are the limits, and messages about
            the last one are sent too
        lines: reads stored log lines, for policies over them

    Returns:
        The plan, and the events to replay by when they came.

    Raises:
        ConfigurationError: there is nothing to replay
        PolicyError: the policies cannot be used
    """
    pack = pack_of(spec)
    notes: list[str] = []
    came: Iterable[Came]
    if data is not None:
        read = read_event_file(data, until)
        since, until = read[0].at, read[-1].at + waits(Rule.model_validate(spec.rule))
        came = read
        notes.append("The events of the file came when they say that they happened.")
    else:
        sources = {policy.source for policy in pack.policies}
        streams: list[Iterable[Came]] = []
        if "event" in sources:
            oldest = oldest_kept(store, pack.tenant)
            if oldest is None or oldest > until:
                raise ConfigurationError(
                    f"no events of tenant {pack.tenant!r} are kept from {since:%Y-%m-%d %H:%M} on",
                    hint="Give a file of events with --data.",
                )
            if oldest > since:
                notes.append(f"The oldest event that is kept came at {oldest:%Y-%m-%d %H:%M} UTC.")
            streams.append(_stored(store, pack.tenant, since, until))
        if "log" in sources and lines is not None:
            notes.append("The log lines came when they say that they were written.")
            found = lines(pack.tenant, since, until)
            streams.append(Came(at=at, events=events, source="log") for at, events in found)
        came = merge(*streams, key=lambda one: one.at)
    plan = EventPlan(
        spec=spec, since=since, until=until, receivers=store.receivers.all(), options=store.options,
        notes=notes,
    )  # fmt: skip
    return plan, came


def read_event_file(path: Path, until: datetime) -> list[Came]:
    """Read the events of a file, by when they happened.

    One without a time of its own happened together with the one before it in the file; the first,
    at `until`. An id given twice counts once, as it does live.

    Args:
        path: has one object, a list, `{"events": […]}`, or an object a line
        until: the moment of a first event without a time

    Returns:
        The events by moment, the earliest first.

    Raises:
        ConfigurationError: the file cannot be read, or one is no event; names it
    """
    try:
        given = read_events(path.read_bytes())
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", hint="Give a JSON or NDJSON file of events."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    except NoEvents as error:
        raise ConfigurationError(f"{path}: {error.message}", hint=error.hint) from None
    if not given:
        raise ConfigurationError(f"{path} has no events")
    moments: dict[datetime, list[dict[str, Any]]] = {}
    last = until
    known: set[bytes] = set()
    for place, one in enumerate(given):
        good = one if isinstance(one, Refused) else taken("default", place, one)
        if isinstance(good, Refused):
            what = f"{good.field} {good.message}".strip()
            raise ConfigurationError(f"{path}, event {place + 1}: {what}")
        if good.key is not None:
            if good.key in known:
                continue
            known.add(good.key)
        event = cast("dict[str, Any]", one)
        at = happened_at(event, _EVER)
        last = last if at is _EVER else at
        moments.setdefault(last, []).append(event)
    return [Came(at=at, events=moments[at]) for at in sorted(moments)]


def _stored(store: Store, tenant: str, since: datetime, until: datetime) -> Iterator[Came]:
    cursor = cursor_at(store, tenant, since)
    while True:
        with store.read() as connection:
            blocks = after(connection, tenant, cursor, _AT_ONCE)
        if not blocks:
            return
        for block in blocks:
            if block.received_at > until:
                return
            if block.source == "event":  # lines come from the store of logs, with all others
                yield Came(at=block.received_at, events=block.events, source="event")
        cursor = blocks[-1].seq


def replay_events(plan: EventPlan, came: Iterable[Came]) -> Backtest:
    """Return what the plan's policies would have done with `came`, which is in order of time."""
    with staged(plan.since, plan.receivers, plan.options) as stage:
        run = _Run(plan, stage)
        for one in _together(came):
            run.take(one)
        run.pass_until(plan.until)
        stage.clock.set(plan.until)
        return run.result()


def _together(came: Iterable[Came]) -> Iterator[Came]:
    """Yield the events of each second together; windows and limits use each event's own time."""
    events: list[dict[str, Any]] = []
    first = last = datetime.min.replace(tzinfo=UTC)
    source: Source = ""
    for one in came:
        joins = one.source == source and one.at - first < _TOGETHER and len(events) < _AT_ONCE
        if events and not joins:
            yield Came(at=last, events=events, source=source)
            events = []
        if not events:
            first, source = one.at, one.source
        last = one.at
        events.extend(one.events)
    if events:
        yield Came(at=last, events=events, source=source)


class _Run:
    """One replay under way; on the stage it is what time alone may change."""

    def __init__(self, plan: EventPlan, stage: Stage) -> None:
        self._plan = plan
        self._stage = stage
        self._edits = list(plan.edits)
        self._events = self._matches = 0
        self._stretches: Counter[int] = Counter()
        self._next: datetime | None = None
        self._become(plan.spec)
        stage.timer = self

    def _become(self, spec: Spec) -> None:
        """Let the policies be those of `spec` from now on."""
        self._pack = roll_out(self._stage.store, spec)
        self._compiled = compiled_of(self._pack, spec.digest)
        if self._compiled.timed:
            self._matches += self._match((), begins=True)
        self._stage.wrote()

    def pass_until(self, moment: datetime) -> None:
        """Let the time pass, edits and all that comes due until then included."""
        while self._edits and self._edits[0][0] <= moment:
            edited_at, spec = self._edits.pop(0)
            self._stage.pass_until(edited_at)
            self._become(spec)
        self._stage.pass_until(moment)

    def take(self, came: Came) -> None:
        """Events that came together; after all that came due before them."""
        # What clocks did back then: whoever comes out of order comes now.
        at = max(came.at, self._stage.clock.now())
        self.pass_until(at)
        self._events += len(came.events)
        chosen = [one for one in came.events if self._compiled.places(one, came.source)]
        if not chosen:
            return
        found = self._match(chosen, came.source)
        self._stage.wrote()
        self._matches += found
        length = (self._plan.until - self._plan.since) / _STRETCHES
        self._stretches[int((at - self._plan.since) / length) if length else 0] += found

    def next(self) -> datetime | None:
        """Return when a window may change though nothing comes."""
        return self._next

    def turn(self) -> None:
        """Match what time has changed."""
        self._matches += self._match(())

    def _match(
        self, events: Sequence[dict[str, Any]], source: Source = "", *, begins: bool = False
    ) -> int:
        """One micro-batch, as the relay's; returns how often a policy matched."""
        store, compiled = self._stage.store, self._compiled
        now = store.now()
        block = Block(seq=0, received_at=now, events=events, source=source)

        def work(connection: Connection) -> tuple[int, datetime | None]:
            batch = Batch(store, connection, compiled, now)
            found = batch.match([block], set())
            if compiled.timed:
                if begins:
                    batch.begin()
                batch.lapse(set())
            batch.carry_in()
            return found, batch.due()

        found, due = store.in_transaction(work)
        # More events than one batch may have: the relay would match the rest at once.
        self._next = now + _BETWEEN if due is not None and due <= now else due
        return found

    def result(self) -> Backtest:
        """What came of it."""
        plan = self._plan
        length = (plan.until - plan.since) / _STRETCHES
        return Backtest(
            rule=self._pack.name, since=plan.since, until=plan.until, evaluations=self._events,
            bad=self._matches, failed=0, error="", series=len(self._pack.policies),
            alerts=self._stage.alerts(), messages=self._stage.messages,
            peaks=[(plan.since + place * length, float(self._stretches[place]))
                   for place in sorted(self._stretches)],
            notes=plan.notes, of="events",
        )  # fmt: skip
