"""Alerting rules of Prometheus as members of rule packs of the trigger `promql`. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import PatternError
from sentinel.ingest.prometheus_rules.files import Group, Rule, read_groups
from sentinel.ingest.reported import Reported, refused
from sentinel.metrics.promql.alerting import severity_word
from sentinel.metrics.promql.over_time import Version
from sentinel.metrics.promql.reading import metrics_of
from sentinel.metrics.promql.templates import of_prometheus, template
from sentinel.metrics.promql.values import PromqlError

__all__ = ["ImportedRules", "Member", "imported_rules", "member_of"]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_LOGQL = re.compile(r"\}\s*(\|[=~>]|!=|!~|\|)|\|\s*(json|logfmt|unwrap|pattern)\b|\|=|\bunwrap\b")
_LONGEST = 100


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of ours.

    Attributes:
        every: its period
        parameters: of the trigger `promql`
        rule: fields of the rule, its name among them
        notes: what it does otherwise than Prometheus
    """

    every: timedelta
    parameters: Mapping[str, Any]
    rule: Mapping[str, Any]
    notes: tuple[str, ...] = ()


class ImportedRules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that alerting rules became, and a line of the report for each rule."""

    members: Sequence[Member]
    report: Sequence[Reported]


def imported_rules(
    texts: Mapping[str, str],
    *,
    interval: timedelta,
    version: Version = 2,
    external: Mapping[str, str] | None = None,
) -> ImportedRules:
    """Translate rule files.

    Args:
        texts: YAML by name of the file
        interval: of groups that name none
        version: of Prometheus, whose ranges are meant
        external: labels that templates mean by `$externalLabels`; None where they are not known

    Returns:
        A rule for each alerting rule that can be used, in the order of the files, and the report.
    """
    report: list[Reported] = []
    lines: list[Reported] = []
    groups = read_groups(texts, report)
    recorded = {rule.record for group in groups for rule in group.rules if rule.record}
    found: list[tuple[Group, Rule, Member]] = []
    for group in groups:
        for rule in group.rules:
            try:
                member = member_of(
                    group, rule, interval=interval, version=version, external=external,
                    recorded=recorded,
                )  # fmt: skip
            except (PromqlError, PatternError) as error:
                lines.append(
                    refused(group.file, rule.title, error, group=group.name, line=rule.line)
                )
                continue
            found.append((group, rule, member))
    members: list[Member] = []
    names = _names([(group, rule) for group, rule, _ in found])
    for (group, rule, member), name in zip(found, names, strict=True):
        line = Reported(
            file=group.file, title=rule.title, group=group.name, line=rule.line, rule=name,
            reason="" if name else "the same rule is in another place; it is used once",
            notes=member.notes if name else (),
        )  # fmt: skip
        lines.append(line)
        if name:
            members.append(msgspec.structs.replace(member, rule={"name": name, **member.rule}))
    return ImportedRules(members=members, report=[*report, *lines])


def member_of(
    group: Group, rule: Rule, *, interval: timedelta, version: Version,
    external: Mapping[str, str] | None = None, recorded: set[str] | None = None,
) -> Member:  # fmt: skip
    """Translate an alerting rule.

    Args:
        group: that it is in
        rule: as it is written
        interval: of groups that name none
        version: of Prometheus, whose ranges are meant
        external: labels that templates mean by `$externalLabels`; None where they are not known
        recorded: metrics that recording rules of the files make, which is said of a rule that
            reads one; None where they are made

    Returns:
        The rule of ours, still without a name.

    Raises:
        PromqlError: nothing of ours can say that; names what
        PatternError: a pattern cannot be used
    """
    try:
        metrics = metrics_of(rule.expr)
    except PromqlError as error:
        if _LOGQL.search(rule.expr):
            raise PromqlError(
                "it reads as LogQL of Loki; `log_query` and policies with `source: log` watch logs"
            ) from None
        raise PromqlError(f"expr: {error.message}") from None
    if "ALERTS" in metrics and recorded is not None:
        raise PromqlError(
            "ALERTS has alerts of Prometheus itself; inhibition and services say here what depends "
            "on another alert"
        )
    if rule.record:
        raise PromqlError(
            f"a recording rule: Sentinel stores no metric {rule.record}; send it the metric, or "
            "write the expression into the rules that read it"
        )
    if group.unlike:
        raise PromqlError(f"its group has {group.unlike[0]}, which is not known")
    every = group.interval or interval
    if every < timedelta(seconds=1):
        raise PromqlError("its interval is shorter than 1s")
    labels = {**group.labels, **rule.labels}
    parameters: dict[str, Any] = {"expr": _parameter(rule.expr), "alert": _parameter(rule.alert)}
    for field, texts in (("labels", labels), ("annotations", rule.annotations)):
        if texts:
            parameters[field] = {
                name: _template(field, name, text, external is not None)
                for name, text in texts.items()
            }
    if external:
        parameters["external_labels"] = dict(external)
    if every != timedelta(minutes=1):
        parameters["step"] = format_duration(every)
    if version != 2:
        parameters["prometheus"] = version
    notes: list[str] = []
    ours: dict[str, Any] = {"description": f"{group.name}: {rule.alert}"}
    given = labels.get("severity", "")
    word = severity_word(given)
    if word:
        ours["severity"] = word
    elif given and "{{" not in given:
        notes.append(f"severity {given[:40]!r} is none of ours: medium")
    if rule.hold:
        ours["for"] = format_duration(rule.hold)
    if rule.keep:
        ours["keep_firing_for"] = format_duration(rule.keep)
    if group.limit > 0:
        ours["max_alerts"] = group.limit
        notes.append(f"beyond the limit of {group.limit}, one alert stands for the rest")
    missing = sorted(recorded.intersection(metrics)) if recorded else []
    if missing:
        notes.append(f"it reads {missing[0]}, which a recording rule makes: send that metric")
    return Member(every=every, parameters=parameters, rule=ours, notes=tuple(notes))


def _parameter(text: str) -> str:
    if "{{" in text:
        raise PromqlError("it has {{ in a text, which Prefect would take for a template")
    return text


def _template(field: str, name: str, text: str, external: bool) -> str:
    try:
        found = of_prometheus(text)
        template(found)
    except PromqlError as error:
        raise PromqlError(f"{field}.{name}: {error.message}") from None
    if not external and ("$externalLabels" in found or ".ExternalLabels" in found):
        raise PromqlError(f"{field}.{name}: $externalLabels: give them as --external-label")
    return found


def _names(rules: Sequence[tuple[Group, Rule]]) -> list[str]:
    """Return the name of each rule, unlike all others; empty for one that is there already."""
    plain = [_named(group, rule) for group, rule in rules]
    counts = Counter(plain)
    found: list[str] = []
    taken: set[str] = set()
    for (group, rule), name in zip(rules, plain, strict=True):
        if counts[name] > 1:
            said = msgspec.json.encode([group.name, rule.expr, dict(rule.labels), str(rule.hold)])
            name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(said).hexdigest()[:8]}"
        found.append("" if name in taken else name)
        taken.add(name)
    return found


def _named(group: Group, rule: Rule) -> str:
    word = rule.labels.get("severity", "")
    parts = [group.name, rule.alert, word if severity_word(word) else ""]
    slugs = [_NO_LETTER.sub("-", _CAMEL.sub("-", part).lower()).strip("-") for part in parts]
    name = "-".join(["prometheus", *filter(None, slugs)])
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].rstrip('-')}-{digest}"
