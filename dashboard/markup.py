"""HTML and short texts of the pages. Pure; every text of an alert is escaped here."""

from __future__ import annotations

from datetime import datetime
from html import escape

from dashboard.clock import Clock
from sentinel.errors import DatabaseError, SentinelError
from sentinel.severity import Severity
from sentinel.store.alerts.live_counts import CAP

__all__ = [
    "SAME",
    "age",
    "capped",
    "change",
    "database_down",
    "length",
    "message",
    "note",
    "page_head",
    "signed_in",
    "span",
]


def age(since: datetime, now: datetime) -> str:
    """Return a time span in its largest unit, rounded down: 45s, 9m, 3h, 12d."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def capped(number: int, cap: int = CAP) -> str:
    """Return a count ready to show: 10,000+ where counting stopped at `cap`."""
    return f"{cap:,}+" if number > cap else f"{number:,}"


def length(seconds: int) -> str:
    """Return seconds in the largest unit that divides them: 300 is 5m."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


SAME = "±0%"
"""A change that rounds to 0%."""


def change(now: float, before: float) -> str:
    """Return the change against `before`, which is not 0, in whole percent."""
    percent = round(100 * (now - before) / before)
    return f"{percent:+}%" if percent else SAME


def span(seconds: float | None) -> str:
    """Return a mean time ready to show: 45 s, 13 min, 1 h 27 min, 3.1 d; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if seconds >= 172_800:
        return f"{seconds / 86_400:.1f} d"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _severity(rank: int, word: str) -> str:
    return f'<span class="sev sev-{Severity(rank).word}">{escape(word)}</span>'


def _status(status: str) -> str:
    return f'<span class="status status-{escape(status)}">{escape(status)}</span>'


def page_head(title: str, said: str = "") -> str:
    """Return the heading of a page.

    Args:
        title: of the page
        said: beside it in small letters, as how many there are; empty for nothing

    Returns:
        HTML in which both are escaped.
    """
    count = f'<span class="fresh-count">{escape(said)}</span>' if said else ""
    return f'<div class="page-head"><h1>{escape(title)}</h1>{count}</div>'


def note(kind: str, title: str, text: str) -> str:
    """Return a note; `kind` is down, warn or info."""
    return (
        f'<div class="note note-{kind}"><strong>{escape(title)}</strong>'
        f"<span>{escape(text)}</span></div>"
    )


def database_down(error: object) -> str:
    """Return the note of a page whose database is down, or holds what cannot be read.

    Args:
        error: why

    Returns:
        HTML.
    """
    other = isinstance(error, SentinelError) and not isinstance(error, DatabaseError)
    title = "This page cannot be shown." if other else "The database is not available."
    return note("down", title, str(error))


def message(
    *, title: str, status: str, rank: int, at: datetime, unread: bool, text: str, now: datetime,
    clock: Clock,
) -> str:  # fmt: skip
    """Return one message of the inbox, its time as the viewer's clock writes it."""
    mark = '<span class="unread">Unread</span>' if unread else ""
    body = f'<div class="about"><span>{escape(text)}</span></div>' if text else ""
    kind = Severity(rank).word
    return (
        f'<div class="alert alert-{kind} {"is-unread" if unread else "is-read"}">'
        f'<div class="lead">{_severity(rank, kind)}<span class="age" '
        f'title="{escape(clock.full(at))}">'
        f"{age(at, now)}</span></div>"
        f'<div class="what"><div class="title">{escape(title)}{_status(status)}{mark}</div>'
        f"{body}</div></div>"
    )


def signed_in(name: str, role: str, path: str) -> str:
    """Return who is signed in, with the button that ends the login.

    Args:
        name: of the person, as pages show it
        role: the highest one
        path: folder of the login's addresses

    Returns:
        HTML.
    """
    return (
        f'<form class="signed-in" method="post" action="{escape(path)}/logout">'
        f'<span class="me" title="{escape(name)}, {escape(role)}">{escape(name)}'
        f'<small>{escape(role)}</small></span><button type="submit">Sign out</button></form>'
    )
