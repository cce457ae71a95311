"""The texts of a flow run of a rule: its name and its artifacts. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentinel.alerts.inputs import Bad
from sentinel.alerts.reasons import words
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.links import Addresses
from sentinel.template import number

__all__ = ["artifact_key", "changes_artifact", "rehearsal_artifact", "run_name"]

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


def artifact_key(rule: str) -> str:
    """Return an artifact key that Prefect accepts: lower-case letters, digits and dashes."""
    return "sentinel-" + re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-")


def changes_artifact(rule: str, applied: Applied, addresses: Addresses) -> str:
    """Return Markdown with the alerts that this flow run changed, and links to them."""
    counts = f"{applied.bad} of {applied.seen} series firing, {applied.live} alerts live"
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
