"""Requests of the request log as a table, one request whole, and the columns of a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

import msgspec
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.export_files import MOMENT, NUMBER, TEXT, WHOLE, Shape
from dashboard.page_addresses import SEARCH
from dashboard.table import moments, selected_row, table
from dashboard.telemetry_panel import shared_parameters
from dashboard.telemetry_query import address, term, with_term
from sentinel.api_usage.answers import RequestView
from sentinel.api_usage.exported import REQUEST_FILE, USAGE_FILE

__all__ = ["REQUESTS", "USAGE", "requests_table"]

CHOSEN = "request-chosen"
"""Where a session keeps the place of the request that is shown whole."""


def _moment(one: RequestView) -> datetime:
    return datetime.fromisoformat(one.timestamp[:26] + "+00:00")


def _cells(one: RequestView) -> Sequence[Any]:
    return [
        msgspec.json.encode(cell).decode() if isinstance(cell, dict) else cell
        for cell in REQUEST_FILE.cells(one)
    ]


_KINDS = {"text": TEXT, "texts": TEXT, "whole": WHOLE, "number": NUMBER, "moment": MOMENT}
REQUESTS = Shape(
    name=REQUEST_FILE.name,
    columns={name: _KINDS[kind] for name, kind in REQUEST_FILE.columns.items()},
    cells=_cells,
    widths={"path": 40, "endpoint": 30},
)


USAGE = Shape(
    name=USAGE_FILE.name,
    columns={name: _KINDS[kind] for name, kind in USAGE_FILE.columns.items()},
    cells=USAGE_FILE.cells,
    widths={"value": 40},
)


def _choose(key: str) -> None:
    st.session_state[CHOSEN] = (key, selected_row(key))


def requests_table(found: Sequence[RequestView], query: str, asked: object) -> None:
    """Show requests, and the selected one whole.

    Args:
        found: in the order to be shown
        query: that found them
        asked: what was looked for, equal for the same rows
    """
    clock = session.clock()
    key = f"requests-{asked!r}-{len(found)}"
    chosen: tuple[str, int | None] = st.session_state.get(CHOSEN, ("", None))
    place = chosen[1] if chosen[0] == key else None
    rows = [
        {
            # The first columns are visible on a phone.
            "Status": one.status, "Request": f"{one.method} {one.path or one.endpoint}".strip(),
            "Consumer": one.consumer, "ms": round(one.duration_ms, 1),
            "Time": clock.local(_moment(one)), "Service": one.service, "Refused by": one.refused_by,
        }
        for one in found
    ]  # fmt: skip
    columns = ["Status", "Request", "Consumer", "ms", "Time", "Service", "Refused by"]
    table(
        pd.DataFrame(rows, columns=columns), key=key, row_height=30,
        most=560 if place is None else 300, on_select=partial(_choose, key),
        selection_mode="single-row",
        column_config={
            "Time": moments(),
            "Status": st.column_config.NumberColumn(format="plain", width=64),
            "Request": st.column_config.TextColumn(width=260),
        },
        alt="Requests; select a row to read it whole",
    )  # fmt: skip
    if place is None:
        st.html('<p class="small">Select a request to read it whole.</p>')
    else:
        _one(found[place], query)


def _one(one: RequestView, query: str) -> None:
    """Show a request whole; its values are links that search for them too."""
    shared = shared_parameters()

    def link(words: str, page: str, parameters: dict[str, str]) -> str:
        where = escape(address(page, {**shared, **parameters}))
        return f'<a href="{where}" target="_self">{words}</a>'

    def searched(field: str, value: str) -> str:
        if not value:
            return "–"
        found = with_term(query, term(field, value))
        return link(escape(value), "requests", {SEARCH: found})

    fields = {
        "Time": escape(session.clock().full(_moment(one))),
        "Service": searched("service", one.service),
        "Consumer": searched("consumer", one.consumer),
        "Key": searched("key", one.key),
        "Plan": searched("plan", one.plan),
        "Endpoint": searched("endpoint", one.endpoint),
        "Path": searched("path", one.path),
        "Status": searched("status", str(one.status)),
        "Latency": f"{one.duration_ms:,.3f} ms",
        "Bytes": f"{one.request_bytes:,} in, {one.response_bytes:,} out",
        "Address": searched("address", one.address),
        "User agent": searched("agent", one.agent),
        "Refused by": searched("refused", one.refused_by),
        "Trace": link(escape(one.trace_id), "traces", {"trace": one.trace_id})
        if one.trace_id
        else "–",
        **{f"@{name}": searched(f"@{name}", value) for name, value in sorted(one.headers.items())},
    }
    shown = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in fields.items())
    st.html(f'<dl class="meanings attributes">{shown}</dl>')
    if one.consumer:
        words = link(f"What {escape(one.consumer)} does", "api-usage", {"consumer": one.consumer})
        st.html(f'<p class="small">{words}</p>')
