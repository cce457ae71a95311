"""The digest of a team as texts: for chats, for mails in text and HTML, and as CSV. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

import msgspec

from sentinel.duration import format_duration
from sentinel.labels.spreadsheet_text import spreadsheet_text
from sentinel.notifications.notice import NewNotice
from sentinel.notifications.reasons import Reason
from sentinel.printable import counted

__all__ = [
    "Digest",
    "DigestAlert",
    "DigestRule",
    "DigestShift",
    "digest_notice",
    "digest_text",
    "digest_title",
]

_MOST = 10
_COLUMNS = (
    "id", "rule", "title", "severity", "status", "opened_at", "acknowledged_at", "acknowledged_by",
    "resolved_at", "url",
)  # fmt: skip


class DigestAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of the team."""

    id: str
    rule: str
    title: str
    severity: str
    status: str
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    resolved_at: datetime | None
    url: str


class DigestRule(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts a rule opened, and how many in the period before."""

    rule: str
    opened: int
    before: int


class DigestShift(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call, from when and until when."""

    people: Sequence[str]
    start: datetime
    end: datetime


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What a team's digest says.

    Attributes:
        team: its name
        since: start of the period
        until: its end, which it does not include
        timezone: in which times are written
        opened: alerts that opened in the period; `before`, in the period before of the same length
        resolved: alerts that were resolved in the period
        unattended: alerts that opened in the period and were never acknowledged
        acknowledge: mean seconds from opened to acknowledged (MTTA), as *Statistics* defines it
        resolve: mean seconds from opened to resolved (MTTR), as *Statistics* defines it
        severities: how many opened by severity, the highest first
        rules: those that opened alerts, the noisiest first
        more_rules: how many rules are left out of `rules`
        open: what is still open, the most severe first
        open_count: how many are still open, of which `open` has the first
        alerts: what opened in the period, oldest first, for the file
        cut: how many alerts are left out of `alerts`
        shifts: who is on call within the seven days after it
        url: of the dashboard
    """

    team: str
    since: datetime
    until: datetime
    timezone: str
    opened: int
    before: int
    resolved: int
    unattended: int
    acknowledge: float | None
    resolve: float | None
    severities: list[tuple[str, int]]
    rules: list[DigestRule]
    more_rules: int
    open: list[DigestAlert]
    open_count: int
    alerts: list[DigestAlert]
    cut: int
    shifts: list[DigestShift]
    url: str

    @property
    def empty(self) -> bool:
        """Return whether nothing opened or ended and nothing is open."""
        return not (self.opened or self.resolved or self.open_count)


def digest_notice(digest: Digest, receiver: str) -> NewNotice:
    """Return the digest as it is sent to a receiver: once for each period."""
    return NewNotice(
        kind=Reason.DIGEST, about=digest.team, says=digest.until.isoformat(), receiver=receiver,
        title=digest_title(digest), text=digest_text(digest), url=digest.url, html=_html(digest),
        attachment=(f"alerts-{digest.until:%Y-%m-%d}.csv", _csv(digest)) if digest.alerts else None,
    )  # fmt: skip


def digest_text(digest: Digest) -> str:
    """Return the digest in lines of plain text."""
    lines: list[str] = []
    for heading, items in _parts(digest):
        lines.append(heading)
        lines += [f"- {item}" for item in items]
    return "\n".join(lines)


def digest_title(digest: Digest) -> str:
    """Return the title of a digest's messages."""
    fired = counted(digest.opened, "alert")
    return f"[digest] {digest.team}: {fired}, {digest.open_count:,} still open"


def _parts(digest: Digest) -> list[tuple[str, list[str]]]:
    """Return headings, each with its items; the same in every form."""
    zone = ZoneInfo(digest.timezone)

    def at(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"

    change = f", {digest.before:,} in the period before" if digest.before or digest.opened else ""
    parts: list[tuple[str, list[str]]] = [
        (
            f"From {at(digest.since)} to {at(digest.until)} ({digest.timezone}): "
            f"{counted(digest.opened, 'alert')} opened{change}, {digest.resolved:,} resolved, "
            f"{digest.unattended:,} never acknowledged.",
            [],
        ),
        (f"MTTA {_mean(digest.acknowledge)}, MTTR {_mean(digest.resolve)}.", []),
    ]
    if digest.severities:
        by = ", ".join(f"{count:,} {word}" for word, count in digest.severities)
        parts.append((f"By severity: {by}.", []))
    if digest.rules:
        rows = [
            f"{one.rule}: {one.opened:,} ({one.before:,} before)" for one in digest.rules[:_MOST]
        ]
        more = digest.more_rules + len(digest.rules) - len(rows)
        parts.append(("Noisiest rules:", rows + ([f"and {more:,} more"] if more else [])))
    if digest.open_count:
        rows = [f"{one.severity}: {one.title} since {at(one.opened_at)}" for one in digest.open]
        rows = rows[:_MOST]
        more = digest.open_count - len(rows)
        parts.append(("Still open:", rows + ([f"and {more:,} more"] if more else [])))
    else:
        parts.append(("Nothing is open.", []))
    if digest.shifts:
        shifts = [
            f"{', '.join(one.people) or 'nobody'} from {at(one.start)} to {at(one.end)}"
            for one in digest.shifts[: 2 * _MOST]
        ]
        parts.append(("On call in the next seven days:", shifts))
    return parts


def _mean(seconds: float | None) -> str:
    return "none" if seconds is None else format_duration(timedelta(seconds=round(seconds)))


def _html(digest: Digest) -> str:
    found: list[str] = []
    for heading, items in _parts(digest):
        found.append(f'<p style="margin:0 0 6px">{escape(heading)}</p>')
        if items:
            rows = "".join(f"<li>{escape(item)}</li>" for item in items)
            found.append(f'<ul style="margin:0 0 12px;padding-left:20px">{rows}</ul>')
    return "\n".join(found)


def _csv(digest: Digest) -> str:
    """Return the alerts that opened, in a form that no spreadsheet runs."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for alert in digest.alerts:
        writer.writerow([_cell(getattr(alert, name)) for name in _COLUMNS])
    if digest.cut:
        writer.writerow([f"… and {digest.cut:,} more", *[""] * (len(_COLUMNS) - 1)])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return spreadsheet_text(str(value))
