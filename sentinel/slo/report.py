"""A report of SLOs: Markdown, and HTML that stands by itself. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

import msgspec

from sentinel.slo.budget import Health, Status
from sentinel.slo.definition import SloDefinition
from sentinel.slo.history import Violation

__all__ = ["WORDS", "ReportedSlo", "as_html", "as_markdown", "html_body", "percent_good"]

WORDS = {
    Health.HOLDS: "holds",
    Health.AT_RISK: "at risk",
    Health.VIOLATED: "violated",
    Health.NOT_ENOUGH_DATA: "not enough data",
}
"""How an objective stands, for people."""
_COLUMNS = ("SLO", "Service", "Team", "Objective", "Status", "Good events", "Budget left",
            "Burn rate", "Events")  # fmt: skip


class ReportedSlo(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO as the report shows it."""

    definition: SloDefinition
    statuses: Sequence[Status]
    violations: Sequence[Violation]


def as_markdown(
    slos: Sequence[ReportedSlo], since: datetime, now: datetime, more: str | None = None
) -> str:
    """Return the report as Markdown.

    Args:
        slos: in the order of the report
        since: from when on violations are listed
        now: the present moment
        more: where the report of further SLOs begins; None where there are none

    Returns:
        The text; what people wrote in definitions is escaped.
    """
    lines = [
        f"# {_title(now)}", "", _summary(slos), "",
        f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}",
        *(f"| {' | '.join(map(_escaped, row))} |" for row in _rows(slos)),
        "", f"## Violations since {since:%Y-%m-%d}", "",
    ]  # fmt: skip
    violations = [f"- {_escaped(one)}" for one in _violations(slos)] or ["There were none."]
    rest = [] if more is None else ["", _escaped(_more(more))]
    return "\n".join([*lines, *violations, *rest]) + "\n"


def as_html(
    slos: Sequence[ReportedSlo], since: datetime, now: datetime, more: str | None = None
) -> str:
    """Return the report as a page of HTML that loads nothing; see `as_markdown`."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{_title(now)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body>{html_body(slos, since, now, more)}</body></html>
"""


def html_body(
    slos: Sequence[ReportedSlo], since: datetime, now: datetime, more: str | None = None
) -> str:
    """Return what stands in the page of `as_html`, for a page that has a style of its own."""
    head = "".join(f"<th scope=col>{one}</th>" for one in _COLUMNS)
    rows = "\n".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row in _rows(slos)
    )
    violations = "".join(f"<li>{html.escape(one)}</li>" for one in _violations(slos))
    listed = f"<ul>{violations}</ul>" if violations else "<p>There were none.</p>"
    rest = "" if more is None else f"<p>{html.escape(_more(more))}</p>"
    return f"""<h1>{_title(now)}</h1><p>{html.escape(_summary(slos))}</p>
<div class="wide" tabindex="0" role="region" aria-label="SLOs">
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
<h2>Violations since {since:%Y-%m-%d}</h2>{listed}{rest}"""


def _more(cursor: str) -> str:
    return f"There are further SLOs, after {cursor}."


def _title(now: datetime) -> str:
    return f"SLO report of {now:%Y-%m-%d %H:%M} UTC"


_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;"
    "margin:2rem auto;padding:0 1rem}.wide{overflow-x:auto}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:.35rem .7rem;border-bottom:1px solid #8886;white-space:nowrap}"
    "@media print{body{margin:0}}"
)


def _summary(slos: Sequence[ReportedSlo]) -> str:
    every = [status.health for one in slos for status in one.statuses]
    parts = [f"{every.count(health)} {WORDS[health]}" for health in Health if health in every]
    return (
        f"{len(slos)} SLOs, {len(every)} objectives: {', '.join(parts)}." if every else "No SLOs."
    )


def _rows(slos: Sequence[ReportedSlo]) -> list[tuple[str, ...]]:
    return [
        (
            one.definition.name,
            one.definition.service,
            one.definition.team,
            status.objective,
            WORDS[status.health],
            percent_good(status),
            "" if status.budget_left is None else f"{status.budget_left:.1%}",
            "" if status.burn_rate is None else f"{status.burn_rate:.3g}",
            f"{status.counted.total:,.0f}",
        )
        for one in slos
        for status in one.statuses
    ]


def percent_good(status: Status) -> str:
    """Return the share of good events as people read it; empty without enough data."""
    if status.compliance is None:
        return ""
    # Rounded down, with two decimals more than the target: what is violated never looks like 100%.
    good, total = Decimal(status.counted.good), Decimal(status.counted.total)
    decimals = max(0, -int(Decimal(repr(status.target)).normalize().as_tuple().exponent))
    percent = (good * 100 / total).quantize(Decimal(1).scaleb(-decimals - 2), ROUND_FLOOR)
    return f"{percent.normalize():f}%"


def _violations(slos: Sequence[ReportedSlo]) -> list[str]:
    return [
        f"{one.definition.name}, {violation.objective}: from {violation.start:%Y-%m-%d %H:%M} "
        + ("on" if violation.end is None else f"to {violation.end:%Y-%m-%d %H:%M}")
        + f", at worst {violation.worst_budget_left:.0%} of the budget left"
        for one in slos
        for violation in one.violations
    ]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)
