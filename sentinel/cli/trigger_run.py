"""Trying a trigger here and now: one look, judged as a rule would, with the texts of alerts."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from pydantic import ValidationError

from sentinel.alerts.inputs import Bad
from sentinel.checks.context import Context
from sentinel.checks.form import filled
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.cli.output import print_table, say
from sentinel.cli.target import home_of, settings_here
from sentinel.clock import SystemClock
from sentinel.errors import ConfigurationError, ReadingError, RuleError
from sentinel.evaluation.alert_text import error_text, wording
from sentinel.evaluation.judge import Judged, judge_all
from sentinel.evaluation.model import Evaluation
from sentinel.prefect_client.client import PrefectApi, connect
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.template import number

__all__ = ["Preview", "RunOptions", "SeriesPreview", "condition_text", "preview", "print_preview"]

_MOST_SHOWN = 200
_WHEN_HINT = "Write it as in a rule, for example '{above: 80, clear: 70}'."


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the person wrote: parameters as name=value, and how to judge."""

    settings: tuple[str, ...] = ()
    above: float | None = None
    below: float | None = None
    when: str = ""
    file: Path | None = None
    rule: str = ""
    act: bool = False


class SeriesPreview(msgspec.Struct, frozen=True, kw_only=True):
    """One series: what was read, and what a rule makes of it.

    `verdict` is good, bad, or unjudged where nothing says what is bad; the texts are those of
    the alert that would open.
    """

    labels: Mapping[str, str]
    value: float | None
    verdict: str
    severity: str = ""
    title: str = ""
    description: str = ""
    annotations: Mapping[str, str] = {}
    details: Mapping[str, Any] = {}


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What one look came to."""

    trigger: str
    rule: str
    condition: str
    unit: str
    at: datetime
    seconds: float
    readings: list[SeriesPreview]
    not_seen: list[Mapping[str, str]]
    complete: bool
    error: str
    note: str


def preview(trigger: Trigger[..., Any], asked: RunOptions) -> Preview:
    """Preview once.

    Raises:
        ConfigurationError: a parameter or the rule cannot be used
    """
    if not trigger.backtest and not asked.act:
        raise ConfigurationError(
            f"{trigger.name} acts on the world, it does not only look",
            hint="Add --act to let it.",
        )
    rule, given = _rule(trigger, asked)
    parameters = filled(trigger, _pairs(asked.settings), given)
    clock = SystemClock()
    at = clock.now()
    with ExitStack() as stack:
        ctx = Context(clock=clock, prefect=_prefect(stack), connect=connect)
        began = time.perf_counter()
        seen = observe(trigger, ctx, parameters, timeout=rule.timeout)
        seconds = time.perf_counter() - began
    evaluation = Evaluation(
        rule=rule,
        trigger=trigger.name,
        slot=at,
        at=at,
        observation=seen,
        closed_world=trigger.closed_world,
        default_when=trigger.when,
        default_category=trigger.category,
        unit=trigger.unit,
    )
    when = rule.when or trigger.when
    return Preview(
        trigger=trigger.name,
        rule=rule.name,
        condition=condition_text(when, trigger.unit) if when else "",
        unit=trigger.unit,
        at=at,
        seconds=round(seconds, 3),
        readings=_judged(evaluation),
        not_seen=list(seen.not_seen),
        complete=seen.complete,
        error="" if seen.error is None else error_text(seen.error),
        note=_note(rule, seen),
    )


def _judged(evaluation: Evaluation) -> list[SeriesPreview]:
    """Every series with its verdict, the worst first."""
    try:
        judged = list(judge_all(evaluation, {}).values())
    except ReadingError:
        # Nothing says what is bad: what was read is worth showing all the same.
        return [
            SeriesPreview(
                labels=reading.labels, value=reading.value, details=reading.details or {},
                verdict={True: "bad", False: "good", None: "unjudged"}[reading.firing],
            )
            for reading in evaluation.observation.readings
        ]  # fmt: skip
    judged.sort(key=lambda one: -one.verdict.severity if isinstance(one.verdict, Bad) else 0)
    return [_seen(evaluation, one) for one in judged if one.reading is not None]


def _seen(evaluation: Evaluation, one: Judged) -> SeriesPreview:
    reading, verdict = one.reading, one.verdict
    if reading is None:
        raise AssertionError("only readings are shown")
    if not isinstance(verdict, Bad):
        return SeriesPreview(
            labels=reading.labels, value=reading.value, verdict="good",
            details=reading.details or {},
        )  # fmt: skip
    title, description, annotations = wording(
        evaluation.rule, reading, verdict.word, evaluation.unit, evaluation.at
    )
    return SeriesPreview(
        labels=reading.labels, value=reading.value, verdict="bad", severity=verdict.word,
        title=title, description=description, annotations=annotations,
        details=reading.details or {},
    )  # fmt: skip


def _note(rule: Rule, seen: Observation) -> str:
    if seen.error is None and (rule.for_ or rule.consecutive > 1):
        return "One look is judged here; `for` and `consecutive` of the rule come on top."
    return ""


def _rule(trigger: Trigger[..., Any], asked: RunOptions) -> tuple[Rule, dict[str, Any]]:
    """The rule to judge by, and the parameters that its deployment gives."""
    fields: dict[str, Any] = {"name": "try-out"}
    given: dict[str, Any] = {}
    if asked.file is not None:
        fields, given = _from_file(asked.file, asked.rule, trigger.name)
    when = _when(asked.when)
    when |= {"above": asked.above} if asked.above is not None else {}
    when |= {"below": asked.below} if asked.below is not None else {}
    try:
        return Rule.model_validate({**fields, **({"when": when} if when else {})}), given
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "rule"
        if first["type"] == "extra_forbidden":
            raise RuleError(f"{where}: there is no such field", hint=_WHEN_HINT) from None
        said = first["msg"].removeprefix("Value error, ")
        raise RuleError(f"{where}: {said}", hint=_WHEN_HINT) from None


def _when(written: str) -> dict[str, Any]:
    if not written:
        return {}
    try:
        return msgspec.convert(yaml.safe_load(written), dict[str, Any])
    except (yaml.YAMLError, msgspec.ValidationError):
        raise ConfigurationError(f"--when {written!r} is no condition", hint=_WHEN_HINT) from None


def _from_file(file: Path, name: str, trigger: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A rule's fields and its deployment's parameters, from a prefect.yaml or a rule alone."""
    try:
        content: Any = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigurationError(
            f"the file {file} cannot be read: {why}",
            hint="Name a prefect.yaml, or a file with one rule.",
        ) from None
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    names: list[str] = []
    for entry in _entries(content):
        parameters: dict[str, Any] = dict(entry.get("parameters") or {})
        rule: object = parameters.pop("rule", None)
        if not isinstance(rule, dict):
            continue
        fields = cast("dict[str, Any]", rule)
        point = str(entry.get("entrypoint") or trigger)
        names.append(str(fields.get("name")))
        if name in ("", fields.get("name")) and point.rpartition(".")[2] == trigger:
            found.append((fields, parameters))
    if len(found) != 1:
        raise ConfigurationError(
            f"{file} has {'no' if not found else 'more than one'} rule "
            f"{repr(name) + ' ' if name else ''}of {trigger}",
            hint=f"Name one with --rule; there are: {', '.join(names) or 'none'}.",
        )
    return found[0]


def _entries(content: object) -> list[dict[str, Any]]:
    """The deployments of a prefect.yaml; what is none is taken for a rule."""
    if isinstance(content, dict):
        whole = cast("dict[str, Any]", content)
        if "deployments" not in whole:
            return [{"parameters": whole if "rule" in whole else {"rule": whole}}]
        content = whole["deployments"]
    listed = cast("list[object]", content) if isinstance(content, list) else []
    return [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]


def _pairs(settings: tuple[str, ...]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for one in settings:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise ConfigurationError(f"--set {one!r} is no name=value", hint="Write --set paths=/")
        pairs.setdefault(name.strip(), []).append(value)
    return pairs


def _prefect(stack: ExitStack) -> PrefectApi | None:
    """The Prefect API where somebody said where it is; a look needs none by itself."""
    from sentinel.up.instance import running

    settings = settings_here()
    known = settings.prefect_api_url or os.environ.get("PREFECT_API_URL")
    if not known and running(home_of(settings)) is None:
        return None
    return stack.enter_context(PrefectApi.of(settings))


def condition_text(when: When, unit: str) -> str:
    """A condition in words: `above 95 percent`."""
    parts = [
        f"{name} {number(value)}"
        for name, value in (("above", when.above), ("below", when.below), ("equals", when.equals))
        if value is not None
    ]
    if when.outside is not None:
        parts.append(f"outside {number(when.outside[0])} to {number(when.outside[1])}")
    for word, value in (when.levels or {}).items():
        parts.append(f"{word} {when.direction} {number(value)}")
    if when.clear is not None:
        parts.append(f"clear {number(when.clear)}")
    return f"{', '.join(parts)} {unit}".strip()


def print_preview(seen: Preview) -> None:
    """Show it to a person."""
    bad = [one for one in seen.readings if one.verdict == "bad"]
    say(
        f"{seen.trigger}: {len(seen.readings):,} readings in {seen.seconds:g} s, "
        f"{len(bad):,} bad ({seen.condition or 'no condition'})"
    )
    say("")
    shown = seen.readings[:_MOST_SHOWN]
    print_table(
        ["VERDICT", "SEVERITY", "VALUE", "LABELS"],
        [
            (
                one.verdict,
                one.severity,
                "" if one.value is None else f"{number(one.value)} {seen.unit}".strip(),
                ", ".join(f"{name}={text}" for name, text in one.labels.items()),
            )
            for one in shown
        ],
        empty="It yielded no reading.",
        ranks=[_rank(one.severity) for one in shown],
    )
    if len(seen.readings) > len(shown):
        say(f"and {len(seen.readings) - len(shown):,} more; --json shows all")
    for one in bad[:10]:
        say("")
        say(one.title)
        for text in (one.description, *(f"{k}: {v}" for k, v in one.annotations.items())):
            if text:
                say(f"    {text}")
    for labels in seen.not_seen[:10]:
        say(f"Could not be seen: {', '.join(f'{k}={v}' for k, v in labels.items())}")
    if any(one.verdict == "unjudged" for one in seen.readings):
        say("Nothing says what is bad: add --above, --below or --when.")
    if seen.note:
        say(seen.note)
    if seen.error:
        say("")
        say(f"The check failed, so that nothing it did not name counts as good: {seen.error}")


def _rank(word: str) -> int:
    return int(Severity[word.upper()]) if word.upper() in Severity.__members__ else 0
