"""The public pages as HTML: small, without scripts, and without requests to anywhere. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from sentinel.printable import counted, printable
from sentinel.store.notifications.acknowledge_links import Link, LinkedAlert
from sentinel.store.services.status_subscribers import Asked

__all__ = [
    "HEADERS",
    "MOST_NOTE",
    "MOST_SHOWN",
    "link_page",
    "notice",
    "shown",
    "subscription_page",
    "time_in_words",
    "whole_page",
]

MOST_NOTE = 200
"""Characters that a person may write with an acknowledgement."""
MOST_SHOWN = 50
"""Alerts that a page names; it has the counts of all."""
_STYLE = """
:root{color-scheme:light dark;--ink:#1d232b;--soft:#57616c;--line:#d9dee4;--page:#f4f6f8;
--card:#fff;--go:#0b5cad;--go-ink:#fff;--critical:#b3261e;--high:#b54708;--medium:#8a6100;--low:#1a5fb4;
--ok:#1e6b34}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#a3aeba;--line:#343c46;--page:#12161b;
--card:#1b2129;--go:#8cc4ff;--go-ink:#06243f;--critical:#ff9a92;--high:#ffb066;--medium:#f2cc60;
--low:#8cc4ff;--ok:#7fd196}}
*{box-sizing:border-box}
body{margin:0;padding:16px;background:var(--page);color:var(--ink);
font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:560px;margin:0 auto;background:var(--card);border:1px solid var(--line);
border-radius:12px;padding:20px}
h1{font-size:20px;line-height:1.3;margin:0 0 8px}p{margin:0 0 12px}
.soft{color:var(--soft);font-size:14px}
ul{list-style:none;margin:16px 0;padding:0}li{border-top:1px solid var(--line);padding:12px 0}
li b{display:block}
.critical{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}
.low{color:var(--low)}.ok{color:var(--ok)}
select{width:100%;min-height:44px;padding:8px 10px;font:inherit;color:inherit;
background:var(--page);border:1px solid var(--soft);border-radius:8px;margin:0 0 12px}
label{display:block;font-size:14px;color:var(--soft);margin:0 0 4px}
input{width:100%;min-height:44px;padding:8px 10px;font:inherit;color:inherit;background:var(--page);
border:1px solid var(--soft);border-radius:8px;margin:0 0 12px}
button{width:100%;min-height:48px;font:inherit;font-weight:600;border:0;border-radius:8px;
background:var(--go);color:var(--go-ink);cursor:pointer}
button.second{background:none;color:var(--go);border:1px solid var(--go)}
h2{font-size:17px;margin:24px 0 8px}code{display:block;padding:12px;background:var(--page);
border:1px solid var(--soft);border-radius:8px;font-size:14px;user-select:all}
label.pick{display:flex;gap:10px;align-items:center;min-height:44px;color:var(--ink)}
label.pick input{width:24px;min-height:24px;margin:0}
form{margin-bottom:16px}button{margin-bottom:12px}
button:focus-visible,input:focus-visible,select:focus-visible{outline:3px solid var(--go);
outline-offset:2px}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every answer: nothing is kept, framed, indexed, or named to another site."""


_INCIDENT = '<button class="second" name="do" value="incident">Open an incident</button>'


def link_page(link: Link, done: str = "", people: Sequence[str] = ()) -> str:
    """Return the page of a link that can be used.

    Args:
        link: with its alerts as they are now
        done: what was just done, in a sentence; empty before anything is
        people: of whom it asks which one acts, since each of them must acknowledge; the first is
            chosen where the message paged that person

    Returns:
        A page that names the alerts, and asks while any of them is open.
    """
    count = len(link.open)
    number = counted(count, "alert")
    until = time_in_words(link.expires_at)
    parts = [f"<h1>{shown(link.title or 'Alerts')}</h1>"]
    if done:
        parts.append(f'<p class="ok" role="status">{shown(done)}</p>')
    elif not count:
        parts.append("<p>Nothing is left to acknowledge.</p>")
    parts.append(_listed(link))
    if count:
        parts.append(
            f'<form method="post">{_who(people, link.person)}<label for="note">'
            "Your name or a note, for the timeline "
            f'(optional)</label><input id="note" name="note" maxlength="{MOST_NOTE}" '
            f'autocomplete="name"><button>Acknowledge {number}</button>'
            f"{_INCIDENT}</form>"
            '<p class="soft">Opening this page changed nothing. The first button acknowledges '
            "these alerts and no others, and stops their repeated notifications.</p>"
        )
    elif link.live:
        parts.append(f'<form method="post">{_INCIDENT}</form>')
    if count and people:
        parts.append(
            '<p class="soft">Each of these people must acknowledge. Without a name, nobody counts '
            "as having acknowledged, and all of them are still paged.</p>"
        )
    parts.append(
        f'<p class="soft">Sent to the receiver {shown(link.receiver)}. This link can be used '
        f"until {until}.</p>"
    )
    return whole_page(f"Acknowledge {number}" if count else "Alerts", parts)


def notice(title: str, *sentences: str) -> str:
    """Return a page that says why there is nothing else to see.

    Args:
        title: what is the matter
        sentences: why, and what to do

    Returns:
        The page.
    """
    parts = [f"<h1>{shown(title)}</h1>", *(f"<p>{shown(one)}</p>" for one in sentences)]
    return whole_page(title, parts)


def subscription_page(found: Asked) -> str:
    """Return the page of a subscriber's link, which asks before it confirms or ends anything."""
    title = shown(found.title)
    end = '<button class="second" name="do" value="end">Send me nothing more</button>'
    if found.confirmed:
        said = f"{shown(found.who)} is sent the updates of {title}."
        parts = [f"<h1>{title}</h1>", f'<p>{said}</p><form method="post">{end}</form>']
    else:
        said = f"Somebody asked that {shown(found.who)} is sent the updates of {title}."
        confirm = '<button name="do" value="confirm">Subscribe</button>'
        parts = [f"<h1>{title}</h1>", f'<p>{said}</p><form method="post">{confirm}{end}</form>']
    parts.append('<p class="soft">Opening this page changed nothing.</p>')
    return whole_page(f"Updates of {found.title}", parts)


def _who(people: Sequence[str], paged: str) -> str:
    """Return the question who acts; nothing where nobody must be known."""
    if not people:
        return ""
    chosen = paged if paged in people else ""
    options = [("", "None of these")] + [(one, one) for one in people]
    listed = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{shown(said)}</option>"
        for value, said in options
    )
    return f'<label for="who">Who are you?</label><select id="who" name="who">{listed}</select>'


def _listed(link: Link) -> str:
    items = [_item(alert) for alert in link.alerts[:MOST_SHOWN]]
    more = len(link.alerts) - len(items)
    if more:
        items.append(f"<li>… and {more:,} more</li>")
    if link.gone:
        items.append(f'<li class="soft">{link.gone:,} no longer stored</li>')
    return f"<ul>{''.join(items)}</ul>"


def _item(alert: LinkedAlert) -> str:
    title = shown(alert.title)
    if alert.status == "open":
        severity = escape(alert.severity)
        since = time_in_words(alert.opened_at)
        state = f'<span class="{severity}">{severity}</span>, open since {since}'
    else:
        at = f", {time_in_words(alert.at)}" if alert.at else ""
        state = f'<span class="ok">{shown(alert.status)}</span> {shown(alert.how)}{at}'
    return f'<li><b>{title}</b><span class="soft">{state}</span></li>'


def shown(text: str) -> str:
    """Return a text as HTML, without characters that hide others."""
    return escape(printable(text))


def time_in_words(at: datetime) -> str:
    """Return a moment in UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def whole_page(title: str, parts: Sequence[str]) -> str:
    """Return a page of a title and parts that are HTML already."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{shown(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )
