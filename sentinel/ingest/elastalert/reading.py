"""Rule files of ElastAlert as event policies, with a report of what each rule became. Pure.

A policy is named after the name of its rule, which is unique in ElastAlert, too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec

from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError, PolicyError
from sentinel.event_policies.pack import policy_of
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.elastalert.filters import EVERY, clauses_of
from sentinel.ingest.elastalert.texts import Json
from sentinel.ingest.elastalert.windows import fields_of, length_of, window_of
from sentinel.ingest.reported import Reported, refused

__all__ = ["ImportedPolicies", "imported_elastalert"]

_HINT = "A rule of ElastAlert has name, type, index and filter."
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_ARGUMENT = re.compile(r"\{(\d*)(?:![rsa])?(?::[^{}]*)?\}")
_BRACES = str.maketrans("{}", "()")
_LONGEST_TITLE, _LONGEST_TEXT = 200, 4000
_PRIORITIES = {"P1": "critical", "P2": "high", "P3": "medium", "P4": "low", "P5": "info"}
_SEVERITIES = {"critical": "critical", "error": "high", "warning": "medium", "info": "info"}
_NOTED = {
    "match_enhancements": "enhancements are not run",
    "aggregation": "messages are grouped as the receiver says",
    "exponential_realert": "the time between messages does not grow",
    "limit_execution": "it is evaluated at all times; active_hours of a policy say otherwise",
}
"""What a rule does otherwise, by its option."""


class ImportedPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """The policies that rules became, as JSON, and a line of the report for each rule."""

    policies: Sequence[Json]
    report: Sequence[Reported]


def imported_elastalert(
    texts: Mapping[str, str],
    *,
    source: str = "event",
    buffer: timedelta = timedelta(minutes=15),
) -> ImportedPolicies:
    """Translate rules of ElastAlert.

    Args:
        texts: YAML of each file, by its name; one rule each
        source: what the policies match, `event` or `log`
        buffer: `buffer_time` of ElastAlert's configuration

    Returns:
        A policy for each rule that can be used, in the order of the files, and the report.
    """
    policies: list[Json] = []
    report: list[Reported] = []
    files: dict[str, str] = {}
    imported = _imported(texts)
    for file, text in texts.items():
        title = ""
        try:
            rule = _read(file, text, texts)
            if "type" not in rule and file in imported:
                report.append(Reported(file=file, title="", reason="imported by other rules"))
                continue
            title = str(rule.get("name") or posixpath.basename(file).rpartition(".")[0])
            policy, notes = _policy(rule, title, source, buffer)
            name = str(policy["name"])
            policy_of(policy)
        except ConfigurationError as error:
            report.append(refused(file, title, error))
            continue
        if name in files:
            taken = PolicyError(f"it has the name of the rule in {files[name]}")
            report.append(refused(file, title, taken))
            continue
        files[name] = file
        policies.append(policy)
        report.append(Reported(file=file, title=title, rule=name, notes=notes))
    return ImportedPolicies(policies=policies, report=report)


def _imported(texts: Mapping[str, str]) -> set[str]:
    """Return the files that others import."""
    found: set[str] = set()
    for file, text in texts.items():
        try:
            given = loaded(text, file, _HINT).get("import")
        except ConfigurationError:
            continue  # the report says so
        paths = cast("list[Any]", given) if isinstance(given, list) else [given] if given else []
        found |= {_beside(file, str(path)) for path in paths}
    return found


def _beside(file: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _read(
    file: str, text: str, texts: Mapping[str, str], within: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Read a rule with what it imports."""
    rule = loaded(text, file, _HINT)
    base: dict[str, Any] = {}
    filters: list[Any] = []
    given = rule.pop("import", None)
    paths = cast("list[Any]", given) if isinstance(given, list) else [given] if given else []
    for path in paths:
        other = _beside(file, str(path))
        if other not in texts:
            raise PolicyError(f"it imports {path}, which is not among the files")
        if other in within or other == file:
            raise PolicyError(f"it imports {path}, which imports it")
        one = _read(other, texts[other], texts, (*within, file))
        filters += _filters(one)
        base |= one
    # The filters of all count, everything else is the rule's own.
    filters += _filters(rule)
    return {**base, **rule, **({"filter": filters} if filters else {})}


def _filters(rule: Mapping[str, Any]) -> list[Any]:
    given = rule.get("filter")
    return cast("list[Any]", given) if isinstance(given, list) else [given] if given else []


def _policy(
    rule: Mapping[str, Any], title: str, source: str, buffer: timedelta
) -> tuple[Json, tuple[str, ...]]:
    """Return the policy that a rule is, and what it does otherwise.

    Returns:
        Its JSON, and the notes.

    Raises:
        PolicyError: it cannot be one
    """
    more, window = window_of(rule, buffer)
    clauses = [*clauses_of(rule.get("filter")), *more]
    subject = _text(rule, "alert_subject")
    policy: Json = {
        "name": f"elastalert-{_NO_LETTER.sub('-', title.lower()).strip('-') or 'rule'}"[:100],
        "description": str(rule.get("description") or title).translate(_BRACES)[:1000],
        "rules": clauses or [EVERY],
        "severity": _severity(rule),
        "summary_template": (subject or title.translate(_BRACES))[:_LONGEST_TITLE],
    }
    body = _text(rule, "alert_text")
    if body:
        policy["message_template"] = body[:_LONGEST_TEXT]
    if source != "event":
        policy["source"] = source
    if rule.get("is_enabled") is False:
        policy["enabled"] = False
    by = fields_of(rule, "query_key")
    if by:
        policy["by"] = by
    if window is not None:
        policy["window"] = window
    if rule.get("realert") is not None:
        seconds = parse_duration(length_of(rule, "realert")).total_seconds()
        if seconds:
            policy["throttle_minutes"] = seconds / 60
    try:
        written = msgspec.json.encode(policy)
    except UnicodeEncodeError:
        raise PolicyError("it has half of a surrogate pair in a text") from None
    if b"{{" in written:
        raise PolicyError("it has {{ in a text, which Prefect would take for a template")
    return policy, tuple(text for option, text in _NOTED.items() if rule.get(option))


def _severity(rule: Mapping[str, Any]) -> str:
    priority = str(rule.get("opsgenie_priority") or "").upper()
    word = str(rule.get("pagerduty_v2_payload_severity") or "").lower()
    return _PRIORITIES.get(priority) or _SEVERITIES.get(word) or "medium"


def _text(rule: Mapping[str, Any], name: str) -> str:
    """Return a text with its arguments as fields of the event; empty where Jinja writes it."""
    given = rule.get(name)
    kind = str(rule.get(f"{name}_type") or "")
    if not isinstance(given, str) or "jinja" in kind or "{{" in given or "{%" in given:
        return ""
    arguments = fields_of(rule, f"{name}_args")
    counted = iter(range(len(arguments)))

    def filled(found: re.Match[str]) -> str:
        place = int(found[1]) if found[1] else next(counted, len(arguments))
        return f"\0{arguments[place]}\1" if place < len(arguments) else found[0]

    text = _ARGUMENT.sub(filled, given).translate(_BRACES)
    return text.replace("\0", "{").replace("\1", "}")
