"""What the pages Traces and Services draw: bars of a waterfall, and the map of services. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dashboard.telemetry_query import address
from sentinel.printable import counted
from sentinel.telemetry.answers import DependencyView, LatencyView, SpanView, TraceView

__all__ = [
    "MOST_BARS", "MOST_EDGES", "bars", "dot", "figures_html", "hue", "milliseconds", "percent",
    "rate",
]  # fmt: skip

MOST_BARS = 1_000
"""Spans of a waterfall."""
MOST_EDGES = 60
"""Dependencies of a map; those with most calls."""
_COLOURS = {
    "light": {"ink": "#111827", "soft": "#596273", "line": "#9aa4b2", "bad": "#c4261b",
              "panel": "#f4f6f9"},
    "dark": {"ink": "#e6eaf0", "soft": "#98a2b3", "line": "#596579", "bad": "#ff6b5e",
             "panel": "#131a24"},
}  # fmt: skip
_BAD = 0.05
"""The error rate from which a service or a dependency is drawn as failing."""


def hue(service: str) -> int:
    """Return the hue of a service, the same wherever it is drawn: 0 to 359 degrees."""
    return zlib.crc32(service.encode()) % 360


def milliseconds(given: float) -> str:
    """Return a duration ready to show: 0.41 ms, 12.3 ms, 250 ms, 1.25 s, 2 min 5 s."""
    if given < 1:
        return f"{given:.2g} ms"
    if given < 100:
        return f"{given:.1f} ms"
    if given < 1_000:
        return f"{given:.0f} ms"
    if given < 60_000:
        return f"{given / 1_000:.2f} s"
    minutes, rest = divmod(round(given / 1_000), 60)
    return f"{minutes} min {rest} s"


def percent(share: float) -> str:
    """Return a share in percent; what is more than nothing is never shown as 0%."""
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.1f}%"


def rate(per_second: float) -> str:
    """Return a rate ready to show, by the minute where it is small."""
    return f"{per_second:,.1f}/s" if per_second >= 1 else f"{60 * per_second:.2g}/min"


def bars(trace: TraceView, chosen: str) -> dict[str, Any]:
    """Return what the widget `waterfall` draws.

    Args:
        trace: whose spans are in the order of a waterfall
        chosen: id of the span whose attributes are shown

    Returns:
        Its data, of at most `MOST_BARS` spans.
    """
    whole = trace.duration_ms or 1.0

    def bar(span: SpanView) -> dict[str, Any]:
        return {
            "id": span.span_id, "service": span.service_name, "operation": span.operation_name,
            "depth": span.depth, "hue": hue(span.service_name), "bad": span.status == "Error",
            "left": round(100 * span.offset_ms / whole, 3),
            "width": round(100 * span.duration_ms / whole, 3),
            "took": milliseconds(span.duration_ms),
        }  # fmt: skip

    return {
        "of": trace.trace_id, "chosen": chosen,
        "marks": ["0", milliseconds(whole / 2), milliseconds(whole)],
        "spans": [bar(span) for span in trace.spans[:MOST_BARS]],
    }  # fmt: skip


def dot(
    services: Sequence[LatencyView], dependencies: Sequence[DependencyView], scheme: str,
    unseen: Sequence[tuple[str, str]] = (), alerts: Mapping[str, int] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the map of services in Graphviz's language.

    Args:
        services: with their figures
        dependencies: those with most calls first, of which `MOST_EDGES` are drawn
        scheme: light or dark
        unseen: dependencies of the catalog that no span showed in this time, drawn dashed
        alerts: how many live alerts a service has
        parameters: of the address of a service, to which its node leads

    Returns:
        A directed graph, from callers to callees.
    """
    colours = _COLOURS["dark" if scheme == "dark" else "light"]
    shown = dependencies[:MOST_EDGES]
    dashed, live = unseen[: MOST_EDGES - len(shown)], alerts or {}
    known = {one.service_name: one for one in services}
    outside = {one.callee for one in shown if not one.observed}
    # A service without calls stands by itself, while there is room.
    names = dict.fromkeys(
        [name for one in shown for name in (one.caller, one.callee)]
        + [name for both in dashed for name in both]
        + [one.service_name for one in services[: MOST_EDGES // 2]]
    )
    lines = [
        "digraph services {", 'rankdir=LR; bgcolor="transparent"; nodesep=0.3; ranksep=0.9;',
        f'node [shape=box style="rounded,filled" fontname="sans-serif" fontsize=12 penwidth=1.2 '
        f'fillcolor="{colours["panel"]}" fontcolor="{colours["ink"]}" color="{colours["line"]}"];',
        f'edge [fontname="sans-serif" fontsize=10 fontcolor="{colours["soft"]}" '
        f'color="{colours["line"]}" arrowsize=0.7];',
    ]  # fmt: skip
    for name in names:
        found = known.get(name)
        label = name if found is None else (
            f"{name}\n{rate(found.per_second)} · {percent(found.error_rate)} errors\n"
            f"P95 {milliseconds(found.p95_ms)}"
        )  # fmt: skip
        more = ' shape=cylinder style="filled"' if name in outside else ""
        href = address("services", {**(parameters or {}), "service": name})
        more += f' URL={_text(href)} target="_self" tooltip={_text(name)}'
        if count := live.get(name, 0):
            label += f"\n{counted(count, 'open alert')}"
        if count or (found is not None and found.error_rate >= _BAD):
            more += f' color="{colours["bad"]}" penwidth=2'
        lines.append(f"{_text(name)} [label={_text(label)}{more}];")
    for one in shown:
        label = f"{rate(one.per_second)}\n{milliseconds(one.p95_ms)}"
        more = ""
        if one.error_rate:
            label += f"\n{percent(one.error_rate)} errors"
        if one.error_rate >= _BAD:
            more = f' color="{colours["bad"]}" fontcolor="{colours["bad"]}"'
        lines.append(f"{_text(one.caller)} -> {_text(one.callee)} [label={_text(label)}{more}];")
    lines += [f"{_text(one)} -> {_text(other)} [style=dashed];" for one, other in dashed]
    return "\n".join([*lines, "}"])


def _text(given: str) -> str:
    r"""Return a text in quotes; Graphviz reads \N and the like, and nothing else, in a label."""
    return json.dumps(given.replace("\\", "\\\\").replace("\0", ""), ensure_ascii=False).replace(
        "\\\\\\\\", "\\\\"
    )


def figures_html(services: Sequence[LatencyView], more: Mapping[str, str]) -> str:
    """Return the golden signals of services as a table, with links to their traces and logs.

    Args:
        services: with their figures
        more: parameters of the links: tenant and time range

    Returns:
        HTML.
    """
    most = max((one.p95_ms for one in services), default=0) or 1.0

    def row(one: LatencyView) -> str:
        name = one.service_name
        links = " · ".join(
            f'<a href="{escape(address(page, {**more, field: value}))}" target="_self" '
            f'aria-label="{page} of {escape(name)}">{title}</a>'
            for page, title, field, value in (
                ("traces", "Traces", "service", name),
                ("logs", "Logs", "q", f"service:{json.dumps(name, ensure_ascii=False)}"),
            )
        )  # fmt: skip
        bad = ' class="is-bad"' if one.error_rate >= _BAD else ""
        return (
            f"<tr><th scope=row>{escape(name)}</th><td>{rate(one.per_second)}</td>"
            f"<td{bad}>{percent(one.error_rate)}</td><td>{milliseconds(one.p50_ms)}</td>"
            f'<td><span class="bar"><i style="width:{100 * one.p95_ms / most:.0f}%"></i></span>'
            f"{milliseconds(one.p95_ms)}</td><td>{milliseconds(one.p99_ms)}</td><td>{links}</td></tr>"
        )

    heads = ("Service", "Requests", "Errors", "P50", "P95", "P99", "Open")
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return (
        '<div class="scrolls" tabindex="0" role="region" aria-label="Golden signals">'
        f'<table class="roles signals"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(row(one) for one in services)}</tbody></table></div>"
    )
