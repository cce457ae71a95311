"""All changes by people and keys on the audit page, and what differs before and after each."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.clock import Clock
from dashboard.page_addresses import SEARCH
from dashboard.table import moments, selected_row, table
from sentinel.audit.actions import OBJECT_KINDS, words_of
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.store.audit.queries import AuditFilter, AuditItem

__all__ = ["changes"]

ROWS = 50
PAGES = "audit-change-pages"
"""The search, and where each page after its first begins."""
CHOSEN = "audit-change"
"""Where a session keeps the id of the change that is shown whole."""
_LONGEST = 600
_KINDS = tuple(kind.replace("_", " ") for kind in OBJECT_KINDS)


def _filters(since: datetime | None) -> AuditFilter:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Words in the action, object, reason or actor",
            label_visibility="collapsed",
        )  # fmt: skip
        actor = st.text_input(
            "Actor", key="audit-actor", icon=":material/person:", bind="query-params",
            placeholder="Any actor", width=180, label_visibility="collapsed",
        )  # fmt: skip
        thing = st.text_input(
            "Object", key="audit-object", icon=":material/category:", bind="query-params",
            placeholder="Any object: id or name", width=220, label_visibility="collapsed",
        )  # fmt: skip
    kinds = st.pills(
        "Kind of object", _KINDS, selection_mode="multi", key="audit-objects",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    return AuditFilter(
        words=(words or "").strip(), actor=(actor or "").strip(), object=(thing or "").strip(),
        object_kinds=tuple(kind.replace(" ", "_") for kind in kinds or ()), since=since,
    )  # fmt: skip


def _question(asked: AuditFilter) -> object:
    """Return the search without its begin, which moves with the clock."""
    span = st.session_state.get("audit-span")
    return (asked.words, asked.actor, asked.object, asked.object_kinds, span)


def _turn(asked: AuditFilter, pages: list[str]) -> None:
    st.session_state[PAGES] = (_question(asked), pages)
    st.session_state[CHOSEN] = ""


def _choose(key: str, ids: list[str]) -> None:
    """Take the row that was selected in the table of this key as the change to show."""
    row = selected_row(key)
    st.session_state[CHOSEN] = ids[row] if row is not None and row < len(ids) else ""


def _shown(found: list[AuditItem]) -> None:
    zone = ZoneInfo(session.zone())
    key = f"changes-{found[0].id}-{len(found)}"
    table(
        pd.DataFrame(
            [
                {
                    "Time": one.at.astimezone(zone), "Actor": one.actor, "Door": one.door,
                    "Action": words_of(one.action), "Object": one.object_name,
                    "Reason": one.note, "Details": ", ".join(_fields(one)),
                }
                for one in found
            ]
        ),
        key=key,
        row_height=34,
        most=480,
        on_select=lambda: _choose(key, [one.id for one in found]),
        selection_mode=["single-row", "single-cell"],
        column_config={
            "Time": moments(),
            "Actor": st.column_config.TextColumn(width=110),
            "Door": st.column_config.TextColumn(width=80),
            "Action": st.column_config.TextColumn(width=210),
            "Object": st.column_config.TextColumn(width=220),
            "Reason": st.column_config.TextColumn(width=180),
            "Details": st.column_config.TextColumn(width=160),
        },
        alt="Changes, one per row; select a row to see what differs",
    )  # fmt: skip


def _fields(change: AuditItem) -> list[str]:
    return sorted({*(change.before or {}), *(change.after or {})})


def _difference(change: AuditItem, clock: Clock) -> None:
    """Show one change whole: who, by which door, and each field before and after."""
    facts = {
        "Time": clock.moment(change.at),
        "Actor": f"{change.actor} ({change.kind})",
        "Door": change.door,
        "Tenant": change.tenant,
        "Object": f"{change.object_kind.replace('_', ' ')} {change.object_id}".strip(),
        "Reason": change.note,
        "Row": "waits to be chained" if change.seq is None else f"{change.seq:,}",
        "Hash": change.hash,
    }
    rows = [f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()
            if text]  # fmt: skip
    for name in _fields(change):
        sides = [
            f"<{tag}>{escape(_text(side[name]))}</{tag}>"
            for tag, side in (("del", change.before or {}), ("ins", change.after or {}))
            if name in side
        ]
        rows.append(f'<dt>{escape(name)}</dt><dd class="differs">{" → ".join(sides)}</dd>')
    said = f"{change.actor} {words_of(change.action)} {change.object_name}"
    st.html(f'<h2 class="section">{escape(said)}</h2><dl class="meanings">{"".join(rows)}</dl>')


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _nothing(asked: AuditFilter) -> str:
    if asked != AuditFilter():
        return (
            '<div class="empty"><h2>No change matches</h2><p>Choose a longer period or fewer '
            "words. An actor and an object are found by the full name.</p></div>"
        )
    return (
        '<div class="empty"><h2>No changes yet</h2><p>Every change of a person or an API key is '
        "listed here: actions on alerts, rules, receivers, channels, views, accounts and keys. "
        "<code>sentinel audit verify</code> proves that nothing was altered.</p></div>"
    )


def changes(since: datetime | None) -> None:
    """Show the changes with their filters.

    Args:
        since: only then and later; None for all
    """
    asked = _filters(since)
    question, pages = st.session_state.get(PAGES, (None, []))
    turned: list[str] = pages if question == _question(asked) else []
    try:
        before = turned[-1] if turned else None
        found = session.reports().changes(session.principal(), asked, ROWS, before)
    except ConfigurationError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    if not found.items and not turned and not found.cut:
        st.html(_nothing(asked))
        return
    if found.items:
        _shown(found.items)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        first = len(turned) * ROWS + 1
        st.html(
            f'<span class="fresh-count">{first:,} – {first - 1 + len(found.items):,} · times in '
            f"{escape(session.zone())}</span>",
            width="stretch",
        )
        st.button("Newer", key="changes-newer", icon=":material/chevron_left:",
                  disabled=not turned, on_click=_turn, args=(asked, turned[:-1]))  # fmt: skip
        st.button("Older", key="changes-older", icon=":material/chevron_right:",
                  disabled=found.next is None, on_click=_turn,
                  args=(asked, [*turned, found.next or ""]))  # fmt: skip
    chosen = next((one for one in found.items if one.id == st.session_state.get(CHOSEN)), None)
    if chosen is not None:
        _difference(chosen, session.clock())
