"""The texts of a flow run of a rule: its name and its artifacts. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentinel.alerts.inputs import Bad
from sentinel.alerts.reasons import words
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.links import Addresses
from sentinel.printable import counted
from sentinel.template import number

__all__ = [
    "artifact_key",
    "changes_artifact",
    "pack_artifact",
    "pack_run_name",
    "rehearsal_artifact",
    "run_name",
    "together",
]

LONGEST_NAME = 180
MOST_ROWS = 100


def run_name(rule: str, applied: Applied, *, error: Exception | None = None) -> str:
    """Return a flow run's name with its result: `disk-space · firing 1 of 3 (/data 97 percent)`.

    The detail is the title of the worst finding.

    Args:
        rule: name of the rule
        applied: the result of the evaluation
        error: why the check failed, if it did

    Returns:
        At most `LONGEST_NAME` characters.
    """
    worst = applied.worst
    detail = "" if worst is None else f" ({_about(rule, worst.title)})"
    if applied.outcome == "firing":
        text = f"firing {applied.live} of {max(applied.seen, applied.live)}{detail}"
    elif applied.outcome == "error":
        text = f"error ({_first_line(error, applied.error)})"
    elif applied.outcome == "ok" and applied.bad:
        text = f"ok, {applied.bad} of {applied.seen} pending{detail}"
    elif applied.outcome == "ok":
        text = f"ok, {applied.seen} series"
    else:
        text = applied.outcome
    return _short(f"{rule} · {text}", LONGEST_NAME)


def together(applied: Sequence[Applied]) -> Applied:
    """Return what came of many evaluations as if it came of one; see `Applied`."""
    counted = [one for one in applied if one.outcome in ("firing", "ok", "error")]
    firing = any(one.outcome == "firing" or one.live for one in counted)
    return Applied(
        outcome="firing" if firing else "ok",
        seen=sum(one.seen for one in counted),
        bad=sum(one.bad for one in counted),
        live=sum(one.live for one in counted),
        changed=sum(one.changed for one in counted),
        changes=[change for one in counted for change in one.changes][:MOST_ROWS],
    )


def pack_run_name(pack: str, applied: Sequence[Applied]) -> str:
    """Return a flow run's name with the result of a pack: `hosts · 3 of 500 rules firing`.

    Args:
        pack: name of the pack's rule
        applied: what came of each of its rules

    Returns:
        At most `LONGEST_NAME` characters.
    """
    firing = sum(1 for one in applied if one.outcome == "firing")
    failed = sum(1 for one in applied if one.outcome == "error")
    text = f"ok, {counted(len(applied), 'rule')}"
    if firing:
        text = f"{firing} of {len(applied)} rules firing"
    return _short(f"{pack} · {text}{f', {failed} failed' if failed else ''}", LONGEST_NAME)


def artifact_key(rule: str) -> str:
    """Return an artifact key that Prefect accepts: lower-case letters, digits and dashes."""
    return "sentinel-" + re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-")


def changes_artifact(rule: str, applied: Applied, addresses: Addresses) -> str:
    """Return Markdown with the alerts that this flow run changed, and links to them."""
    counts = f"{applied.bad} of {applied.seen} series firing, {counted(applied.live, 'alert')} live"
    lines = [f"**{_cell(rule)}**: {counts}", ""]
    lines += ["| alert | severity | status | reason |", "| --- | --- | --- | --- |"]
    for change in applied.changes[:MOST_ROWS]:
        title = f"[{_cell(change.title)}]({addresses.alert(change.alert_id)})"
        why = _cell(words(change.reason))
        lines.append(f"| {title} | {change.severity} | {change.status} | {why} |")
    left = applied.changed - min(len(applied.changes), MOST_ROWS)
    if left > 0:
        lines += ["", f"and {left:,} more, in the [dashboard]({addresses.dashboard})"]
    return "\n".join(lines)


def rehearsal_artifact(evaluation: Evaluation, judged: Sequence[Judged]) -> str:
    """Return Markdown with the readings of a rehearsal and the verdicts of its rule."""
    bad = [one for one in judged if isinstance(one.verdict, Bad)]
    rows = [*bad, *(one for one in judged if not isinstance(one.verdict, Bad))]
    lines = [
        f"**Rehearsal of {_cell(evaluation.rule.name)}**: nothing stored, nobody notified.",
        "",
        f"{len(bad)} of {len(judged)} series firing.",
        "",
        "| labels | value | verdict | summary |",
        "| --- | --- | --- | --- |",
    ]
    for one in rows[:MOST_ROWS]:
        reading = one.reading
        if reading is None:
            continue
        labels = ", ".join(f"{name}={text}" for name, text in reading.labels.items())
        value = "" if reading.value is None else f"{number(reading.value)} {evaluation.unit}"
        verdict = f"firing ({one.verdict.word})" if isinstance(one.verdict, Bad) else "OK"
        cells = (_cell(labels), _cell(value), verdict, _cell(reading.summary or ""))
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > MOST_ROWS:
        lines += ["", f"and {len(rows) - MOST_ROWS:,} more"]
    lines += [
        f"- not observed: {_cell(', '.join(f'{name}={text}' for name, text in labels.items()))}"
        for labels in evaluation.observation.not_seen[:MOST_ROWS]
    ]
    return "\n".join(lines)


def pack_artifact(pack: str, rehearsed: Sequence[tuple[Evaluation, Sequence[Judged] | str]]) -> str:
    """Return Markdown with what a rehearsal of a pack saw, rule by rule.

    Args:
        pack: name of the pack's rule
        rehearsed: each rule's evaluation, and its verdicts or why its check failed

    Returns:
        A table with the rules that fire or failed first, at most `MOST_ROWS` of them.
    """
    rows: list[tuple[int, str]] = []
    for evaluation, judged in rehearsed:
        name = _cell(evaluation.rule.name)
        if isinstance(judged, str):
            rows.append((1, f"| {name} | failed | {_cell(judged)} |"))
            continue
        bad = sum(1 for one in judged if isinstance(one.verdict, Bad))
        said = f"{bad} of {len(judged)} series firing"
        rows.append((0 if bad else 2, f"| {name} | {'firing' if bad else 'OK'} | {said} |"))
    rows.sort(key=lambda row: row[0])
    lines = [f"**Rehearsal of {_cell(pack)}**: nothing stored, nobody notified.", ""]
    lines += ["| rule | verdict | what it saw |", "| --- | --- | --- |"]
    lines += [row for _, row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        lines += ["", f"and {len(rows) - MOST_ROWS:,} more"]
    return "\n".join(lines)


def _about(rule: str, title: str) -> str:
    """Return a title without the rule's name, with which the flow run's name begins already."""
    return title.removeprefix(f"{rule}:").strip() or title


def _first_line(error: Exception | None, text: str) -> str:
    whole = f"{type(error).__name__}: {error}" if error is not None else text
    return whole.splitlines()[0] if whole else "failed"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cell(text: str) -> str:
    """Escape `text` for a Markdown table, because text of checks is not markup."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~])", r"\\\1", _short(flat, 300))
