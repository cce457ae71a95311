"""A post-mortem as Markdown, generated from an incident and its timeline. Pure.

The times are those of the rows: when it was detected, taken, and resolved. What only people know,
such as the lessons, is left as headings for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from sentinel.incidents.figures import Timed
from sentinel.incidents.state import Incident, sev_of
from sentinel.incidents.timeline import Entry
from sentinel.severity import Severity

__all__ = ["ActionItem", "Facts", "escaped", "post_mortem", "time_in_words"]

_MARKS = re.compile(r"([\\`*_\[\]<>|])")
_LINES = re.compile(r"\s*\n\s*")


class ActionItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do so that it does not happen again.

    Attributes:
        owner: who does it; empty for nobody yet
        due: by when; None for no date
        done_at: None while it is open
    """

    id: str
    title: str
    owner: str = ""
    due: date | None = None
    done_at: datetime | None = None
    done_by: str = ""
    created_at: datetime
    created_by: str = ""
    version: int = 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a post-mortem is made of.

    Attributes:
        first_alert_at: when the first of its alerts was first bad; None without alerts
        alerts: titles of its alerts, the oldest first
        alert_count: how many it has; more than are named where there are many
        truncated: whether the timeline has more entries than are given
    """

    incident: Incident
    timed: Timed
    timeline: Sequence[Entry]
    actions: Sequence[ActionItem]
    alerts: Sequence[str]
    alert_count: int
    first_alert_at: datetime | None
    truncated: bool = False


def post_mortem(facts: Facts) -> str:
    """Return the post-mortem of an incident.

    Args:
        facts: the incident with its timeline

    Returns:
        Markdown. Titles, names and comments are escaped, so that they stay text; the description
        and the root cause may be Markdown.
    """
    one = facts.incident
    severity = Severity(one.severity)
    lines = [f"# Post-mortem: {_line(one.title)}", ""]
    rows = [
        ("Severity", f"{sev_of(one.severity)} ({severity.word})"), ("Status", str(one.status)),
        ("Service", one.service or "not stated"), ("Team", one.team or "none"),
        ("Commander", one.roles.get("commander") or one.assignee or "nobody"),
        *((f"{role}".capitalize(), person) for role, person in one.roles.items()
          if role != "commander"),
    ]  # fmt: skip
    lines += ["| | |", "|---|---|", *(f"| {name} | {_line(text)} |" for name, text in rows), ""]
    lines += ["## Times", "", "All times are in UTC.", "", *_times(facts), ""]
    lines += ["## Summary", "", one.description.strip() or "_Not written yet._", ""]
    lines += ["## Root cause", "", one.root_cause.strip() or "_Not found yet._", ""]
    lines += [f"## Alerts ({facts.alert_count})", ""]
    lines += [f"- {_line(title)}" for title in facts.alerts] or ["None."]
    if facts.alert_count > len(facts.alerts) > 0:
        lines += [f"- and {facts.alert_count - len(facts.alerts):,} more"]
    lines += ["", "## Timeline", "", "| Time | Who | What |", "|---|---|---|"]
    lines += [_row(entry) for entry in facts.timeline]
    if facts.truncated:
        lines += ["", "The timeline has more entries than are listed here."]
    lines += ["", "## Action items", ""]
    lines += [_action(item) for item in facts.actions] or ["None yet."]
    lines += ["", "## What went well", "", "_To be written._", ""]
    lines += ["## What went badly", "", "_To be written._"]
    return "\n".join(lines) + "\n"


def time_in_words(seconds: float) -> str:
    """Return a length of time in words: `2 h 5 min`, `45 s`.

    Args:
        seconds: 0 or more

    Returns:
        The two largest units that are not nought.
    """
    left = round(seconds)
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def _times(facts: Facts) -> list[str]:
    one, timed = facts.incident, facts.timed
    rows: list[tuple[str, datetime | None, float | None]] = [
        ("First bad", facts.first_alert_at, None),
        ("Opened", one.opened_at, None),
        ("Acknowledged", timed.acknowledged_at, timed.acknowledge),
        ("Resolved", timed.resolved_at, timed.resolve),
    ]
    said = ["| | Time | After it opened |", "|---|---|---|"]
    for name, at, seconds in rows:
        if at is None and name == "First bad":
            continue
        after = "" if seconds is None else time_in_words(seconds)
        said.append(f"| {name} | {_moment(at) if at else 'not yet'} | {after} |")
    if one.reopened:
        said += ["", f"It reopened {one.reopened} times." if one.reopened > 1 else
                 "It reopened once."]  # fmt: skip
    return said


def _row(entry: Entry) -> str:
    what = _line(entry.text) + (f": {_line(entry.comment)}" if entry.comment else "")
    return f"| {_moment(entry.at)} | {_line(entry.actor) or '–'} | {what} |"


def _action(item: ActionItem) -> str:
    box = "x" if item.done_at else " "
    owner = f", {_line(item.owner)}" if item.owner else ""
    due = f", due {item.due.isoformat()}" if item.due else ""
    return f"- [{box}] {_line(item.title)}{owner}{due}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def escaped(text: str) -> str:
    """Return a text as Markdown that says just this text.

    Args:
        text: of a person or an alert

    Returns:
        The text, with the marks of Markdown escaped.
    """
    return _MARKS.sub(r"\\\1", text)


def _line(text: str) -> str:
    return escaped(_LINES.sub(" ", text.strip()))
