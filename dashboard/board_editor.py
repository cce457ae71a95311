"""The form of a custom dashboard: tiles added, arranged and removed, and its YAML."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.board_commands import RemoveBoard, SaveBoard
from sentinel.access import Permission
from sentinel.boards.document import KINDS, LENGTHS, board_of, from_yaml, to_yaml
from sentinel.errors import SentinelError
from sentinel.store.access.known_places import known_places
from sentinel.store.custom_dashboards import LONGEST_NAME, Board, Place
from sentinel.store.slo.slos import Slos

__all__ = ["PAGE", "editor", "new_board", "open_board"]

PAGE = "dashboards"
_FORM = "board-form"
"""Number in the keys of the inputs: a form begins anew after it was saved."""
NAMES = {
    "count": "Count", "trend": "Trend", "table": "Alerts of a saved view", "metric": "Metric",
    "oncall": "On call now", "slo": "SLO",
}  # fmt: skip
"""The kinds of tiles in words; the kinds of another version have their own."""


def _key(name: str) -> str:
    return f"board-{name}-{int(st.session_state.get(_FORM, 0))}"


def open_board(name: str, place: Place) -> None:
    """Have the address name a dashboard."""
    st.query_params.clear()
    st.query_params["board"] = name
    if not place.is_own:
        st.query_params["team"], st.query_params["tenant"] = place.team, place.tenant


def _save(board: Board, tiles: list[dict[str, Any]], words: str) -> None:
    """Save other tiles; the ones before can be had back."""
    place = board.place
    common = {"name": board.name, "tenant": place.tenant, "team": place.team}
    try:
        saved = session.run(SaveBoard(**common, document={"tiles": tiles}, tag=board.tag))
    except SentinelError as error:
        st.session_state["board-problem"] = str(error)
        return
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    before = board.document.model_dump(mode="json")
    undo_bar.offer(PAGE, words, SaveBoard(**common, document=before, tag=saved.tag))


def new_board() -> None:
    """Show the form of a new dashboard, in a popover."""
    with st.popover("New dashboard", icon=":material/add:"):
        name = st.text_input("Name", key=_key("name"), max_chars=LONGEST_NAME)
        place = Place()
        edits = session.scope(Permission.EDIT)
        if session.may(Permission.EDIT):
            tenants, teams = known_places(session.data().within(edits))
            team = st.selectbox(
                "Team", teams, index=None, key=_key("team"), accept_new_options=True,
                placeholder="None: it is yours alone",
                help="Whoever may read the team's alerts sees it; its editors change it",
            )  # fmt: skip
            if team:
                tenant = st.selectbox("Tenant", tenants or ["default"], key=_key("tenant"))
                place = Place(str(tenant), str(team))
        else:
            st.html('<p class="small">It is yours alone: those of a team are made by its editors.'
                    "</p>")  # fmt: skip
        if st.button("Create", key="board-create", type="primary"):
            _create(name or "", place)


def _create(name: str, place: Place) -> None:
    given = {"tiles": [{"kind": "count"}, {"kind": "trend", "width": 2}, {"kind": "table"}]}
    made = " ".join(name.split())
    try:
        session.run(SaveBoard(name=made, tenant=place.tenant, team=place.team, document=given,
                              tag=""))  # fmt: skip
    except SentinelError as error:
        session.queue_toast(f"Not created: {error}", "error")
        st.rerun()
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    back = RemoveBoard(name=made, tenant=place.tenant, team=place.team)
    undo_bar.offer(PAGE, f"Created the dashboard {made}", back)
    open_board(made, place)
    st.rerun()


def _fields(kind: str) -> dict[str, Any]:
    """Show the inputs of a kind of tile, and return what they hold."""
    if kind == "count":
        return {"search": st.text_input("Search", key=_key("search"),
                                        placeholder="severity:critical team:db")}  # fmt: skip
    if kind == "trend":
        return {"length": st.selectbox("Time", LENGTHS, key=_key("length"))}
    if kind == "metric":
        names: list[str] = []
        whole = session.scope().whole_tenants
        tenants = ["default"] if whole is None else sorted(whole)
        if not tenants:
            st.html('<p class="small">Metrics belong to whole tenants, and you see teams.</p>')
            return {}
        tenant = st.selectbox("Tenant", tenants, key=_key("metric-tenant"),
                              accept_new_options=whole is None)  # fmt: skip
        names = session.data().within(session.scope()).tenant(str(tenant)).metric_names()
        return {
            "tenant": str(tenant),
            "metric": st.selectbox("Metric", names, key=_key("metric"), accept_new_options=True)
            or "",
            "length": st.selectbox("Time", LENGTHS, key=_key("length")),
        }
    if kind == "slo":
        within = session.data().within(session.scope())
        found = Slos(within.store, within.scope).page(limit=1000).items
        several = len({one.definition.tenant for one in found}) > 1
        chosen = st.selectbox(
            "SLO", [one.key for one in found], index=None, key=_key("slo"),
            placeholder="All: how many stand how",
            format_func=lambda one: f"{one[1]} ({one[0]})" if several else one[1],
        )  # fmt: skip
        return {"tenant": chosen[0], "slo": chosen[1]} if chosen else {
            "search": st.text_input("Search", key=_key("slo-search"), placeholder="team or service")
        }  # fmt: skip
    if kind == "table":
        store = session.data().within(session.scope()).store
        saved = {one.name: one.query for one in store.views.of(session.principal().owner)
                 if one.page == "live"}  # fmt: skip
        view = st.selectbox("Saved view", list(saved), index=None, key=_key("view"),
                            placeholder="All active alerts",
                            help="Of Live; the tile keeps its filter as it is now")  # fmt: skip
        return {"view": saved.get(str(view), ""),
                "rows": int(st.number_input("Rows", 1, 100, 10, key=_key("rows")))}  # fmt: skip
    return {}


def _add(board: Board) -> None:
    with st.popover("Add a tile", icon=":material/add_box:"):
        kind = str(st.selectbox("Kind", list(KINDS), key=_key("kind"),
                                format_func=lambda one: NAMES.get(str(one), str(one))))  # fmt: skip
        fields = _fields(kind)
        title = st.text_input("Title", key=_key("title"), max_chars=100)
        if st.button("Add", key="tile-add", type="primary"):
            added = {"kind": kind, "title": title or "", **fields}
            tiles = board.document.model_dump(mode="json")["tiles"]
            _save(board, [*tiles, added], f"Added the tile {title or NAMES.get(kind, kind)}")
            st.rerun()


def _arrange(board: Board) -> None:
    tiles: list[dict[str, Any]] = board.document.model_dump(mode="json")["tiles"]
    for number, one in enumerate(tiles):
        name = str(one["title"] or NAMES.get(one["kind"], one["kind"]))
        with st.container(horizontal=True, vertical_alignment="center", gap="small",
                          key=f"tile-row-{number}"):  # fmt: skip
            st.html(f"<div>{number + 1}. {escape(name)}</div>", width="stretch")
            moved = [*tiles[:number], *tiles[number + 1 :]]
            if st.button("Earlier", key=f"tile-up-{number}", disabled=number == 0,
                         icon=":material/arrow_upward:"):  # fmt: skip
                moved.insert(number - 1, one)
                _save(board, moved, f"Moved the tile {name}")
                st.rerun()
            if st.button("Later", key=f"tile-down-{number}", disabled=number == len(tiles) - 1,
                         icon=":material/arrow_downward:"):  # fmt: skip
                moved.insert(number + 1, one)
                _save(board, moved, f"Moved the tile {name}")
                st.rerun()
            wider = one["width"] % 4 + 1
            if st.button(f"Width {one['width']}", key=f"tile-width-{number}",
                         help="Columns of four; press for the next width"):  # fmt: skip
                changed = {**one, "width": wider}
                _save(board, [*tiles[:number], changed, *tiles[number + 1 :]],
                      f"Made the tile {name} {wider} wide")  # fmt: skip
                st.rerun()
            if st.button("Remove", key=f"tile-remove-{number}", icon=":material/delete:"):
                _save(board, moved, f"Removed the tile {name}")
                st.rerun()


def _yaml(board: Board) -> None:
    with st.expander("YAML"):
        st.download_button("Export", to_yaml(board.document), file_name=f"{board.name}.yaml",
                           mime="application/yaml", key="board-export",
                           icon=":material/download:")  # fmt: skip
        text = st.text_area("Document", to_yaml(board.document), height=240,
                            key=_key(f"yaml-{board.tag}"))  # fmt: skip
        if st.button("Import", key="board-import", icon=":material/upload:"):
            try:
                tiles = board_of(from_yaml(text or "")).model_dump(mode="json")["tiles"]
            except SentinelError as error:
                st.session_state["board-problem"] = str(error)
            else:
                _save(board, tiles, f"Imported {len(tiles)} tiles")
            st.rerun()


def editor(board: Board) -> None:
    """Show the form of a dashboard's tiles.

    Args:
        board: which the person may change
    """
    problem = st.session_state.pop("board-problem", None)
    if problem is not None:
        st.html(markup.note("warn", "Nothing was changed.", str(problem)))
    with st.container(key="board-editor", border=True):
        _arrange(board)
        _add(board)
        _yaml(board)
