"""The groups and rules of Prometheus rule files, each with its place. Pure.

https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/#rule_group; with a
`namespace` beside them as mimirtool and lokitool write them, by namespace as the rulers of Mimir
and Loki answer them, or in a PrometheusRule of the Prometheus operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec
import promql_parser

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.expression.yaml_positions import Positions
from sentinel.ingest.reported import Reported, refused
from sentinel.metrics.promql.values import PromqlError

__all__ = ["Group", "Rule", "duration_of", "read_groups"]

_DOCUMENT = re.compile(r"^---(?=\s|$)[^\n]*$", re.MULTILINE)
_NOTHING = re.compile(r"0|(0+(ms|[smhdwy]))+", re.ASCII)
_HINT = "A rule file of Prometheus has groups: with name and rules."
_GROUP_FIELDS = frozenset((
    "name", "interval", "limit", "rules", "labels", "query_offset", "partial_response_strategy",
    "source_tenants", "evaluation_delay", "align_evaluation_time_on_interval",
))  # fmt: skip
_RULE_FIELDS = frozenset(
    ("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is written.

    Attributes:
        line: of the file, from 1
        alert: its name; empty of a recording rule
        record: the metric that it records; empty of an alerting rule
        expr: in PromQL
        hold: `for`
        keep: `keep_firing_for`
        labels: added
        annotations: texts
    """

    line: int
    expr: str
    alert: str = ""
    record: str = ""
    hold: timedelta = timedelta(0)
    keep: timedelta = timedelta(0)
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}

    @property
    def title(self) -> str:
        """The name of the alert or of the metric."""
        return self.alert or self.record


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of rules.

    Attributes:
        file: where it is written
        name: with its namespace before it, where there is one
        interval: of its evaluations; None where it is the server's
        limit: of the alerts of a rule; 0 for none
        labels: added to all its rules
        unlike: fields that only a server of their own can follow
        rules: in order
    """

    file: str
    name: str
    rules: Sequence[Rule]
    interval: timedelta | None = None
    limit: int = 0
    labels: Mapping[str, str] = {}
    unlike: Sequence[str] = ()


def duration_of(given: object, what: str) -> timedelta:
    """Return a duration as Prometheus writes it.

    Args:
        given: such as 5m or 1d12h
        what: the field, for errors

    Returns:
        The length.

    Raises:
        PromqlError: it is none
    """
    if _NOTHING.fullmatch(str(given)):  # which promql-parser refuses
        return timedelta(0)
    try:
        return promql_parser.parse_duration(str(given))
    except ValueError as error:
        raise PromqlError(f"{what}: {given!r:.40} is no duration: {error}") from None


def read_groups(texts: Mapping[str, str], report: list[Reported]) -> list[Group]:
    """Read rule files.

    Args:
        texts: YAML by name of the file
        report: is given a line for each file, group and rule that cannot be read

    Returns:
        The groups in order, with the rules that can be read.
    """
    found: list[Group] = []
    for file, text in texts.items():
        for document, before in _documents(text):
            try:
                given = loaded(document, file, _HINT)
                places = Positions(document)
                listed = list(_listed(given))
            except ConfigurationError as error:
                report.append(refused(file, "", error))
                continue
            for namespace, path, one in listed:
                group = _group(file, namespace, one, path, places, before, report)
                if group is not None:
                    found.append(group)
    return found


def _documents(text: str) -> Iterator[tuple[str, int]]:
    """Yield the documents of a file that say something, each with the lines before it."""
    start = 0
    ends = [*(found.span() for found in _DOCUMENT.finditer(text)), (len(text), len(text))]
    for end, after in ends:
        part = text[start:end]
        lines = (line.strip() for line in part.splitlines())
        if any(line and not line.startswith("#") for line in lines):
            yield part, text.count("\n", 0, start)
        start = after


def _listed(given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    """Yield namespace, place and content of each group of a document."""
    kind = given.get("kind")
    if kind is not None and "groups" not in given:
        if kind != "PrometheusRule":
            raise PromqlError(
                f"it is a {str(kind)[:60]} of Kubernetes; of those, only PrometheusRule has rules"
            )
        spec = given.get("spec")
        groups = cast("Mapping[str, Any]", spec).get("groups") if isinstance(spec, dict) else None
        yield from (("", ("spec", "groups", n), one) for n, one in enumerate(_list(groups)))
        return
    if "groups" in given:
        strange = sorted(set(map(str, given)) - {"groups", "namespace"})
        if strange:
            raise PromqlError(f"a rule file has no field {strange[0][:60]!r}")
        namespace = str(given.get("namespace") or "")
        groups = enumerate(_list(given["groups"]))
        yield from ((namespace, ("groups", n), one) for n, one in groups)
        return
    for namespace, groups in given.items():
        if not isinstance(groups, list):
            raise PromqlError(_HINT)
        yield from (
            (str(namespace), (namespace, n), one) for n, one in enumerate(cast("list[Any]", groups))
        )


def _list(given: object) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise PromqlError("groups: must be a list")
    return cast("list[Any]", given)


def _group(
    file: str, namespace: str, given: Any, path: tuple[str | int, ...], places: Positions,
    before: int, report: list[Reported],
) -> Group | None:  # fmt: skip
    def line(*more: str | int) -> int:
        place = places.of((*path, *more))
        return 0 if place is None else place[0] + before

    name = ""
    try:
        of = _mapping(given, "a group")
        name = "/".join(part for part in (namespace, str(of.get("name") or "")) if part)
        if not of.get("name"):
            raise PromqlError("a group has no name")
        strange = sorted(set(map(str, of)) - _GROUP_FIELDS)
        if strange:
            raise PromqlError(f"a group has no field {strange[0][:60]!r}")
        interval = of.get("interval")
        limit = of.get("limit") or 0
        if not isinstance(limit, int):
            raise PromqlError("limit: must be a whole number")
        every = None if interval is None else duration_of(interval, "interval")
        labels = _texts(of.get("labels"), "labels")
        entries = of.get("rules")
        if entries is not None and not isinstance(entries, list):
            raise PromqlError("rules: must be a list")
    except PromqlError as error:
        report.append(refused(file, "", error, group=name, line=line()))
        return None
    rules: list[Rule] = []
    for number, entry in enumerate(cast("list[Any]", entries or [])):
        place = line("rules", number)
        try:
            rules.append(_rule(entry, place))
        except PromqlError as error:
            title = ""
            if isinstance(entry, dict):
                one = cast("dict[str, Any]", entry)
                title = str(one.get("alert") or one.get("record") or "")
            report.append(refused(file, title, error, group=name, line=place))
    return Group(
        file=file, name=name, rules=rules, interval=every or None, limit=limit, labels=labels,
        unlike=tuple(
            field
            for field in ("query_offset", "evaluation_delay", "source_tenants")
            if of.get(field) not in (None, "", "0s", 0, [])
        ),
    )  # fmt: skip


def _rule(given: Any, line: int) -> Rule:
    of = _mapping(given, "a rule")
    strange = sorted(set(map(str, of)) - _RULE_FIELDS)
    if strange:
        raise PromqlError(f"a rule has no field {strange[0][:60]!r}")
    alert, record = of.get("alert"), of.get("record")
    if bool(alert) == bool(record):
        raise PromqlError("a rule has either alert or record")
    expr = of.get("expr")
    if not isinstance(expr, str | int | float) or isinstance(expr, bool) or not str(expr).strip():
        raise PromqlError("a rule has no expr")
    if record and any(of.get(field) for field in ("for", "keep_firing_for", "annotations")):
        raise PromqlError("a recording rule has neither for, keep_firing_for nor annotations")
    return Rule(
        line=line, expr=str(expr), alert=str(alert or ""), record=str(record or ""),
        hold=duration_of(of.get("for") or 0, "for"),
        keep=duration_of(of.get("keep_firing_for") or 0, "keep_firing_for"),
        labels=_texts(of.get("labels"), "labels"),
        annotations=_texts(of.get("annotations"), "annotations"),
    )  # fmt: skip


def _mapping(given: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise PromqlError(f"{what} has names and values")
    return cast("Mapping[str, Any]", given)


def _texts(given: object, what: str) -> dict[str, str]:
    if given is None:
        return {}
    of = _mapping(given, what)
    found: dict[str, str] = {}
    for name, text in of.items():
        if isinstance(text, bool) or not isinstance(text, str | int | float | None):
            raise PromqlError(f"{what}.{str(name)[:40]}: must be a text")
        found[str(name)] = "" if text is None else str(text)
    return found
