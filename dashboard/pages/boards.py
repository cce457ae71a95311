"""Custom dashboards: a page of chosen tiles, of a person or a team; full screen on a wall."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.board_commands import RemoveBoard, SaveBoard
from dashboard.board_editor import PAGE, editor, new_board, open_board
from dashboard.board_figures import Looker, tile
from dashboard.database_errors import database
from sentinel.errors import NotFound, SentinelError
from sentinel.store.custom_dashboards import Board, Boards, Place

_EVERY = 15
"""Seconds after which the tiles are read again."""


def _boards() -> Boards:
    return Boards(session.data().within(session.scope()).store, session.fresh_principal())


def _asked() -> tuple[str, Place]:
    given = st.query_params
    team = given.get("team", "")
    return given.get("board", ""), Place(given.get("tenant", "default"), team) if team else Place()


def _address(board: Board) -> str:
    """Return the address that shows a dashboard on a wall."""
    given = {"wall": "1", "board": board.name}
    if not board.place.is_own:
        given |= {"team": board.place.team, "tenant": board.place.tenant}
    return f"dashboards?{urlencode(given)}"


def _label(board: Board) -> str:
    whose = "" if board.place.is_own else f" · {board.place.team} in {board.place.tenant}"
    return f"{board.name}{whose}"


@st.fragment(run_every=_EVERY, key="board-tiles-part")
def _tiles() -> None:
    name, place = _asked()
    scope = session.scope()
    try:
        with database():
            board = _boards().get(name, place)
    except NotFound as error:
        st.html(markup.note("warn", "This dashboard is gone.", str(error)))
        return
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    if board.problem:
        st.html(markup.note("warn", "This dashboard cannot be read.", board.problem))
        return
    data = session.data()
    looker = Looker(
        within=data.within(scope), reports=session.reports(), scope=scope, me=session.actor(),
        clock=session.clock(), now=data.now(),
    )  # fmt: skip
    drawn = "".join(
        f'<div class="wide-{one.width}">{tile(one, looker)}</div>' for one in board.document.tiles
    )
    st.html(f'<div class="board">{drawn}</div>')
    if not drawn:
        st.html('<div class="empty"><h2>No tiles yet</h2><p>Switch on <b>Edit</b> and add one.'
                "</p></div>")  # fmt: skip


def _remove(board: Board) -> None:
    place = board.place
    try:
        session.run(
            RemoveBoard(name=board.name, tenant=place.tenant, team=place.team, tag=board.tag)
        )
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    back = None if board.problem else SaveBoard(
        name=board.name, tenant=place.tenant, team=place.team, tag="",
        document=board.document.model_dump(mode="json"),
    )  # fmt: skip
    undo_bar.offer(PAGE, f"Removed the dashboard {board.name}", back)
    st.query_params.clear()


def _choose(found: list[Board]) -> Board | None:
    """Show the list of dashboards, and return the one that the address names."""
    name, place = _asked()
    places = {(one.name, one.place): number for number, one in enumerate(found)}
    wanted = places.get((name, place))
    labels = [_label(one) for one in found]
    chosen = st.selectbox(
        "Dashboard", list(range(len(found))), index=wanted, width=320,
        format_func=lambda number: labels[int(number)],
        placeholder="Choose a dashboard", label_visibility="collapsed",
        key=f"board-chosen-{len(found)}-{name}-{place.tenant}-{place.team}",
    )  # fmt: skip
    if chosen is not None and chosen != wanted:
        open_board(found[chosen].name, found[chosen].place)
        st.rerun()
    return found[wanted] if wanted is not None else None


def _wall() -> None:
    name, _ = _asked()
    st.html(f'<div class="on-wall"></div><div class="page-head"><h1>{escape(name)}</h1></div>')
    _tiles()


def _page() -> None:
    st.html(markup.page_head("Dashboards"))
    try:
        with database():
            found = _boards().list()
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    undo_bar.show(PAGE)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        board = _choose(found) if found else None
        new_board()
        edits = False
        if board is not None:
            st.link_button("Full screen", _address(board), icon=":material/fullscreen:")
            if board.changes:
                edits = not board.problem and st.toggle("Edit", key="board-edit")
                st.button("Remove", key="board-remove", icon=":material/delete:",
                          on_click=_remove, args=(board,))  # fmt: skip
    if board is None:
        name, _ = _asked()
        if name:
            st.html(markup.note("warn", f"There is no dashboard {name}.",
                                "It may have been removed, or belong to others."))  # fmt: skip
        if not found:
            st.html(
                '<div class="empty"><h2>No dashboards yet</h2><p>A dashboard is a page of tiles '
                "that you choose: counts, trends, alerts of a saved view, metrics, who is on call. "
                "It is yours, or a team's.</p></div>"
            )
        return
    if not board.changes:
        st.html(f'<p class="small">The editors of the team {escape(board.place.team)} change '
                "it.</p>")  # fmt: skip
    if edits:
        editor(board)
    _tiles()


if st.query_params.get("wall") == "1" and _asked()[0]:
    _wall()
else:
    _page()
