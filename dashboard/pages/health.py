"""The health page: every component, how it is, since when, and what to do."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard import markup, session
from dashboard.database_errors import database
from sentinel.access import Permission
from sentinel.engine.component_health import Component, components
from sentinel.engine.intake_health import last_intakes
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.settings import settings

_STATES = {"ok": "OK", "wrong": "Down", "warning": "Warning", "note": "Note"}
_FIRST = {"wrong": 0, "warning": 1, "note": 2, "ok": 3}


def _card(one: Component, since: str = "since") -> str:
    """Return a component; `since` says what its moment is."""
    clock = session.clock()
    when = ""
    if one.since is not None:
        age = markup.age(one.since, session.data().now())
        when = f'<p class="small">{since} {escape(clock.moment(one.since))}, {age}</p>'
    hint = f'<p class="do">{escape(one.hint)}</p>' if one.hint else ""
    name = one.name[:1].upper() + one.name[1:]
    return (
        f'<li class="component is-{one.state}"><h2>{escape(name)}<small>{_STATES[one.state]}'
        f"</small></h2><p>{escape(one.says)}</p>{when}{hint}</li>"
    )


@st.fragment(run_every=15, key="health-part")
def health() -> None:
    """Show the components; this part refreshes by itself."""
    try:
        with database():
            store = session.data().within(session.scope(Permission.READ)).instance
            found, taken = components(store, settings()), last_intakes(store)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    wrong = sum(one.state == "wrong" for one in found)
    said = f"{counted(len(found), 'component')}, none is down"
    if wrong:
        said = f"{wrong} of {len(found)} down"
    st.html('<div class="page-head"><h1>Health</h1>'
            f'<span class="fresh-count">{said}</span></div>')  # fmt: skip
    cards = "".join(_card(one) for one in sorted(found, key=lambda one: _FIRST[one.state]))
    st.html(f'<ul class="components">{cards}</ul>')
    cards = "".join(_card(one, "last") for one in sorted(taken, key=lambda one: _FIRST[one.state]))
    st.html(f'<h2 class="section">Last intake</h2><ul class="components">{cards}</ul>')
    st.html('<p class="small"><code>sentinel doctor</code> says the same, and checks this '
            "installation besides: Python, disk space, the API, the dashboard, the public pages, "
            "access reviews, Automations, triggers and deployed rules.</p>")  # fmt: skip


health()
