"""How much more is traded than usual, per ticker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._bars import Columns, day_of, furthest, load, of_tickers, replayed


@trigger(category="market", when=above(200))
def volume_spike(
    ctx: Context,
    source: str,
    query: str = "",
    method: Literal["percent", "zscore"] = "percent",
    window: Annotated[int, Field(ge=5, le=10_000)] = 20,
    smallest_volume: Annotated[float, Field(ge=0)] = 0.0,
    tickers: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    ticker_column: str = "ticker",
    time_column: str = "date",
    volume_column: str = "volume",
    records: str = "",
    replay_days_a_minute: Annotated[float, Field(ge=0, le=10_000)] = 0.0,
    replay_from: str = "",
) -> Iterator[Reading]:
    """How far the volume of every ticker lies above the mean of the window before it.

    As percent, 200 means three times the usual; as a z-score, in standard deviations of the
    window. Where several bars have come since the last evaluation, the one furthest above counts.

    Args:
        ctx: the time, the rule's state, and what {secret:NAME} stands for
        source: a CSV, Parquet or JSON file, an http(s) address of JSON, or a SQLAlchemy URL,
            in which {secret:NAME} is filled from the Prefect Secret block of that name
        query: for a SQLAlchemy URL: the SELECT that gives the bars
        method: percent above the mean, or zscore
        window: so many bars before it say what is usual
        smallest_volume: what is traded less than this is not judged
        tickers: only these; empty means all
        ticker_column: what the source calls the ticker
        time_column: what it calls the time of a bar
        volume_column: what it calls the volume
        records: in JSON, where the list of bars is, for example data.bars
        replay_days_a_minute: replay old bars, so many of their days in a minute; 0 means the
            newest bars are taken for what they are
        replay_from: the day with which a replay begins; empty means the first

    Yields:
        For each ticker one reading with the label `ticker`: how far its volume lies above the mean,
        in percent or in standard deviations.
    """
    columns = Columns(ticker=ticker_column, time=time_column, volume=volume_column)
    bars = of_tickers(ctx, load(ctx, source, query, records, columns), tickers)
    bars = replayed(ctx, bars, replay_days_a_minute, replay_from).copy()
    before = bars.groupby("ticker")["volume"].shift(1).groupby(bars["ticker"]).rolling(window)
    bars["usual"] = before.mean().droplevel(0)
    above_usual = bars["volume"] - bars["usual"]
    if method == "percent":
        bars["score"] = 100 * above_usual / bars["usual"].where(bars["usual"] > 0)
    else:
        spread = before.std().droplevel(0)
        bars["score"] = above_usual / spread.where(spread > 0)
    for bar in furthest(ctx, bars):
        yield _reading(bar, method, window, too_small=float(bar["volume"]) < smallest_volume)


def _reading(bar: Any, method: str, window: int, *, too_small: bool) -> Reading:
    volume, usual, score = float(bar["volume"]), float(bar["usual"]), float(bar["score"])
    day = day_of(bar["at"])
    unusual = "" if method == "percent" else f", {score:.1f} standard deviations above"
    times = f", {volume / usual:.1f} times" if usual > 0 else ", against"
    return Reading(
        labels={"ticker": bar["ticker"][:200]},
        value=round(score, 4),
        firing=False if too_small else None,
        summary=(
            f"{bar['ticker']} traded {volume:,.0f} on {day}{times} "
            f"the mean of {window} bars{unusual}"
        ),
        details={
            "volume": volume,
            "usual": round(usual, 4),
            "bar": bar["at"].isoformat(),
            "method": method,
        },
    )
