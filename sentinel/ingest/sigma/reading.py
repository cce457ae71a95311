"""Files of Sigma rules as event policies, with a report of what each rule became.

A policy is named after the id of its rule, so that importing the rules again changes them and makes
no second one, whatever their titles and files are called by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule  # pyright: ignore[reportMissingTypeStubs] - a namespace

from sentinel.errors import ConfigurationError, PolicyError
from sentinel.event_policies.pack import policy_of
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.reported import Reported, refused
from sentinel.ingest.sigma.conditions import Json
from sentinel.ingest.sigma.correlations import clause_of_rule, correlation_of
from sentinel.ingest.sigma.engine import POLICY
from sentinel.ingest.sigma.logsources import LogSources

__all__ = ["Imported", "imported_sigma"]

_DOCUMENT = re.compile(r"^---(?=\s|$)[^\n]*$|^\.\.\.\s*$", re.MULTILINE)
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_BRACES = str.maketrans("{}", "()")
_LONGEST_TITLE = 200
_LONGEST_DESCRIPTION = 1000
_SEVERITY = {"informational": "info"}
_Rule = SigmaRule | SigmaCorrelationRule


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The policies that rules became, as JSON, and a line of the report for each rule."""

    policies: Sequence[Json]
    report: Sequence[Reported]


def imported_sigma(
    texts: Mapping[str, str], *, source: str = "event", sources: LogSources | None = None
) -> Imported:
    """Translate rules, correlations and filters of Sigma.

    Args:
        texts: YAML of each file, by its name; a file may have several documents
        source: what the policies match, `event` or `log`
        sources: which events a log source means; None where that is not compared

    Returns:
        A policy for each rule that can be used, in the order of the files, and the report.
    """
    report: list[Reported] = []
    filters: list[SigmaFilter] = []
    rules: list[tuple[str, _Rule]] = []
    for file, documents in _units(texts, report):
        try:
            read = SigmaCollection.from_dicts(
                documents, collect_errors=True, collect_filters=True, resolve_references=False,
                policy=POLICY,
            )  # fmt: skip
        except SigmaError as error:
            report.append(refused(file, "", error))
            continue
        except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
            # pySigma reads into a document before it knows its shape.
            report.append(refused(file, "", PolicyError(f"pySigma cannot read it: {error}")))
            continue
        known = {id(error) for one in (*read.rules, *read.filters) for error in one.errors}
        report += [refused(file, "", error) for error in read.errors if id(error) not in known]
        for one in read.filters:
            if one.errors:
                report.append(refused(file, _title_of(one), one.errors[0]))
            else:
                filters.append(one)
                report.append(Reported(file=file, title=_title_of(one), reason="a filter"))
        rules += [(file, one) for one in read.rules]
    policies, lines = _translated(_filtered(rules, filters, report), source, sources)
    return Imported(policies=policies, report=[*lines, *report])


def _units(
    texts: Mapping[str, str], report: list[Reported]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the documents of each file: alone, or together where they are about each other.

    Those that hold nothing but comments are left out; those that are no YAML are reported.

    Yields:
        The name of the file, and documents that pySigma reads at once.
    """
    for file, text in texts.items():
        documents: list[dict[str, Any]] = []
        for part in filter(_says_something, _DOCUMENT.split(text)):
            try:
                documents.append(
                    loaded(part, file, "A Sigma rule has title, logsource and detection.")
                )
            except ConfigurationError as error:
                report.append(refused(file, "", error))
        if any("action" in one for one in documents):
            yield file, documents
        else:
            yield from ((file, [one]) for one in documents)


def _says_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _filtered(
    rules: Iterable[tuple[str, _Rule]], filters: Sequence[SigmaFilter], report: list[Reported]
) -> list[tuple[str, _Rule]]:
    """Return the usable rules, each once and narrowed by the filters; report the others."""
    found: list[tuple[str, _Rule]] = []
    files: dict[str, str] = {}
    for file, one in rules:
        title = _title_of(one)
        if one.errors:
            report.append(refused(file, title, one.errors[0]))
            continue
        name = _name_of(one)
        if name in files:
            reason = PolicyError(f"it has the id of a rule in {files[name]}")
            report.append(refused(file, title, reason))
            continue
        files[name] = file
        try:
            for narrowing in filters:
                one = narrowing.apply_on_rule(one) if isinstance(one, SigmaRule) else one
        except SigmaError as error:
            report.append(refused(file, title, error))
            continue
        found.append((file, one))
    return found


def _translated(
    rules: Sequence[tuple[str, _Rule]], source: str, sources: LogSources | None
) -> tuple[list[Json], list[Reported]]:
    every = SigmaCollection([one for _, one in rules], resolve_references=False)
    contained, unresolved = _resolved(rules, every)
    policies: list[Json] = []
    lines: list[Reported] = []
    for file, one in rules:
        title, name = _title_of(one), _name_of(one)
        if id(one) in contained:
            reason = f"part of the correlation {contained[id(one)]!r}"
            lines.append(Reported(file=file, title=title, reason=reason))
            continue
        try:
            if id(one) in unresolved:
                raise unresolved[id(one)]
            policy = _policy(one, name, source, sources)
            policy_of(policy)
        except (PolicyError, SigmaError) as error:
            lines.append(refused(file, title, error))
            continue
        policies.append(policy)
        notes = () if sources is None else sources.notes(_rules_of(one))
        lines.append(Reported(file=file, title=title, rule=name, notes=notes))
    return policies, lines


def _rules_of(one: _Rule) -> list[SigmaRule]:
    """Return the rules whose events a policy matches: itself, or those of a correlation."""
    if isinstance(one, SigmaRule):
        return [one]
    return [each.rule for each in one.referenced_rules if isinstance(each.rule, SigmaRule)]


def _resolved(
    rules: Sequence[tuple[str, _Rule]], every: SigmaCollection
) -> tuple[dict[int, str], dict[int, SigmaError]]:
    """Return which rules only a correlation uses, and which correlations refer to no rule."""
    contained: dict[int, str] = {}
    unresolved: dict[int, SigmaError] = {}
    for _, one in rules:
        if not isinstance(one, SigmaCorrelationRule):
            continue
        try:
            one.resolve_rule_references(every)
        except SigmaError as error:
            unresolved[id(one)] = error
            continue
        if not one.generate:
            contained |= {id(each.rule): _title_of(one) for each in one.referenced_rules}
    return contained, unresolved


def _policy(rule: _Rule, name: str, source: str, sources: LogSources | None) -> Json:
    """Return the policy that a rule is.

    Returns:
        Its JSON.

    Raises:
        PolicyError: it cannot be one
        SigmaError: its condition cannot be parsed
    """
    title = _title_of(rule).translate(_BRACES)[:_LONGEST_TITLE]
    level = rule.level.name.lower() if rule.level is not None else "medium"
    about = " ".join(str(rule.description or "").translate(_BRACES).split())
    policy: Json = {
        "name": name,
        "description": f"{title}. {about}"[:_LONGEST_DESCRIPTION] if about else title,
        "severity": _SEVERITY.get(level, level),
        "summary_template": title,
    }
    if source != "event":
        policy["source"] = source
    if isinstance(rule, SigmaCorrelationRule):
        policy |= correlation_of(rule, sources)
    else:
        policy["rules"] = [clause_of_rule(rule, sources)]
    try:
        written = msgspec.json.encode(policy)
    except UnicodeEncodeError:
        raise PolicyError("it has half of a surrogate pair in a text") from None
    if b"{{" in written:
        raise PolicyError("it has {{ in a text, which Prefect would take for a template")
    return policy


def _title_of(rule: _Rule | SigmaFilter) -> str:
    # pySigma keeps what was written, and only reports that it is no text.
    title = cast("object", rule.title)
    return title if isinstance(title, str) else ""


def _name_of(rule: _Rule) -> str:
    if rule.id is not None:
        return f"sigma-{rule.id}"
    slug = _NO_LETTER.sub("-", str(rule.name or rule.title).lower()).strip("-")
    return f"sigma-{slug or 'rule'}"[:100]
