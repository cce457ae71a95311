"""Two backtests of one rule, side by side, as Markdown for a review. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sentinel.backtest.result import Backtest, ReplayedAlert
from sentinel.duration import format_duration

__all__ = ["difference"]

_MOST = 20


def difference(before: Backtest, after: Backtest, edits: Sequence[str] = ()) -> str:
    """Write what `after` would have done differently from `before`.

    Args:
        before: the rule as it is
        after: the rule as it would be, over the same time
        edits: what was changed in it, a line each

    Returns:
        Lines of text, with a line feed at the end.
    """
    return "\n".join(_lines(before, after, edits)).rstrip() + "\n"


def _lines(before: Backtest, after: Backtest, edits: Sequence[str]) -> Iterator[str]:
    yield f"### {before.rule}"
    yield ""
    yield from (f"- {_plain(edit)}" for edit in edits)
    if edits:
        yield ""
    kind = "events" if before.of == "events" else "evaluations"
    yield f"{_day(before.since)} to {_day(before.until)} UTC, {before.evaluations:,} {kind}."
    yield ""
    yield "| | now | changed |"
    yield "|---|---:|---:|"
    for name, one, other in (
        *_of_events(before, after),
        ("alerts", len(before.alerts), len(after.alerts)),
        ("times opened", _opened(before), _opened(after)),
        ("open, all together", _said(before.open_for), _said(after.open_for)),
        ("messages", len(before.messages), len(after.messages)),
    ):
        yield f"| {name} | {one} | {other} |"
    yield ""
    old = {_key(one): one for one in before.alerts}
    new = {_key(one): one for one in after.alerts}
    gone = [one for key, one in old.items() if key not in new]
    fresh = [one for key, one in new.items() if key not in old]
    changed = [
        (one, new[key])
        for key, one in old.items()
        if key in new and _facts(one) != _facts(new[key])
    ]
    if not gone and not fresh and not changed:
        yield "The same alerts would have opened and resolved at the same times."
    yield from _listed("Would not have opened", gone, after.until)
    yield from _listed("Would have opened as well", fresh, after.until)
    if changed:
        yield "**Otherwise**"
        yield ""
        for one, other in changed[:_MOST]:
            yield (
                f"- {_plain(one.title)}: {_times(one, before.until)} → {_times(other, after.until)}"
            )
        yield from _rest(len(changed))
        yield ""
    for note in dict.fromkeys((*before.notes, *after.notes)):
        yield f"> {note}"
    for which, found in (("now", before), ("changed", after)):
        if found.failed:
            yield f"> {which}: {found.failed:,} evaluations could not be judged: {found.error}"


def _of_events(before: Backtest, after: Backtest) -> Iterator[tuple[str, object, object]]:
    if before.of == "events":
        yield "matches of policies", before.bad, after.bad


def _listed(heading: str, alerts: Sequence[ReplayedAlert], until: datetime) -> Iterator[str]:
    if not alerts:
        return
    yield f"**{heading}**"
    yield ""
    for one in alerts[:_MOST]:
        yield f"- {_plain(one.title)}: {_times(one, until)}"
    yield from _rest(len(alerts))
    yield ""


def _rest(count: int) -> Iterator[str]:
    if count > _MOST:
        yield f"- … and {count - _MOST:,} more"


def _key(one: ReplayedAlert) -> tuple[object, ...]:
    """Return the series, and the spell it began with: an alert that came back later is another."""
    return one.rule, one.source, tuple(sorted(one.labels.items())), one.spells[0].opened


def _facts(one: ReplayedAlert) -> tuple[object, ...]:
    return one.rank, tuple(one.spells)


def _times(one: ReplayedAlert, until: datetime) -> str:
    first, last = one.spells[0], one.spells[-1]
    times = f", {len(one.spells)} times" if len(one.spells) > 1 else ""
    end = "still open" if last.ended is None else f"until {_day(last.ended)}"
    return f"{one.severity}, {_day(first.opened)} {end}{times} ({_said(one.lasted(until))})"


def _opened(found: Backtest) -> int:
    return sum(len(one.spells) for one in found.alerts)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _said(length: timedelta) -> str:
    return format_duration(timedelta(seconds=round(length.total_seconds())))


def _plain(text: str) -> str:
    """Text of a check, which is no Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in " ".join(text.split()))
