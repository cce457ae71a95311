"""What a run says of itself: its name, its artifact. Pure text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentinel.alerts.inputs import Bad
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.links import Addresses
from sentinel.template import number

__all__ = ["artifact_key", "changes_artifact", "rehearsal_artifact", "run_name"]

LONGEST_NAME = 180
MOST_ROWS = 100


def run_name(
    rule: str, applied: Applied, *, worst: str = "", error: Exception | None = None
) -> str:
    """The name of a run, for what it found: `disk-space · firing 1 of 3 (/data 97 percent)`.

    Args:
        rule: its name
        applied: what came of the evaluation
        worst: the title of the worst that was seen
        error: why the check counts as failed
    """
    detail = f" ({_about(rule, worst)})" if worst else ""
    if applied.outcome == "firing":
        text = f"firing {applied.live} of {max(applied.seen, applied.live)}{detail}"
    elif applied.outcome == "error":
        text = f"error ({_first_line(error, applied.error)})"
    elif applied.outcome == "ok" and applied.bad:
        text = f"ok, {applied.bad} of {applied.seen} bad but not alerted yet{detail}"
    elif applied.outcome == "ok":
        text = f"ok, {applied.seen} seen"
    else:
        text = applied.outcome
    return _short(f"{rule} · {text}", LONGEST_NAME)


def artifact_key(rule: str) -> str:
    """A key that Prefect takes: small letters, digits and dashes."""
    return "sentinel-" + re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-")


def changes_artifact(rule: str, applied: Applied, addresses: Addresses) -> str:
    """Markdown that names the alerts this run changed, with links to them."""
    lines = [f"**{_cell(rule)}**: {applied.bad} of {applied.seen} bad, {applied.live} live", ""]
    lines += ["| alert | severity | status | why |", "| --- | --- | --- | --- |"]
    for change in applied.changes[:MOST_ROWS]:
        title = f"[{_cell(change.title)}]({addresses.alert(change.alert_id)})"
        lines.append(f"| {title} | {change.severity} | {change.status} | {_cell(change.reason)} |")
    left = applied.changed - min(len(applied.changes), MOST_ROWS)
    if left > 0:
        lines += ["", f"and {left:,} more, in the [dashboard]({addresses.dashboard})"]
    return "\n".join(lines)


def rehearsal_artifact(evaluation: Evaluation, judged: Sequence[Judged]) -> str:
    """Markdown with what a rehearsal saw, and how its rule would judge it."""
    bad = [one for one in judged if isinstance(one.verdict, Bad)]
    rows = [*bad, *(one for one in judged if not isinstance(one.verdict, Bad))]
    lines = [
        f"**Rehearsal of {_cell(evaluation.rule.name)}**: nothing was stored, nobody was told.",
        "",
        f"{len(bad)} of {len(judged)} bad.",
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
        verdict = f"bad ({one.verdict.word})" if isinstance(one.verdict, Bad) else "good"
        cells = (_cell(labels), _cell(value), verdict, _cell(reading.summary or ""))
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > MOST_ROWS:
        lines += ["", f"and {len(rows) - MOST_ROWS:,} more"]
    lines += [
        f"- not seen: {_cell(', '.join(f'{name}={text}' for name, text in labels.items()))}"
        for labels in evaluation.observation.not_seen[:MOST_ROWS]
    ]
    return "\n".join(lines)


def _about(rule: str, title: str) -> str:
    """A title without the rule's name, which the run's name begins with already."""
    return title.removeprefix(f"{rule}:").strip() or title


def _first_line(error: Exception | None, text: str) -> str:
    said = f"{type(error).__name__}: {error}" if error is not None else text
    return said.splitlines()[0] if said else "failed"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cell(text: str) -> str:
    """`text` as plain text in a Markdown table: what checks say is not markup."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~])", r"\\\1", _short(flat, 300))
