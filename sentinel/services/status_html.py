"""A status page as HTML and as an Atom feed: no script, and no request to anywhere. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

import msgspec

from sentinel.printable import printable
from sentinel.services.status_page import Component, Day, Level, PublicIncident, StatusPage, uptime
from sentinel.services.status_subscription import SubscriberKind

__all__ = [
    "STALE",
    "STYLE_HASH",
    "ComponentNow",
    "Maintenance",
    "PageNow",
    "ask_token",
    "atom_of",
    "html_of",
    "stale_notice",
]  # fmt: skip

STALE = "<!--stale-->"
"""Where the server says that nobody has written the page for long."""
_PAST = 20
_STYLE = """
:root{color-scheme:light dark;--ink:#1d232b;--soft:#57616c;--line:#d9dee4;--page:#f4f6f8;
--card:#fff;--go:#0b5cad;--go-ink:#fff;--l0:#1e7a3c;--l1:#1a5fb4;--l2:#8a6100;--l3:#b54708;
--l4:#b3261e;--none:#c9d0d8}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#a3aeba;--line:#343c46;--page:#12161b;
--card:#1b2129;--go:#8cc4ff;--go-ink:#06243f;--l0:#7fd196;--l1:#8cc4ff;--l2:#f2cc60;--l3:#ffb066;
--l4:#ff9a92;--none:#4a545f}}
*{box-sizing:border-box}
body{margin:0;padding:16px;background:var(--page);color:var(--ink);
font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:760px;margin:0 auto}
h1{font-size:26px;line-height:1.25;margin:8px 0}h2{font-size:20px;margin:28px 0 8px}
h3{font-size:16px;margin:0}p{margin:0 0 8px}.soft{color:var(--soft);font-size:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px;
margin:0 0 12px}
.now{border-left:8px solid var(--l0);font-size:20px;font-weight:600}
.row{display:flex;flex-wrap:wrap;gap:4px 12px;justify-content:space-between;align-items:baseline}
.s0{color:var(--l0)}.s1{color:var(--l1)}.s2{color:var(--l2)}.s3{color:var(--l3)}.s4{color:var(--l4)}
.b1{border-color:var(--l1)}.b2{border-color:var(--l2)}.b3{border-color:var(--l3)}
.b4{border-color:var(--l4)}
svg{display:block;width:100%;height:34px;margin:8px 0 4px}
.d0{fill:var(--l0)}.d1{fill:var(--l1)}.d2{fill:var(--l2)}.d3{fill:var(--l3)}.d4{fill:var(--l4)}
.dn{fill:var(--none)}
ul{list-style:none;margin:8px 0 0;padding:0}li{border-top:1px solid var(--line);padding:8px 0}
a{color:var(--go)}label{display:block;font-size:14px;color:var(--soft);margin:0 0 4px}
input{width:100%;min-height:44px;padding:8px 10px;font:inherit;color:inherit;background:var(--page);
border:1px solid var(--soft);border-radius:8px;margin:0 0 12px}
summary{cursor:pointer;font-weight:600;min-height:44px;padding:10px 0}
fieldset{border:1px solid var(--line);border-radius:8px;margin:0 0 12px;padding:8px 12px}
legend{font-size:14px;color:var(--soft)}.box{display:flex;gap:8px;align-items:center;
min-height:44px;color:var(--ink)}
input[type=checkbox]{width:20px;min-height:20px;margin:0}
button{min-height:44px;padding:0 20px;font:inherit;font-weight:600;border:0;border-radius:8px;
background:var(--go);color:var(--go-ink);cursor:pointer}
a:focus-visible,button:focus-visible,summary:focus-visible,input:focus-visible{outline:3px
solid var(--go);outline-offset:2px}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""For `style-src` of a Content-Security-Policy."""


class ComponentNow(msgspec.Struct, frozen=True, kw_only=True):
    """A component with its state and its days, oldest first."""

    component: Component
    level: Level
    days: Sequence[Day]


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window of some components, under way or ahead."""

    components: Sequence[str]
    start: datetime
    end: datetime


class PageNow(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a page shows.

    Attributes:
        incidents: with public updates, newest first
        address: of the page; empty where there are no public pages
        at: when it was written
    """

    page: StatusPage
    components: Sequence[ComponentNow]
    incidents: Sequence[PublicIncident]
    maintenance: Sequence[Maintenance]
    address: str
    at: datetime

    @property
    def worst(self) -> Level:
        """The worst state of its components."""
        return max((one.level for one in self.components), default=Level.OPERATIONAL)

    def heading(self, incident: PublicIncident) -> str:
        """Return what the page calls an incident: never the title that it has inside."""
        if incident.title:
            return incident.title
        there = {one.component.service: one.component.shown for one in self.components}
        about = there.get(incident.service, "")
        return f"Incident affecting {about}" if about else "Incident"


def html_of(now: PageNow, subscribe: Sequence[SubscriberKind] = (), action: str = "") -> str:
    """Return a status page.

    Args:
        now: what it shows
        subscribe: how readers may subscribe to its updates
        action: address that the form of a subscription is sent to

    Returns:
        HTML, with `STALE` where the server may say that it is old.
    """
    worst = now.worst
    line = "All systems operational" if worst is Level.OPERATIONAL else worst.words
    parts = [
        f"<h1>{_text(now.page.title)}</h1>",
        f"<p>{_text(now.page.description)}</p>" if now.page.description else "",
        STALE,
        f'<p class="card now b{int(worst)}"><span class="s{int(worst)}">{line}</span></p>',
    ]
    live = [one for one in now.incidents if one.resolved_at is None]
    if live:
        parts.append("<h2>Incidents now</h2>")
        parts += [_incident(now, one) for one in live]
    if now.maintenance:
        parts.append("<h2>Maintenance</h2>")
        parts += [_maintenance(one, now.at) for one in now.maintenance]
    parts.append("<h2>Components</h2>")
    parts += [_component(one) for one in now.components]
    past = [one for one in now.incidents if one.resolved_at is not None][:_PAST]
    parts.append("<h2>Past incidents</h2>")
    parts += [_incident(now, one) for one in past] or ["<p>None.</p>"]
    parts += [_subscribe(one, now.page, action) for one in subscribe]
    parts.append(
        f'<p class="soft">Written {_time(now.at)}. Days are in UTC. '
        f'<a href="{escape(now.page.name)}/feed.atom">Atom feed of the updates</a></p>'
    )
    return _page(now.page.title, parts)


def stale_notice(at: datetime) -> str:
    """Return what stands in place of `STALE` on a page that nobody has written for long."""
    return (
        f'<p class="card b2" role="status">This page was last written {_time(at)}. How things '
        "stand may have changed since.</p>"
    )


def ask_token(*, wrong: bool) -> str:
    """Return the page that asks for the token of a private status page.

    Args:
        wrong: whether one was given that is not its token

    Returns:
        HTML that names neither the page nor its tenant, nor says whether there is one.
    """
    said = '<p class="s4" role="alert">This is not its token.</p>' if wrong else ""
    return _page("Private status page", [
        "<h1>This status page is private</h1>",
        '<p class="soft">Its token opens it. If there is no page at this address, none does; one '
        "that was just saved can be read within a minute.</p>", said,
        '<form class="card" method="post"><label for="token">Token of the page</label>'
        '<input id="token" name="token" type="password" autocomplete="off" required>'
        "<button>Show the page</button></form>",
    ])  # fmt: skip


def atom_of(now: PageNow) -> str:
    """Return the public updates of a page as an Atom feed (RFC 4287), newest first."""
    address = now.address or f"urn:sentinel:status:{now.page.name}"
    updates = [(one, each) for one in now.incidents for each in one.updates]
    updates.sort(key=lambda pair: (pair[1].at, pair[1].id), reverse=True)
    newest = updates[0][1].at if updates else now.at.replace(hour=0, minute=0, second=0)
    entries = "".join(
        f"<entry><id>urn:sentinel:update:{each.id}</id><title>{_xml(now.heading(one))}</title>"
        f"<updated>{_iso(each.at)}</updated><link href={quoteattr(address)}/>"
        f'<content type="text">{_xml(each.text)}</content></entry>'
        for one, each in updates[:50]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>{_xml(address)}</id><title>{_xml(now.page.title)}</title>"
        f"<author><name>{_xml(now.page.title)}</name></author>"
        f"<updated>{_iso(newest)}</updated>"
        f"<link href={quoteattr(address)}/>{entries}</feed>"
    )


def _subscribe(kind: SubscriberKind, page: StatusPage, action: str) -> str:
    """Return the form of a subscription, which needs no script: it is only asked for by it."""
    what, label, input_type, hint = _FORMS[kind]
    boxes = "".join(
        f'<label class="box"><input type="checkbox" name="component" value="{_text(one.shown)}"> '
        f"{_text(one.shown)}</label>"
        for one in page.components
    )
    chosen = f"<fieldset><legend>Only about (none chosen: all)</legend>{boxes}</fieldset>"
    return (
        f'<details class="card"><summary>{what}</summary><p class="soft">{hint}</p>'
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="kind" '
        f'value="{kind}"><label for="to-{kind}">{label}</label><input id="to-{kind}" name="target" '
        f'type="{input_type}" maxlength="500" required>'
        + (chosen if len(page.components) > 1 else "")
        + "<button>Subscribe</button></form></details>"
    )


_FORMS: Mapping[SubscriberKind, tuple[str, str, str, str]] = {
    "email": (
        "Get updates by email", "Email address", "email",
        "You are mailed a link, and nothing more before you open it.",
    ),
    "webhook": (
        "Get updates by a webhook", "URL, https://…", "url",
        "It is posted a link as JSON, and nothing more before somebody opens that.",
    ),
}  # fmt: skip


def _component(one: ComponentNow) -> str:
    share = uptime(one.days)
    words = "no data yet" if share is None else f"{_percent(share)} up"
    described = one.component.description
    return (
        f'<section class="card"><div class="row"><h3>{_text(one.component.shown)}</h3>'
        f'<span class="s{int(one.level)}">{one.level.words}</span></div>'
        + (f'<p class="soft">{_text(described)}</p>' if described else "")
        + _bars(one, words)
        + f'<div class="row soft"><span>{len(one.days)} days ago</span><span>{words}</span>'
        "<span>today</span></div></section>"
    )


def _bars(one: ComponentNow, words: str) -> str:
    count = len(one.days)
    bars = "".join(
        f'<rect class="{"dn" if day.worst is None else f"d{int(day.worst)}"}" x="{place * 10}" '
        f'y="0" width="8" height="34"><title>{_day(day)}</title></rect>'
        for place, day in enumerate(one.days)
    )
    label = escape(f"{one.component.shown}, {count} days: {words}")
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {count * 10} 34" '
        f'preserveAspectRatio="none">{bars}</svg>'
    )


def _day(day: Day) -> str:
    if day.worst is None:
        return f"{day.day}: no data"
    down = f", down {_length(day.down)}" if day.down >= 1 else ""
    return f"{day.day}: {day.worst.words.lower()}{down}"


def _incident(now: PageNow, one: PublicIncident) -> str:
    level = int(one.level) if one.resolved_at is None else 0
    until = f" – {_time(one.resolved_at)}" if one.resolved_at else ""
    updates = "".join(
        f'<li>{_text(each.text)}<br><span class="soft">{_time(each.at)}</span></li>'
        for each in one.updates
    )
    return (
        f'<article class="card b{level}"><div class="row"><h3>{_text(now.heading(one))}</h3>'
        f'<span class="s{level}">{escape(one.status.capitalize())}</span></div>'
        f'<p class="soft">{_time(one.opened_at)}{until}</p><ul>{updates}</ul></article>'
    )


def _maintenance(one: Maintenance, now: datetime) -> str:
    state = "Under way" if one.start <= now else "Scheduled"
    return (
        f'<article class="card b1"><div class="row"><h3>{_text(", ".join(one.components))}</h3>'
        f'<span class="s1">{state}</span></div>'
        f'<p class="soft">{_time(one.start)} – {_time(one.end)}</p></article>'
    )


def _percent(share: float) -> str:
    """Return a share in percent, never rounded up to a whole that it is not."""
    return f"{int(share * 100_000) / 1000:.3f}".rstrip("0").rstrip(".") + " %"


def _length(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _text(text: str) -> str:
    return escape(printable(text))


def _xml(text: str) -> str:
    return xml_escape(printable(text))


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )
