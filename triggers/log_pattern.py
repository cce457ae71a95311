"""Log lines of a new kind, of an unusual rate, or that come no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.printable import counted
from sentinel.telemetry.port import SeenPattern
from triggers._metrics import Duration, ago, length


@trigger(category="logs", unit="lines", closed_world=True, backtest=False)
def log_pattern(
    ctx: Context,
    mode: Literal["new", "spike", "silence"] = "new",
    service: str = "",
    level: str = "",
    over: Duration = timedelta(minutes=15),
    history: Duration = timedelta(days=1),
    minimum: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1,
    season: Duration = timedelta(0),
) -> Iterator[Reading]:
    """Patterns of log lines, by the statement that writes them: new, unusually many, or silent.

    What is listed is bad, and what is not listed any more is good. Patterns are found about a
    minute after their lines; where they are further behind, the rule has an error.

    Args:
        ctx: the time, and the logs of the rule's tenant
        mode: new: first seen within `over`; spike: a rate that is unusually high for the pattern,
            within `over`, by the detector of metric_anomaly, which also finds the anomalies that
            *Logs* keeps; silence: seen within `history` and not
            within `over`
        service: whose lines; empty for all
        level: for new and silence, of the lines: trace, debug, info, warn, error, critical; empty
            for all
        over: the length of the window, which ends now
        history: for silence, the time in which it had lines
        minimum: at least so many lines, within `over` or for silence within `history`
        season: for spike, compare with this long ago, such as 1d; 0s for no season

    Yields:
        A firing reading for each pattern.
    """
    window, past = length(over, "over"), length(history, "history")
    now = ctx.now()
    if mode == "spike":
        found = ctx.telemetry.unusual(service, now - window, now, season)
    elif mode == "new":
        found = ctx.telemetry.patterns(service, level.lower(), now - window, now)
        found = [one for one in found if one.created >= now - window]
    else:
        found = ctx.telemetry.patterns(service, level.lower(), now - past, now)
        found = [one for one in found if one.last < now - window]
    for one in found:
        if one.lines >= minimum:
            yield Reading(
                labels={"pattern": one.id, "service": one.service},
                value=one.lines,
                firing=True,
                summary=_summary(one, mode, window, now - one.last),
                details={"template": one.template, "sample": one.sample, "search": one.search,
                         "rarity": one.rarity, "usual": one.usual},
            )  # fmt: skip


def _summary(one: SeenPattern, mode: str, window: timedelta, silent: timedelta) -> str:
    whose = f" of {one.service}" if one.service else ""
    said = one.template[:200]
    if mode == "new":
        return f"New log pattern{whose}, {counted(one.lines, 'line')}: {said}"
    if mode == "spike":
        return (
            f"{one.lines:,} lines{whose} in {ago(window)}, usual are {one.usual:.3g} in 5m: {said}"
        )
    return f"No line{whose} for {ago(silent)}: {said}"
