"""Log lines as a table, one line whole, and the columns of exported lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

import msgspec
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.export_files import MOMENT, TEXT, Shape
from dashboard.page_addresses import SEARCH
from dashboard.table import moments, selected_row, table
from dashboard.telemetry_panel import shared_parameters
from dashboard.telemetry_query import LEVELS, address, term, with_term
from sentinel.telemetry.answers import LogLineView

__all__ = ["LINES", "attributes_html", "lines_table", "moment_of_line", "one_line"]

CHOSEN = "logs-chosen"
"""Where a session keeps the id of the line that is shown whole."""
# White or black text is chosen by Streamlit; both stand out on these.
_CELL_COLOURS = ["#c4261b", "#c2520f", "#a87414", "#2b6cb0", "#667085", "#667085", "#667085"]
_MOST_LINKED = 200
"""Characters of a value that can be searched for by a link."""
_MOST_MESSAGE = 400
"""Characters of a message in the table."""


def moment_of_line(line: LogLineView) -> datetime:
    """Return when a line happened, to the microsecond."""
    return datetime.fromisoformat(line.timestamp[:26] + "+00:00")


def _cells(line: LogLineView) -> Sequence[Any]:
    return [
        moment_of_line(line), line.level, line.service_name, line.message, line.host,
        line.environment, line.logger, line.event, line.trace_id, line.span_id,
        msgspec.json.encode(line.attributes).decode(), msgspec.json.encode(line.resource).decode(),
        line.timestamp, line.id,
    ]  # fmt: skip


LINES = Shape(
    name="logs",
    columns={
        "time": MOMENT, "level": TEXT, "service": TEXT, "message": TEXT, "host": TEXT,
        "environment": TEXT, "logger": TEXT, "event": TEXT, "trace_id": TEXT, "span_id": TEXT,
        "attributes": TEXT, "resource": TEXT, "timestamp": TEXT, "id": TEXT,
    },
    cells=_cells,
    widths={"message": 80, "attributes": 48, "service": 16},
)  # fmt: skip


def _choose(key: str, ids: Sequence[str]) -> None:
    row = selected_row(key)
    st.session_state[CHOSEN] = ids[row] if row is not None and row < len(ids) else ""


def lines_table(lines: Sequence[LogLineView], query: str) -> None:
    """Show lines, and the selected one whole.

    Args:
        lines: in the order to be shown
        query: that found them
    """
    clock = session.clock()
    ids = [one.id for one in lines]
    chosen = str(st.session_state.get(CHOSEN, ""))
    place = ids.index(chosen) if chosen in ids else None
    rows = [
        {
            # The first columns are visible on a phone.
            "Level": [one.level], "Message": one.message[:_MOST_MESSAGE],
            "Service": one.service_name, "Time": clock.local(moment_of_line(one)),
            "Trace": one.trace_id[:8],
        }
        for one in lines
    ]  # fmt: skip
    # Streamlit keeps selections by position: other lines need another key.
    key = f"logs-{ids[0] if ids else ''}-{len(ids)}"
    table(
        pd.DataFrame(rows, columns=["Level", "Message", "Service", "Time", "Trace"]),
        key=key, row_height=30, most=560 if place is None else 300,
        on_select=partial(_choose, key, ids), selection_mode="single-row",
        selection_default={"selection": {"rows": [] if place is None else [place]}},
        column_config={
            "Time": moments(),
            "Level": st.column_config.MultiselectColumn(
                options=list(LEVELS), color=_CELL_COLOURS, width=76
            ),
            "Service": st.column_config.TextColumn(width=90),
            "Message": st.column_config.TextColumn(width=395),
            "Trace": st.column_config.TextColumn(width=80),
        },
        alt="Log lines; select a row to read it whole",
    )  # fmt: skip
    if place is None:
        st.html('<p class="small">Select a line to read it whole.</p>')
    else:
        one_line(lines[place], query)


def attributes_html(
    attributes: Mapping[str, str], query: str, page: str, more: Mapping[str, str]
) -> str:
    """Return attributes as a list whose values are links that search for them too.

    Args:
        attributes: values by name
        query: of the search that is gone on with
        page: that searches
        more: parameters of its address

    Returns:
        HTML; empty where there are none.
    """

    def shown(name: str, value: str) -> str:
        if not value or len(value) > _MOST_LINKED:
            return escape(value)
        searched = with_term(query, term(f"@{name}", value))
        where = escape(address(page, {**more, SEARCH: searched}))
        return f'<a href="{where}" target="_self" title="Search for it too">{escape(value)}</a>'

    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{shown(name, value)}</dd>"
        for name, value in sorted(attributes.items())
    )
    return f'<dl class="meanings attributes">{rows}</dl>' if rows else ""


def one_line(line: LogLineView, query: str) -> None:
    """Show one line whole, with links to its trace and to lines like it.

    Args:
        line: of the table
        query: that found it
    """
    more = shared_parameters()
    clock = session.clock()

    def link(page: str, text: str, **parameters: str) -> str:
        where = escape(address(page, {**more, **parameters}))
        return f'<a href="{where}" target="_self">{escape(text)}</a>'

    service = link(
        "logs", line.service_name, q=with_term(query, term("service", line.service_name))
    )
    fields = {
        "Time": f"{escape(clock.full(moment_of_line(line)))} "
        f"<small>{escape(line.timestamp)}</small>",
        "Level": escape(line.level)
        + (f" <small>sent as {escape(line.severity)}</small>" if line.severity else ""),
        "Service": service if line.service_name else "",
        "Host": escape(line.host), "Environment": escape(line.environment),
        "Logger": escape(line.logger), "Event": escape(line.event),
        "Trace": " · ".join(
            [
                link("traces", line.trace_id, trace=line.trace_id),
                link("logs", "logs of this trace", q=term("trace", line.trace_id)),
            ]
        ) if line.trace_id else "",
        "Span": escape(line.span_id),
    }  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{shown}</dd>" for name, shown in fields.items() if shown)
    st.html(
        f'<section class="one-line" aria-label="One log line"><h2 class="section">Message</h2>'
        f'<pre class="log-message">{escape(line.message)}</pre><dl class="meanings">{rows}</dl>'
        + _titled("Attributes", attributes_html(line.attributes, query, "logs", more))
        + _titled("Resource", attributes_html(line.resource, query, "logs", more))
        + "</section>"
    )


def _titled(title: str, content: str) -> str:
    return f'<h2 class="section">{title}</h2>{content}' if content else ""
