"""One evaluation of a trigger on this machine, without a server: verdicts and alert texts."""

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
from sentinel.expression.yaml_loader import read_yaml
from sentinel.lint.placeholders import double_braces
from sentinel.prefect_client.client import PrefectApi, connect
from sentinel.printable import counted
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.template import number

__all__ = ["Preview", "RunOptions", "SeriesPreview", "condition_text", "preview", "print_preview"]

_MOST_SHOWN = 200
_WHEN_HINT = "Write it as in a rule, for example '{above: 80, clear: 70}'."


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `sentinel trigger run`: parameters as name=value, and the condition."""

    settings: tuple[str, ...] = ()
    above: float | None = None
    below: float | None = None
    when: str = ""
    file: Path | None = None
    rule: str = ""
    act: bool = False


class SeriesPreview(msgspec.Struct, frozen=True, kw_only=True):
    """One series: its reading and the verdict of the rule.

    `verdict` is ok, firing, or unjudged if there is no condition; title, description and
    annotations are those of the alert that would open.
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
    """The result of one evaluation."""

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
    """Evaluate `trigger` once; nothing is stored and nobody is notified.

    Args:
        trigger: the trigger
        asked: its parameters and the condition

    Returns:
        Every reading with its verdict, the highest severity first.

    Raises:
        ConfigurationError: a parameter or the rule is invalid, or the trigger acts on the world
            and `asked.act` is false
    """
    if not trigger.backtest and not asked.act:
        raise ConfigurationError(
            f"{trigger.name} does not only read, it acts on the world",
            hint="Add --act to run it.",
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
    """Return every series with its verdict, the highest severity first."""
    try:
        judged = list(judge_all(evaluation, {}).values())
    except ReadingError:
        # Without a condition there are no verdicts; the readings are worth showing all the same.
        return [
            SeriesPreview(
                labels=reading.labels, value=reading.value, details=reading.details or {},
                verdict={True: "firing", False: "ok", None: "unjudged"}[reading.firing],
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
            labels=reading.labels, value=reading.value, verdict="ok",
            details=reading.details or {},
        )  # fmt: skip
    title, description, annotations = wording(
        evaluation.rule, reading, verdict.word, evaluation.unit, evaluation.at
    )
    return SeriesPreview(
        labels=reading.labels, value=reading.value, verdict="firing", severity=verdict.word,
        title=title, description=description, annotations=annotations,
        details=reading.details or {},
    )  # fmt: skip


def _note(rule: Rule, seen: Observation) -> str:
    if seen.error is None and (rule.for_ or rule.consecutive > 1):
        return "This is one evaluation; the rule's `for` and `consecutive` apply on top."
    return ""


def _rule(trigger: Trigger[..., Any], asked: RunOptions) -> tuple[Rule, dict[str, Any]]:
    """Return the rule to judge with, and the parameters of its deployment."""
    fields: dict[str, Any] = {"name": "trigger-run"}
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
            raise RuleError(f"{where}: unknown field", hint=_WHEN_HINT) from None
        message = first["msg"].removeprefix("Value error, ")
        raise RuleError(f"{where}: {message}", hint=_WHEN_HINT) from None


def _when(written: str) -> dict[str, Any]:
    if not written:
        return {}
    try:
        return msgspec.convert(read_yaml(written), dict[str, Any])
    except (yaml.YAMLError, msgspec.ValidationError):
        raise ConfigurationError(
            f"--when {written!r} is not a condition", hint=_WHEN_HINT
        ) from None


def _from_file(file: Path, name: str, trigger: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a rule's fields and its deployment's parameters, from a prefect.yaml or one rule."""
    try:
        content: Any = read_yaml(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigurationError(
            f"the file {file} cannot be read: {why}",
            hint="Name a prefect.yaml, or a file that holds one rule.",
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
            hint=f"Name a rule with --rule. Rules of the file: {', '.join(names) or 'none'}.",
        )
    fields, parameters = found[0]
    whole = isinstance(content, dict) and "deployments" in content
    for what in double_braces({"rule": fields, **parameters}) if whole else ():
        raise RuleError(what)
    return found[0]


def _entries(content: object) -> list[dict[str, Any]]:
    """Return the deployments of a prefect.yaml; other content counts as one rule."""
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
            raise ConfigurationError(f"--set {one!r} is not name=value", hint="Write --set paths=/")
        pairs.setdefault(name.strip(), []).append(value)
    return pairs


def _prefect(stack: ExitStack) -> PrefectApi | None:
    """Return the Prefect API if its address is known; most triggers do not need one."""
    from sentinel.up.instance import running

    settings = settings_here()
    known = settings.prefect_api_url or os.environ.get("PREFECT_API_URL")
    if not known and running(home_of(settings)) is None:
        return None
    return stack.enter_context(PrefectApi.of(settings))


def condition_text(when: When, unit: str) -> str:
    """Return a condition in words: `above 95 percent`."""
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
    """Print the result as text: a table of readings and the texts of the alerts."""
    firing = [one for one in seen.readings if one.verdict == "firing"]
    say(
        f"{seen.trigger}: {counted(len(seen.readings), 'reading')} in {seen.seconds:g} s, "
        f"{len(firing):,} firing ({seen.condition or 'no condition'})"
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
        empty="The trigger yielded no reading.",
        ranks=[_rank(one.severity) for one in shown],
    )
    if len(seen.readings) > len(shown):
        say(f"and {len(seen.readings) - len(shown):,} more; --json shows all")
    for one in firing[:10]:
        say("")
        say(one.title)
        for text in (one.description, *(f"{k}: {v}" for k, v in one.annotations.items())):
            if text:
                say(f"    {text}")
    for labels in seen.not_seen[:10]:
        say(f"Not observed: {', '.join(f'{k}={v}' for k, v in labels.items())}")
    if any(one.verdict == "unjudged" for one in seen.readings):
        say("There is no condition: add --above, --below or --when.")
    if seen.note:
        say(seen.note)
    if seen.error:
        say("")
        say(f"The check failed; series without a reading keep their state: {seen.error}")


def _rank(word: str) -> int:
    return int(Severity[word.upper()]) if word.upper() in Severity.__members__ else 0
