"""Saved views in the sidebar: each person's own named filters of a page."""

from __future__ import annotations

from datetime import date
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from dashboard import session
from dashboard.configuration_commands import RemoveView, SaveView
from dashboard.live_filter import View
from dashboard.page_addresses import SEARCH
from sentinel.errors import SentinelError
from sentinel.schema.saved_views import SavedView
from sentinel.store.saved_views import LONGEST_NAME

__all__ = ["LAST_VIEW", "REQUESTED_VIEW", "show"]

LAST_VIEW = "live-view"
"""Where the view of the live page is remembered while somebody is on another page."""
REQUESTED_VIEW = "live-view-requested"
"""A view that the live page is to show, whatever the browser has shown until now."""
PAGES = {"live": "live.py", "history": "history.py", "logs": "logs.py", "traces": "traces.py"}
ICONS = {
    "live": ":material/notifications_active:", "history": ":material/history:",
    "logs": ":material/subject:", "traces": ":material/waterfall_chart:",
}  # fmt: skip
MANY = ("severities", "statuses")
_PERIOD = ("time", "since", "until")
FIELDS: dict[str, tuple[str, ...]] = {
    "history": (SEARCH, "span", *MANY),
    "logs": (SEARCH, *_PERIOD, "facet"),
    "traces": (SEARCH, *_PERIOD, "view", "service", "operation", "status", "longer"),
}
"""What a view of each page consists of, as its address has it."""
CHOICES: dict[str, str | None] = {
    "span": "all", "time": "1h", "view": "Traces", "facet": None, "service": None, "status": None,
}  # fmt: skip
"""Fields that are chosen from some, and their value where a view has none."""
DAYS = "opened-days"
"""The days of the period *days* of history: none, one or two dates."""
OLD_SEARCH = "find"
"""The search in views of history that were saved before it was `q`."""
REMOVED = "view-removed"
"""A view that was removed or replaced, as it was."""
TO_CONFIRM = "view-to-confirm"
"""The view whose removal waits for a confirmation."""


def query_of(page: str) -> str:
    """Return the query string of the address of the page as it is filtered now."""
    if page == "live":
        return urlencode(cast("View", st.session_state.get(LAST_VIEW, View())).parameters())
    pairs: list[tuple[str, str]] = []
    for name in FIELDS[page]:
        given: Any = st.session_state.get(name)
        if isinstance(given, list):
            pairs += [(name, str(one)) for one in cast("list[Any]", given)]
        elif given:
            pairs.append((name, str(given)))
    days: Any = st.session_state.get(DAYS)
    if page == "history" and st.session_state.get("span") == "days" and isinstance(days, tuple):
        pairs += [(DAYS, day.isoformat()) for day in cast("tuple[date, ...]", days)]
    return urlencode(pairs)


def _days(texts: list[str]) -> tuple[date, ...]:
    """Return the days of a saved view; none where one of them cannot be read."""
    try:
        return tuple(date.fromisoformat(text) for text in texts[:2])
    except ValueError:
        return ()


def _open(view: SavedView) -> None:
    """Show the page as it was saved; the page ignores what it does not know any more."""
    pairs = [(SEARCH if name == OLD_SEARCH else name, text) for name, text in parse_qsl(view.query)]
    if view.page == "live":
        st.session_state[REQUESTED_VIEW] = View.read(dict(pairs))
        return
    for name in FIELDS[view.page]:
        given = [text for key, text in pairs if key == name]
        st.session_state[name] = given if name in MANY else (given or [CHOICES.get(name, "")])[0]
    if days := _days([text for key, text in pairs if key == DAYS]):
        st.session_state[DAYS] = days
    else:
        st.session_state.pop(DAYS, None)
    st.session_state.pop("turned", None)


def _save(page: str) -> None:
    name, me = str(st.session_state.get("view-name") or ""), session.actor()
    named = " ".join(name.split())
    before = [
        one for one in session.configuration().views(me) if (one.page, one.name) == (page, named)
    ]
    try:
        new = session.run(SaveView(page=page, name=name, query=query_of(page)))
    except SentinelError as error:
        session.queue_toast(f"Not saved: {error}", "error")
        return
    st.session_state["view-name"] = ""
    if not new and before:
        st.session_state[REMOVED] = before[0]
    session.queue_toast(f"{'Saved' if new else 'Replaced'} “{named}”", "bookmark_added")


def _confirm(view: SavedView) -> None:
    st.session_state[TO_CONFIRM] = (view.page, view.name)


def _remove(view: SavedView) -> None:
    try:
        session.run(RemoveView(page=view.page, name=view.name))
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    st.session_state.pop(TO_CONFIRM, None)
    st.session_state[REMOVED] = view


def _restore() -> None:
    view: SavedView = st.session_state[REMOVED]
    try:
        session.run(SaveView(page=view.page, name=view.name, query=view.query))
    except SentinelError as error:
        session.queue_toast(f"Not restored: {error}", "error")
        return
    st.session_state.pop(REMOVED)


def show(page: str) -> None:
    """Show the viewer's saved views, and a form to save the view of this page.

    Args:
        page: one of `PAGES`; any other page has no view to save
    """
    views = session.configuration().views(session.actor())
    if not views and page not in PAGES:
        return
    st.html('<div class="saved-views-head">Saved views</div>')
    for number, view in enumerate(views):
        if st.button(
            view.name,
            key=f"view-{number}-{view.page}-{view.name}",
            icon=ICONS.get(view.page),
            type="tertiary",
            on_click=_open,
            args=(view,),
        ):
            st.switch_page(PAGES[view.page])
    if page in PAGES:
        _keep(page, [view for view in views if view.page == page])


def _keep(page: str, mine: list[SavedView]) -> None:
    with st.popover("Save this view", icon=":material/bookmark_add:", type="tertiary"):
        st.text_input(
            "Name", key="view-name", max_chars=LONGEST_NAME, placeholder="Critical, mine",
            help="A view of the same name is replaced.",
        )  # fmt: skip
        st.button("Save", key="view-save", type="primary", on_click=_save, args=(page,))
        for number, view in enumerate(mine):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(view.name, width="stretch")
                confirming = st.session_state.get(TO_CONFIRM) == (view.page, view.name)
                st.button(
                    "Yes, remove" if confirming else "Remove", key=f"view-remove-{number}",
                    type="primary" if confirming else "tertiary", icon=":material/delete:",
                    on_click=_remove if confirming else _confirm, args=(view,),
                )  # fmt: skip
    # Beside the popover and not in it: a popover closes when a list before it gets shorter.
    gone: SavedView | None = st.session_state.get(REMOVED)
    if gone is not None:
        st.button(
            f"Restore {gone.name}", key="view-back", icon=":material/undo:",
            type="tertiary", on_click=_restore,
        )  # fmt: skip
