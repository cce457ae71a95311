"""From a rule and a database to a plan and what to replay: what is known, and what is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sentinel.backtest.readings import Seen, empty_between, read_file, stored, watched
from sentinel.backtest.replay import Plan
from sentinel.backtest.sandbox import waits
from sentinel.checks.trigger import Trigger
from sentinel.errors import ConfigurationError
from sentinel.rules.rule import Rule
from sentinel.store import Store

__all__ = ["Candidate", "planned"]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to try out.

    Attributes:
        rule: as it would be
        trigger: that it uses
        parameters: of the trigger, which only checks of stored metrics need
    """

    rule: Rule
    trigger: Trigger[..., Any]
    parameters: Mapping[str, Any] = {}


def planned(
    store: Store, candidate: Candidate, since: datetime, until: datetime, data: Path | None = None
) -> tuple[Plan, Iterable[Seen]]:
    """Decide what to replay, and as what.

    Args:
        store: whose readings, metrics, receivers and settings hold
        candidate: the rule
        since: evaluations after it
        until: and up to it
        data: a file of readings instead of the kept ones; then its times are the limits, and
            messages about its last reading are sent too

    Returns:
        The plan, and the evaluations to replay, oldest first.

    Raises:
        ConfigurationError: there is nothing to replay, or nothing says what is bad
    """
    rule, trigger = candidate.rule, candidate.trigger
    judged = (rule.when or trigger.when) is not None
    seen: Iterable[Seen]
    reader = store.metrics.reader(rule.tenant)
    if data is not None:
        read = read_file(data, judged=judged, rule=rule.name)
        if not read:
            raise ConfigurationError(
                f"{data} has no readings", hint="Put one in each row: at, value and labels."
            )
        since, until = read[0].at, read[-1].at + waits(rule)
        seen = read
    elif not trigger.keeps_readings:
        if rule.every is None:
            raise ConfigurationError(
                f"rule {rule.name!r} has no period", hint="Give it `every`, for example 60s."
            )
        seen = watched(trigger, candidate.parameters, reader, since, until, rule.every)
    else:
        seen = stored(reader, rule.name, since, until, judged=judged)
        if not seen:
            raise ConfigurationError(
                f"no readings of {rule.name} are kept from {since:%Y-%m-%d %H:%M} on",
                hint="Readings are kept for the rule's keep_readings; or give a file with --data.",
            )
    notes = list(_notes(candidate, data, seen))
    if trigger.closed_world and rule.every is not None and not isinstance(seen, Iterator):
        seen = empty_between([*seen], rule.every)
        notes.append(
            "The check lists only what is wrong, so every period without a reading counts as one "
            "in which all was well."
        )
    plan = Plan(
        rule=rule, since=since, until=until, trigger=trigger.name, default_when=trigger.when,
        default_category=trigger.category, closed_world=trigger.closed_world, unit=trigger.unit,
        receivers=store.receivers.all(), options=store.options, notes=notes,
    )  # fmt: skip
    return plan, seen


def _notes(candidate: Candidate, data: Path | None, seen: Iterable[Seen]) -> Iterable[str]:
    rule, trigger = candidate.rule, candidate.trigger
    if not trigger.keeps_readings and data is None:
        yield "The check read the stored metrics again, once a period."
        return
    yield "An evaluation that failed or saw nothing leaves no reading, so it is not replayed."
    if rule.no_data is not None:
        yield "no_data: alerts that nothing is seen at all are therefore not shown."
    if (rule.when or trigger.when) is not None and trigger.judges and not _has_verdicts(seen):
        yield (
            f"{trigger.name} judges some of its readings itself; only their values are "
            "kept, and the condition judges them."
        )


def _has_verdicts(seen: Iterable[Seen]) -> bool:
    """Return whether the check's own verdicts are kept."""
    return not isinstance(seen, Iterator) and any(
        reading.firing is not None for one in seen for reading in one.observation.readings
    )
