"""The inputs of an indicator in the form of an SLO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.slo_fields import INDICATORS, lines_of
from dashboard.slo_inputs import Slots, key_of, line_of, number_of
from sentinel.slo.definition import KINDS, SloDefinition

__all__ = ["indicator_inputs"]


def _metric_part(label: str, name: str, given: Any, slots: Slots, field: str) -> dict[str, Any]:
    with st.container(width=300):
        metric = line_of(f"{label}: metric", f"{name}-metric", given.metric if given else "")
        slots.below(f"{field}.metric", field)
        match = st.text_area(f"{label}: matchers", "\n".join(given.match) if given else "",
                             key=key_of(f"{name}-match"), height=68, placeholder='code=~"5.."',
                             help="One on each line; all must hold")  # fmt: skip
        slots.below(f"{field}.match")
    return {"metric": metric, "match": lines_of(match)}


def indicator_inputs(found: SloDefinition | None, slots: Slots) -> dict[str, Any]:
    """Show the inputs of an indicator.

    Args:
        found: the SLO that is edited; None for a new one
        slots: for what is wrong

    Returns:
        The indicator as a definition has it.
    """
    st.html('<h2 class="section">Indicator</h2>')
    there: Any = found.indicator if found else None
    kind = str(st.selectbox(
        "Good events", list(KINDS), key=key_of("kind"), width=380,
        index=KINDS.index(there.kind) if there else 0,
        format_func=lambda one: INDICATORS.get(str(one), str(one)),
    ))  # fmt: skip
    slots.below("indicator", "indicator.kind")
    given = there if there and there.kind == kind else None
    if kind == "measurements":
        st.html('<p class="small">Record good and all events with POST '
                "/api/slo/{name}/measurements.</p>")  # fmt: skip
        return {"kind": kind}
    with st.container(horizontal=True, gap="small"):
        if kind == "ratio":
            return _ratio(given, slots)
        if kind in _OTHERS:
            return _OTHERS[kind](given, slots)
        return {"kind": kind, **_metric(kind, given, slots)}


def _ratio(given: Any, slots: Slots) -> dict[str, Any]:
    with st.container(width=220):
        side = st.segmented_control(
            "The metric counts", ["good", "bad"], key=key_of("side"), required=True,
            default="good" if given and given.good else "bad",
            format_func=lambda one: f"{one} events",
        )  # fmt: skip
        counter = st.checkbox(
            "Counters that only rise", given.counter if given else True, key=key_of("counter"),
            help="Else each sample is a number of events by itself",
        )  # fmt: skip
    side = str(side)
    part = getattr(given, side) if given else None
    return {
        "kind": "ratio", "counter": counter,
        side: _metric_part(side.capitalize(), "part", part, slots, f"indicator.{side}"),
        "total": _metric_part("All", "total", given.total if given else None, slots,
                              "indicator.total"),
    }  # fmt: skip


def _metric(kind: str, given: Any, slots: Slots) -> dict[str, Any]:
    part = _metric_part("Histogram" if kind == "latency" else "Samples", kind, given, slots,
                        "indicator")  # fmt: skip
    with st.container(width=220):
        unit = "At most, in the metric's unit"
        below = number_of(unit, f"{kind}-below", given.below if given else None,
                        help="A bound (label le) that the histogram has" if kind == "latency"
                        else "A sample is good up to this value")  # fmt: skip
        slots.below("indicator.below")
        if kind == "latency":
            return {**part, "below": below}
        above = number_of("At least", f"{kind}-above", given.above if given else None)
        slots.below("indicator.above")
    return {**part, "below": below, "above": above}


def _runs(given: Any, slots: Slots) -> dict[str, Any]:
    with st.container(width=380):
        names = st.text_area(
            "Deployments", "\n".join(given.deployments) if given else "", key=key_of("deployments"),
            height=68, placeholder="etl/nightly*",
            help="flow/deployment, one on each line; * means anything",
        )  # fmt: skip
        slots.below("indicator.deployments")
    with st.container(width=220):
        ready = line_of("Ready by", "ready", given.ready_by or "" if given else "",
                      placeholder="06:00",
                      help="Empty: each run is one event. Else each day is one, good where a run "
                      "completed by this time")  # fmt: skip
        slots.below("indicator.ready_by")
        zone = line_of("Time zone", "ready-zone", given.timezone if given else session.zone())
        slots.below("indicator.timezone")
    return {"kind": "prefect_runs", "deployments": lines_of(names), "ready_by": ready or None,
            "timezone": zone}  # fmt: skip


def _traces(given: Any, slots: Slots) -> dict[str, Any]:
    with st.container(width=300):
        service = line_of("Spans of the service", "span-service", given.service if given else "",
                             max_chars=300)  # fmt: skip
        slots.below("indicator.service")
        operation = line_of(
            "Operation",
            "span-operation",
            given.operation if given else "",
            max_chars=300,
            help="The name of the spans; empty for all",
        )
        slots.below("indicator.operation")
    with st.container(width=300):
        where = line_of(
            "Only spans that match",
            "span-where",
            given.where if given else "",
            placeholder="kind:server",
            help="In the language of the page Traces",
        )
        slots.below("indicator.where")
        below = number_of(
            "At most, in ms", "span-below", given.below_ms if given else None,
            help="A span is good up to this duration; one with the status error never is. "
            "Empty for any duration",
        )  # fmt: skip
        slots.below("indicator.below_ms")
    return {"kind": "traces", "service": service, "operation": operation, "where": where,
            "below_ms": below}  # fmt: skip


def _requests(given: Any, slots: Slots) -> dict[str, Any]:
    return _share(given, slots, "requests", "Requests that count",
                  "In the language of the request log; empty for all", "status:>=500")  # fmt: skip


def _logs(given: Any, slots: Slots) -> dict[str, Any]:
    return _share(given, slots, "logs", "Lines that count", "In the language of the page Logs",
                  "level:>=error")  # fmt: skip


def _share(given: Any, slots: Slots, kind: str, label: str, about: str, bad: str) -> dict[str, Any]:
    with st.container(width=380):
        total = line_of(label, f"{kind}-total", given.total if given else "",
                        placeholder="service:checkout", help=about)  # fmt: skip
        slots.below("indicator.total")
    with st.container(width=380):
        side = str(st.segmented_control(
            "What matches", ["good", "bad"], key=key_of(f"{kind}-side"), required=True,
            default="good" if given and given.good else "bad",
        ))  # fmt: skip
        query = line_of("Query", f"{kind}-{side}", (getattr(given, side) or "") if given else "",
                        placeholder=bad if side == "bad" else "")  # fmt: skip
        slots.below(f"indicator.{side}")
    return {"kind": kind, "total": total, side: query}


_OTHERS: dict[str, Callable[[Any, Slots], dict[str, Any]]] = {
    "prefect_runs": _runs, "traces": _traces, "logs": _logs, "requests": _requests,
}  # fmt: skip
