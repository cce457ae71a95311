"""Rules of deployment files, and rules as they last ran: backtested and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from pydantic import ValidationError

from sentinel.backtest.diff import difference
from sentinel.backtest.planning import Candidate, planned
from sentinel.backtest.policies import (
    EVENT_TRIGGERS,
    Lines,
    planned_events,
    replay_events,
    spec_of,
    stored_spec,
)
from sentinel.backtest.replay import replay
from sentinel.backtest.result import Backtest
from sentinel.checks.catalog import find
from sentinel.checks.form import filled
from sentinel.errors import ConfigurationError, NotFound, TriggerError
from sentinel.event_policies.pack import Spec
from sentinel.rollout.files import Entry
from sentinel.rollout.packed_entries import alone
from sentinel.rules.rule import Rule
from sentinel.store import Store
from sentinel.validation_messages import validation_message

__all__ = ["differences", "of_entries", "replayed", "rule_of", "stored_candidate"]


def rule_of(candidate: Candidate | Spec) -> Rule:
    """Return the rule of a candidate, also of one with event policies."""
    return Rule.model_validate(candidate.rule)


def replayed(
    store: Store, candidate: Candidate | Spec, since: datetime, until: datetime,
    data: Path | None = None, lines: Lines | None = None,
) -> Backtest:  # fmt: skip
    """Replay what was stored, or a file, through a rule.

    Args:
        store: whose readings, events, receivers and settings hold
        candidate: the rule
        since: what came after it
        until: and up to it
        data: a file of readings or events instead
        lines: reads stored log lines, for policies over them

    Returns:
        What the rule would have done.

    Raises:
        ConfigurationError: there is nothing to replay, or its check acts on the world
    """
    if not isinstance(candidate, Candidate):
        return replay_events(*planned_events(store, candidate, since, until, data, lines))
    if not candidate.trigger.backtest:
        raise ConfigurationError(
            f"{candidate.trigger.name} acts on the world, so it cannot be replayed"
        )
    return replay(*planned(store, candidate, since, until, data))


def of_entries(entries: Sequence[Entry], name: str, where: str) -> Candidate | Spec:
    """Return the rule of a name from the entries of a file.

    Args:
        entries: of the file
        name: of the rule
        where: the file, for the message

    Returns:
        The rule with its trigger and parameters, or with its event policies.

    Raises:
        NotFound: no entry is a rule of this name
        ConfigurationError: the rule or its check is not usable
    """
    for entry in _each_rule(entries):
        if entry.name == name and (found := _of_entry(entry)) is not None:
            return found
    raise NotFound(f"{where} has no rule {name!r}", hint="Name a rule of that file.")


def stored_candidate(
    store: Store, name: str, *, tenant: str = "default", given: Candidate | Spec | None = None
) -> Candidate | Spec:
    """Return a rule as it last ran.

    Args:
        store: the database that has the rule
        name: of the rule
        tenant: whose it is
        given: another version of the rule, whose parameters the replay uses

    Returns:
        The rule with its trigger and parameters, or with its event policies.

    Raises:
        NotFound: the database does not have the rule
        ConfigurationError: the rule reads stored metrics, and only its file names them
    """
    row = store.rules.get(name, tenant)
    if row.trigger in EVENT_TRIGGERS:
        return stored_spec(store, name, tenant)
    trigger = find(row.trigger)
    if not trigger.keeps_readings and not isinstance(given, Candidate):
        raise ConfigurationError(
            f"rule {name!r} reads stored metrics, and only its file says which",
            hint="Name the file: sentinel rule test NAME --file prefect.yaml",
        )
    parameters: Mapping[str, Any] = given.parameters if isinstance(given, Candidate) else {}
    return Candidate(rule=Rule.model_validate(row.spec), trigger=trigger, parameters=parameters)


def differences(
    store: Store, entries: Sequence[Entry], since: datetime, until: datetime,
    lines: Lines | None = None,
) -> Iterator[str]:  # fmt: skip
    """Yield a section of Markdown for each rule of a file that differs from the one that last ran.

    Args:
        store: whose rules, readings and events hold
        entries: of the file
        since: what came after it is replayed
        until: and up to it
        lines: reads stored log lines, for policies over them

    Yields:
        The edits of a rule, and what it would have done before and after them.

    Raises:
        ConfigurationError: a rule of the file or its check is not usable
    """
    for entry in _each_rule(entries):
        new = _of_entry(entry)
        if new is not None:
            yield from _difference(store, new, since, until, lines)


def _difference(
    store: Store, new: Candidate | Spec, since: datetime, until: datetime, lines: Lines | None
) -> Iterator[str]:
    rule = rule_of(new)
    name = rule.renamed_from or rule.name
    try:
        old = stored_candidate(store, name, tenant=rule.tenant, given=new)
    except NotFound:
        yield f"### {rule.name}\n\nNew rule: there are no readings to replay yet.\n"
        return
    edits = list(_edits(_written(old), _written(new)))
    if not edits:
        return
    try:
        before = replayed(store, old, since, until, lines=lines)
        after = replayed(store, _called(new, name), since, until, lines=lines)
        yield difference(before, after, edits)
    except ConfigurationError as error:
        listed = "".join(f"- {edit}\n" for edit in edits)
        yield f"### {rule.name}\n\n{listed}\n> This rule cannot be replayed: {error}\n"


def _called(candidate: Candidate | Spec, name: str) -> Candidate | Spec:
    """Return the rule under `name`, the name that its stored readings have."""
    rule = rule_of(candidate)
    if rule.name == name:
        return candidate
    kept = rule.model_copy(update={"name": name, "renamed_from": None})
    if isinstance(candidate, Candidate):
        return msgspec.structs.replace(candidate, rule=kept)
    return msgspec.structs.replace(candidate, rule=kept.dump())


def _written(candidate: Candidate | Spec) -> dict[str, object]:
    """Return every field of the rule and its policies by the name that a list of changes uses."""
    written: dict[str, object] = dict(rule_of(candidate).dump())
    if not isinstance(candidate, Candidate):
        for policy in candidate.policies:
            name = policy.get("name", "")
            written.update({f"policy {name}, {field}": value for field, value in policy.items()})
    return written


def _edits(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: {_json_text(before.get(name))} → {_json_text(after.get(name))}"


def _json_text(value: object) -> str:
    return "(default)" if value is None else msgspec.json.encode(value).decode()


def _each_rule(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with those of packs replaced by one for each rule of them."""
    return [one for entry in entries for one in alone(entry)]


def _of_entry(entry: Entry) -> Candidate | Spec | None:
    """Return the rule of a deployment, or its event policies; None if it has neither."""
    given: Any = entry.spec.get("parameters") or {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{entry.file}, {entry.shown}: parameters: must be a mapping")
    parameters = dict(cast("Mapping[str, Any]", given))
    flow = entry.entrypoint.removeprefix("flows.rules.")
    if "rule" not in parameters or flow == entry.entrypoint:
        return None
    try:
        rule = Rule.model_validate(parameters.pop("rule"))
        trigger = find(flow)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("rule", *first["loc"])))
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {where}: {validation_message(first, Rule)}",
            hint=f"See: sentinel rule lint {entry.file}",
        ) from None
    except TriggerError as error:
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {error.message}",
            hint=f"See: sentinel rule lint {entry.file}",
        ) from None
    if not trigger.keeps_readings:
        # The replay evaluates it again, so its parameters are parsed as a flow run parses them.
        parameters = filled(trigger, {}, parameters)
    if trigger.name in EVENT_TRIGGERS:
        return spec_of(rule, trigger, parameters)
    return Candidate(rule=rule, trigger=trigger, parameters=parameters)
