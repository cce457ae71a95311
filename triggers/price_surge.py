"""How far prices have moved, per ticker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._bars import Columns, day_of, furthest, load, of_tickers, replayed


@trigger(category="market", when=above(5))
def price_surge(
    ctx: Context,
    source: str,
    query: str = "",
    method: Literal["percent", "zscore"] = "percent",
    direction: Literal["up", "down", "either"] = "either",
    over_bars: Annotated[int, Field(ge=1, le=10_000)] = 1,
    window: Annotated[int, Field(ge=5, le=10_000)] = 20,
    tickers: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    ticker_column: str = "ticker",
    time_column: str = "date",
    price_column: str = "close",
    records: str = "",
    replay_days_a_minute: Annotated[float, Field(ge=0, le=10_000)] = 0.0,
    replay_from: str = "",
) -> Iterator[Reading]:
    """How far the price of every ticker has moved: in percent, or in standard deviations.

    As percent it is the change from the price so many bars before. As a z-score it is that
    change less the mean of the changes in the window before it, in standard deviations of
    them. Where several bars have come since the last evaluation, the one that moved most counts.

    Args:
        ctx: the time, the rule's state, and what {secret:NAME} stands for
        source: a CSV, Parquet or JSON file, an http(s) address of JSON, or a SQLAlchemy URL,
            in which {secret:NAME} is filled from the Prefect Secret block of that name
        query: for a SQLAlchemy URL: the SELECT that gives the bars
        method: percent, or zscore for what is unusual for this very ticker
        direction: up, down, or either
        over_bars: the change is from the price this many bars before
        window: so many changes before it say what is usual; for zscore
        tickers: only these; empty means all
        ticker_column: what the source calls the ticker
        time_column: what it calls the time of a bar
        price_column: what it calls the price
        records: in JSON, where the list of bars is, for example data.bars
        replay_days_a_minute: replay old bars, so many of their days in a minute; 0 means the
            newest bars are taken for what they are
        replay_from: the day with which a replay begins; empty means the first

    Yields:
        For each ticker one reading with the label `ticker`: how far its price moved, in percent or
        in standard deviations.
    """
    columns = Columns(ticker=ticker_column, time=time_column, price=price_column)
    bars = of_tickers(ctx, load(ctx, source, query, records, columns), tickers)
    bars = replayed(ctx, bars, replay_days_a_minute, replay_from).copy()
    by = bars.groupby("ticker")
    bars["before"] = by["price"].shift(over_bars)
    bars["change"] = 100 * (bars["price"] / bars["before"] - 1)
    if method == "percent":
        bars["score"] = bars["change"]
    else:
        usual = bars.groupby("ticker")["change"].shift(1).groupby(bars["ticker"]).rolling(window)
        mean, spread = usual.mean().droplevel(0), usual.std().droplevel(0)
        bars["score"] = (bars["change"] - mean) / spread.where(spread > 0)
    bars["score"] = {"up": 1, "down": -1}.get(direction, 0) * bars["score"] + (
        bars["score"].abs() if direction == "either" else 0
    )
    for bar in furthest(ctx, bars):
        yield _reading(bar, method, window)


def _reading(bar: Any, method: str, window: int) -> Reading:
    change, score = float(bar["change"]), float(bar["score"])
    day = day_of(bar["at"])
    unusual = "" if method == "percent" else f", {score:.1f} standard deviations of {window} bars"
    return Reading(
        labels={"ticker": bar["ticker"][:200]},
        value=round(score, 4),
        summary=(
            f"{bar['ticker']} {'up' if change >= 0 else 'down'} {abs(change):.1f} percent "
            f"to {bar['price']:g} on {day}, from {bar['before']:g}{unusual}"
        ),
        details={
            "price": float(bar["price"]),
            "before": float(bar["before"]),
            "change_percent": round(change, 4),
            "bar": bar["at"].isoformat(),
            "method": method,
        },
    )
