"""The first rows of the live page as HTML, painted before Streamlit has started in the browser.

They lie over the page, in the markup and the style of the table, until the table itself is drawn.
They hold alerts, so they are made for whoever is signed in, within their scope, for a page that a
person opens, and never for another site's request. Nothing of Streamlit is used here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from pathlib import Path

from dashboard import alert_row, markup
from dashboard.data import Data
from dashboard.live_filter import View
from sentinel.access import Permission, Principal
from sentinel.alerts.view import AlertView
from sentinel.errors import ConfigurationError
from sentinel.printable import counted
from sentinel.severity import Severity

__all__ = ["MOST", "first_rows", "is_opened_page"]

MOST = 40
"""As many rows as fill a screen."""
_FOLDER = Path(__file__).parent
_SHORT = {"critical": "CRIT", "high": "HIGH", "medium": "MED", "low": "LOW", "info": "INFO"}
_SECTIONS = (("Unacknowledged", ("open", "escalated")), ("Acknowledged", ("acknowledged",)))
_PLACE = """
:host { position: fixed; inset: 0; z-index: 1000000; overflow: hidden; background: var(--base); color: var(--ink); font-family: Inter, sans-serif; pointer-events: none; }
aside { position: absolute; left: 0; top: 0; bottom: 0; width: 263px; background: var(--panel); border-right: 1px solid var(--line); }
main { position: absolute; left: 283px; right: 20px; top: 14px; }
h1 { margin: 0; font-size: 20px; line-height: 28px; font-weight: 650; letter-spacing: -.01em; }
.first-rows .above { height: 55px; } .noted .above { height: 104px; }
@media (max-width: 1000px) { aside { display: none; } main { left: 20px; top: 52px; } .first-rows .above { height: 90px; } .noted .above { height: 139px; } }
@media (max-width: 640px) { main { left: 10px; right: 10px; } .first-rows .above { height: 203px; } .noted .above { height: 271px; } .first-rows .c-do { height: 44px; } }
"""  # noqa: E501 - CSS, as our other style sheets
_SCRIPT = """<script>(() => {
  const rows = document.getElementById("first-rows"), gone = () => rows.remove();
  try {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith("stActiveTheme")) continue;
      const theme = String(JSON.parse(localStorage[name]).name);
      if (/dark/i.test(theme)) rows.style.colorScheme = "dark";
      else if (/light/i.test(theme)) rows.style.colorScheme = "light";
    }
  } catch { /* no theme was chosen */ }
  // Drawn, or somebody goes on to another page, which the rows would cover.
  for (const moved of ["sentinel:drawn", "pointerdown", "keydown", "popstate"])
    addEventListener(moved, gone, { once: true, capture: true });
  const here = location.pathname;
  const other = ".stException, .note-down, [role=dialog]";
  const wait = setInterval(() => {
    if (document.querySelector(other) || location.pathname !== here) gone();
    if (!rows.isConnected) clearInterval(wait);
  }, 200);
  setTimeout(gone, 20000);
})()</script>"""


def is_opened_page(headers: Mapping[str, str]) -> bool:
    """Return whether a browser opens a page for a person, and no script of any site reads it.

    Browsers say so by themselves, and no script can make them say it.

    Args:
        headers: of the request, with small letters

    Returns:
        Whether a navigation of a window asks.
    """
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == (
        "document"
    )


def first_rows(data: Data, who: Principal, given: Mapping[str, str]) -> bytes:
    """Return the first rows of a view.

    Args:
        data: the dashboard's access to alerts
        who: opens the page
        given: parameters of its address

    Returns:
        HTML to stand in the page's body; empty where the table begins otherwise: with other groups
        or another order, without alerts, or with an error.
    """
    view = View.read(given)
    if view.sort or view.group or given.get("alert"):
        return b""
    try:
        chosen = view.filter(who.name)
    except ConfigurationError:  # which the page says
        return b""
    shown = data.live(who.scope(Permission.READ), chosen, limit=view.limit)
    if shown.problem or not shown.alerts:
        return b""
    return _page(shown.alerts, shown.at, noted=data.prefect.answers() is False).encode()


def _page(alerts: list[AlertView], now: datetime, *, noted: bool) -> str:
    """Return the rows where the table will stand, which is lower below a note."""
    left, parts = MOST, ""
    for name, statuses in _SECTIONS:
        mine = [one for one in alerts if one.status in statuses]
        if mine and left > 0:
            many = counted(len(mine), "alert")
            parts += (
                f'<div class="section"><span></span><span class="name"><b class="fold">{name}</b> '
                f"{many}</span></div>"
            )
            parts += "".join(_row(one, now) for one in mine[:left])
            left -= len(mine)
    below = ' class="noted"' if noted else ""
    return (
        '<div id="first-rows"><template shadowrootmode="open">'
        f"<style>{_style()}</style><aside></aside><main{below}><h1>Live</h1>"
        '<section class="first-rows dense" aria-label="Live alerts"><div class="above"></div>'
        f'<div class="grid"><div class="heads"><div class="head"></div></div>{parts}</div>'
        f"</section></main></template></div>{_SCRIPT}"
    )


def _row(one: AlertView, now: datetime) -> str:
    severity = Severity(one.rank).word
    labels = "".join(
        f"<span><b>{escape(name)}=</b>{escape(text)}</span>"
        for name, text in list(one.labels.items())[:6]
        if name != "ticker"
    )
    owner = one.assignee or one.acknowledged_by
    value = alert_row.value(one.value, one.unit)
    count = str(one.occurrences) if one.occurrences > 1 else ""
    cells = {
        "check": "", "c-severity": f'<span class="sev">{_SHORT[severity]}</span>',
        "c-age": f'<time class="age">{markup.age(one.since, now)}</time>',
        "c-title": f'<span class="title">{escape(one.title or one.rule)}</span>'
                   f'<span class="labels">{labels}</span>',
        "c-labels": labels, "c-ticker": "", "c-value": escape(value), "c-rule": escape(one.rule),
        "c-assignee": escape(owner or "–"), "c-count": count, "c-do": "",
    }  # fmt: skip
    inside = "".join(f'<div class="{name}">{text}</div>' for name, text in cells.items())
    return f'<div class="row is-{escape(one.status)} sev-{severity}">{inside}</div>'


def _styles() -> Callable[[], str]:
    kept: list[str] = []

    def style() -> str:
        """Return the table's own style under another name, with the colours of the theme."""
        if not kept:
            theme = (_FOLDER / "theme" / "sentinel.css").read_text()
            colours = re.search(r":root (\{.*?\n\})", theme, re.DOTALL)
            sheets = (_FOLDER / "blotter" / name for name in ("shared.css", "blotter.css"))
            table = "".join(sheet.read_text() for sheet in sheets).replace(
                ".blotter", ".first-rows"
            )
            named = f":host {colours[1]}" if colours else ""
            kept.append(f":host {{ color-scheme: light dark; }}{named}{table}{_PLACE}")
        return kept[0]

    return style


_style = _styles()
