"""Our own widgets: Components v2, plain JavaScript and CSS, no build step.

`blotter` is the table, `drawer` one alert, `pulse` the heart-beat that says how fresh they are,
`preferences` the choices of a viewer, `calendar` weeks of shifts or silences, `routes` a tree of
routes, `expression` the input of an expression, `waterfall` the spans of a trace. Each is one
module for the browser, joined from the files that `WIDGETS` names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

__all__ = ["WIDGETS", "script", "style", "widget"]

HERE = Path(__file__).parent
WIDGETS = {
    "blotter": (
        "shared",
        "outbox",
        "toast",
        "live_api",
        "order",
        "row",
        "table",
        "bulk",
        "keys",
        "alarm",
        "frame",
    ),
    "drawer": (
        "shared",
        "outbox",
        "toast",
        "live_api",
        "row",
        "bulk",
        "chart",
        "long_text",
        "drawer",
    ),
    "pulse": ("shared", "live_api", "subscription", "pulse"),
    "preferences": ("shared", "toast", "live_api", "alarm", "subscription", "push", "preferences"),
    "calendar": ("shared", "calendar"),
    "routes": ("shared", "routes"),
    "expression": ("shared", "expression"),
    "waterfall": ("shared", "waterfall"),
}
_ROOTS = {
    "blotter": '<section class="blotter" aria-label="Live alerts">\n</section>',
    "drawer": '<aside class="drawer" aria-label="One alert" tabindex="-1">\n</aside>',
    "pulse": '<header class="pulse">\n</header>',
    "preferences": '<section class="preferences" aria-label="Preferences">\n</section>',
    "calendar": '<section class="calendar">\n</section>',
    "routes": '<section class="pictures">\n</section>',
    "expression": '<section class="expression">\n</section>',
    "waterfall": '<section class="waterfall">\n</section>',
}


def script(name: str) -> str:
    """Return the JavaScript module of a widget."""
    return "\n".join((HERE / f"{part}.js").read_text() for part in WIDGETS[name])


def style(name: str) -> str:
    """Return the CSS of a widget."""
    return (HERE / "shared.css").read_text() + (HERE / f"{name}.css").read_text()


@st.cache_resource(show_spinner=False)
def _registered(name: str) -> Callable[..., Any]:
    return component(f"sentinel_{name}", html=_ROOTS[name], css=style(name), js=script(name))


def _on_change() -> None:
    """Do nothing: Streamlit keeps the state of a widget only where it has a callback."""


def widget(name: str, data: dict[str, Any] | bytes, *states: str) -> None:
    """Show the widget `name` with `data`.

    Args:
        name: of `WIDGETS`; also its key, so that each is on a page once
        data: can be written as JSON, or is JSON already
        states: names that the browser may set, to be read from `st.session_state[name]`
    """
    callbacks = {f"on_{state}_change": _on_change for state in states}
    _registered(name)(key=name, data=data, **callbacks)
