"""The facets of log lines: how many lines each service, level and value of an attribute has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dashboard.page_addresses import SEARCH
from dashboard.telemetry_panel import Search, shared_parameters
from dashboard.telemetry_query import address, term, with_term
from sentinel.telemetry.answers import LogLineView, LogStatisticsView
from sentinel.telemetry.asked import Asked

__all__ = ["ATTRIBUTE", "attribute_names", "chosen_attribute", "facets", "shares_html"]

ATTRIBUTE = "facet"
"""The parameter of the address that names the field whose values are counted."""
FIELDS = ("host", "env", "logger", "event")
MOST = 10
"""Values of a list."""


def chosen_attribute() -> str:
    """Return the field whose values are counted, of the address where it is not drawn yet."""
    state = st.session_state
    return str((state[ATTRIBUTE] if ATTRIBUTE in state else st.query_params.get(ATTRIBUTE)) or "")


def attribute_names(lines: Sequence[LogLineView]) -> list[str]:
    """Return the attributes that lines have, as `@name`, the most frequent first."""
    counts = Counter(name for one in lines for name in (*one.attributes, *one.resource))
    return [f"@{name}" for name, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def shares_html(title: str, counts: Mapping[str, int], field: str, query: str) -> str:
    """Return bars that are links: each adds its value to the query.

    Args:
        title: of the list
        counts: lines by value
        field: whose values they are
        query: that is gone on with

    Returns:
        HTML.
    """
    most = max(counts.values(), default=1)
    more = shared_parameters()
    rows = "".join(
        f'<li><a href="{escape(_link(more, query, field, value))}" target="_self" '
        f'title="{escape(value)}">{escape(value)}</a>'
        f'<span class="bar of-level-{escape(value) if field == "level" else "other"}">'
        f'<i style="width:{100 * count / most:.0f}%"></i></span><b>{count:,}</b></li>'
        for value, count in list(counts.items())[:MOST]
    )
    shown = f'<ul class="shares">{rows}</ul>' if rows else '<p class="small">None.</p>'
    return f'<h2 class="section">{escape(title)}</h2>{shown}'


def _link(more: Mapping[str, str], query: str, field: str, value: str) -> str:
    return address("logs", {**more, SEARCH: with_term(query, term(field, value))})


def facets(search: Search, found: Asked, lines: Sequence[LogLineView] | None) -> None:
    """Show the facets of a search.

    Args:
        search: that counts them, as `counts` and `facet`
        found: what is looked for
        lines: of the page, whose attributes can be chosen; None while they are searched
    """
    counted: LogStatisticsView | None = search.shown("counts", "Counting by service and level …")
    if counted is not None:
        services = {name: sum(levels.values()) for name, levels in counted.services.items()}
        levels = dict(sorted(counted.levels.items(), key=lambda one: -one[1]))
        known = {level: count for level, count in levels.items() if level != "unknown"}
        named = {name: count for name, count in services.items() if name}
        st.html(
            shares_html("Level", known, "level", found.query)
            + shares_html("Service", named, "service", found.query)
        )
    chosen = chosen_attribute()
    names = [*FIELDS, *attribute_names(lines or ())]
    if chosen and chosen not in names:
        names.insert(0, chosen)
    st.selectbox(
        "Values of", names, index=None, key=ATTRIBUTE, bind="query-params", placeholder="a field",
    )  # fmt: skip
    if not chosen:
        return
    values = search.shown("facet", "Counting …")
    if values is not None:
        st.html(
            shares_html(
                chosen, {one.value: one.count for one in values.values}, chosen, found.query
            )
        )
