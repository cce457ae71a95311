"""Saved views in the sidebar: each person's own names for ways to look at a page."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from dashboard import session
from dashboard.live_filter import View
from sentinel.errors import SentinelError
from sentinel.schema.saved_views import SavedView
from sentinel.store.saved_views import LONGEST_NAME

__all__ = ["ASKED", "KEPT", "show"]

KEPT = "live-view"
"""Where the view of the live page is remembered while somebody is on another page."""
ASKED = "live-asked"
"""A view that the live page is asked to show, whatever the browser has shown until now."""
PAGES = {"live": "live.py", "history": "history.py"}
ICONS = {"live": ":material/notifications_active:", "history": ":material/history:"}
MANY = ("severities", "statuses")
FIELDS = ("find", "span", *MANY)
GONE = "view-removed"
"""A view that was removed or replaced, as it was."""
ASKING = "view-asking"


def query_of(page: str) -> str:
    """What would stand after the `?` in the address of how the page is looked at now."""
    if page == "live":
        return urlencode(cast("View", st.session_state.get(KEPT, View())).parameters())
    pairs: list[tuple[str, str]] = []
    for name in FIELDS:
        given: Any = st.session_state.get(name)
        if isinstance(given, list):
            pairs += [(name, str(one)) for one in cast("list[Any]", given)]
        elif given:
            pairs.append((name, str(given)))
    return urlencode(pairs)


def _look(view: SavedView) -> None:
    """Show the page as it was saved; what means nothing any more is left out by the page."""
    pairs = parse_qsl(view.query)
    if view.page == "live":
        st.session_state[ASKED] = View.read(dict(pairs))
        return
    for name in FIELDS:
        given = [text for key, text in pairs if key == name]
        st.session_state[name] = given if name in MANY else (given or [""])[0]
    st.session_state["span"] = st.session_state["span"] or "all"
    st.session_state.pop("turned", None)


def _save(page: str) -> None:
    name, me = str(st.session_state.get("view-name") or ""), session.actor()
    named = " ".join(name.split())
    before = [one for one in session.registry().views(me) if (one.page, one.name) == (page, named)]
    try:
        new = session.registry().save_view(page, name, query_of(page))
    except SentinelError as error:
        session.tell(f"Nothing was saved: {error}", "error")
        return
    st.session_state["view-name"] = ""
    if not new and before:
        st.session_state[GONE] = before[0]
    session.tell(f"{'Saved' if new else 'Replaced'} “{named}”", "bookmark_added")


def _ask(view: SavedView) -> None:
    st.session_state[ASKING] = (view.page, view.name)


def _remove(view: SavedView) -> None:
    try:
        session.registry().remove_view(view.page, view.name)
    except SentinelError as error:
        session.tell(f"Nothing was removed: {error}", "error")
        return
    st.session_state.pop(ASKING, None)
    st.session_state[GONE] = view


def _put_back() -> None:
    view: SavedView = st.session_state[GONE]
    try:
        session.registry().save_view(view.page, view.name, view.query)
    except SentinelError as error:
        session.tell(f"It was not put back: {error}", "error")
        return
    st.session_state.pop(GONE)


def show(page: str) -> None:
    """The views of whoever looks, and a place to save how this page is looked at now.

    Args:
        page: live or history; any other page has nothing to save
    """
    views = session.registry().views(session.actor())
    if not views and page not in PAGES:
        return
    st.html('<div class="shelf-head">Saved views</div>')
    for number, view in enumerate(views):
        if st.button(
            view.name,
            key=f"view-{number}-{view.page}-{view.name}",
            icon=ICONS.get(view.page),
            type="tertiary",
            on_click=_look,
            args=(view,),
        ):
            st.switch_page(PAGES[view.page])
    if page in PAGES:
        _keep(page, [view for view in views if view.page == page])


def _keep(page: str, mine: list[SavedView]) -> None:
    with st.popover("Save this view", icon=":material/bookmark_add:", type="tertiary"):
        st.text_input(
            "Name", key="view-name", max_chars=LONGEST_NAME, placeholder="Critical, mine",
            help="A name that you have already gets this view instead.",
        )  # fmt: skip
        st.button("Save", key="view-save", type="primary", on_click=_save, args=(page,))
        for number, view in enumerate(mine):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(view.name, width="stretch")
                asked = st.session_state.get(ASKING) == (view.page, view.name)
                st.button(
                    "Yes, remove" if asked else "Remove", key=f"view-remove-{number}",
                    type="primary" if asked else "tertiary", icon=":material/delete:",
                    on_click=_remove if asked else _ask, args=(view,),
                )  # fmt: skip
    # Beside it and not in it: it closes when what stands before it goes.
    gone: SavedView | None = st.session_state.get(GONE)
    if gone is not None:
        st.button(
            f"Put back {gone.name} as it was", key="view-back", icon=":material/undo:",
            type="tertiary", on_click=_put_back,
        )  # fmt: skip
