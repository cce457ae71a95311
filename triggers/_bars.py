"""Market bars from wherever they are: a CSV or Parquet file, HTTP JSON, or a SQL query.

Whatever the source, what comes back is a table of `ticker`, `at` (UTC), `price` and `volume`,
in order; and a history can be replayed, so that old bars come one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import pandas as pd

from sentinel import Context
from sentinel.errors import ConfigurationError, TriggerError
from triggers._sources import asked
from triggers._web import json_of

__all__ = ["Columns", "day_of", "furthest", "load", "of_tickers", "replayed"]

_HOME = Path(__file__).parent.parent
_SECONDS = 30.0
_MOST_BARS = 2_000_000
_MILLISECONDS_FROM = 1e11
"""A number of seconds as large as this lies 3,000 years ahead, so it is milliseconds."""


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """What the source calls its columns; `volume` is empty where it is not needed."""

    ticker: str = "ticker"
    time: str = "date"
    price: str = ""
    volume: str = ""


def load(ctx: Context, source: str, query: str, records: str, columns: Columns) -> pd.DataFrame:
    """Load all bars of a source.

    Args:
        ctx: fills {secret:NAME} in the source
        source: a file, an http(s) address, or a SQLAlchemy URL
        query: for a SQL source
        records: where in the JSON the records are, for example data.bars; empty means all of it
        columns: what the source calls them

    Returns:
        One row for each bar, sorted by ticker and time; the columns have our own names.

    Raises:
        ConfigurationError: the source cannot be used as it is described
        SourceDown: it does not answer
        TriggerError: it answers something else
    """
    address = ctx.filled(source)
    if address.startswith(("http://", "https://")):
        content = json_of(address, seconds=_SECONDS)
        raw = _table(content, records, urlsplit(address).hostname or "the source")
    elif "://" in address:
        raw = _queried(ctx, source, query)
    else:
        raw = _read(address, records)
    return _bars(raw, columns)


def _read(name: str, records: str) -> pd.DataFrame:
    path = Path(name).expanduser()
    if not path.is_absolute() and not path.exists():
        path = _HOME / name  # what is shipped with Sentinel, wherever the worker was started
    try:
        if path.suffix in (".parquet", ".pq"):
            return pd.read_parquet(path)
        if path.suffix == ".json":
            return _table(msgspec.json.decode(path.read_bytes()), records, name)
        return pd.read_csv(path)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {name}", hint="Give a CSV, Parquet or JSON file."
        ) from None
    except (ValueError, OSError, msgspec.DecodeError) as error:
        raise TriggerError(f"{name} cannot be read as {path.suffix or 'CSV'}: {error}") from error


def _table(content: Any, records: str, where: str) -> pd.DataFrame:
    for name in records.split(".") if records else []:
        if not isinstance(content, dict) or name not in content:
            raise ConfigurationError(
                f"the JSON of {where} has no {records!r}",
                hint="Say in `records` where the list of bars is, for example data.bars.",
            )
        content = cast("dict[str, Any]", content)[name]
    try:
        return pd.DataFrame(content)  # a list of objects, or an object of lists
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the JSON of {where} is no table: {error}",
            hint="It must be a list of objects, or an object of lists of one length.",
        ) from None


def _queried(ctx: Context, source: str, query: str) -> pd.DataFrame:
    if not query:
        raise ConfigurationError(
            "a database needs a query",
            hint="Write one that selects ticker, date and the figures, oldest or newest first.",
        )
    rows = asked(ctx, source, query, most=_MOST_BARS, timeout=_SECONDS)
    if not rows:
        raise _no_bars()
    return pd.DataFrame(rows)


def _no_bars() -> TriggerError:
    return TriggerError("the source has no bars", hint="Is its query or its file the right one?")


def _bars(raw: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    given = {"ticker": columns.ticker, "at": columns.time}
    given |= {"price": columns.price} if columns.price else {}
    given |= {"volume": columns.volume} if columns.volume else {}
    missing = [name for name in given.values() if name not in raw.columns]
    if missing:
        raise ConfigurationError(
            f"the bars have no column {', '.join(missing)}",
            hint=f"There are: {', '.join(map(str, raw.columns)) or 'none'}.",
        )
    bars = pd.DataFrame({name: raw[column] for name, column in given.items()})
    try:
        if pd.api.types.is_numeric_dtype(bars["at"]):
            unit = "ms" if float(bars["at"].abs().max()) >= _MILLISECONDS_FROM else "s"
            bars["at"] = pd.to_datetime(bars["at"], unit=unit, utc=True)
        else:
            bars["at"] = pd.to_datetime(bars["at"], utc=True)
        for name in ("price", "volume"):
            if name in bars:
                bars[name] = pd.to_numeric(bars[name]).astype(float)
    except (ValueError, TypeError) as error:
        raise TriggerError(
            f"the bars hold something else than times and numbers: {error}"
        ) from None
    bars["ticker"] = bars["ticker"].astype(str)
    # A bar without a figure is one that was not seen.
    bars = bars.dropna()
    if bars.empty:
        raise _no_bars()
    return bars.sort_values(["ticker", "at"], kind="stable", ignore_index=True)


def of_tickers(ctx: Context, bars: pd.DataFrame, tickers: list[str]) -> pd.DataFrame:
    """Return the bars of these tickers, of all where none are named; one without is unknown."""
    if not tickers:
        return bars
    for missing in sorted(set(tickers) - set(bars["ticker"])):
        ctx.unknown({"ticker": missing})
    return bars[bars["ticker"].isin(tickers)]


def day_of(at: pd.Timestamp) -> str:
    """Return the day of a bar for people, with the time where it is not midnight."""
    return f"{at:%Y-%m-%d}" if at == at.normalize() else f"{at:%Y-%m-%d %H:%M} UTC"


def replayed(ctx: Context, bars: pd.DataFrame, days_a_minute: float, start: str) -> pd.DataFrame:
    """Return the bars that have come so far in a replay, which begins again after the last bar.

    The rule's state keeps when the replay began.

    Args:
        ctx: the clock, and the state
        bars: the whole history
        days_a_minute: so many of its days pass in a minute of ours; 0 means no replay
        start: the day to begin with, as 2008-01-31; empty means the first

    Returns:
        The rows of `bars` up to the replay's present moment; all of them without a replay.

    Raises:
        ConfigurationError: `start` is no day, or lies after the last bar
    """
    if not days_a_minute or bars.empty:
        return bars
    first, last = bars["at"].min().to_pydatetime(), bars["at"].max().to_pydatetime()
    if start:
        try:
            first = datetime.fromisoformat(start).replace(tzinfo=UTC)
        except ValueError:
            raise ConfigurationError(
                f"replay_from: {start!r} is no day", hint="Write it as 2008-01-31."
            ) from None
        if first >= last:
            raise ConfigurationError(
                f"replay_from: {start} lies after the last bar, which is of {last:%Y-%m-%d}"
            )
    now = ctx.now()
    begun = datetime.fromisoformat(ctx.state.setdefault("replay_began", now.isoformat()))
    length = last - first + timedelta(days=1)
    passed = (now - begun) / timedelta(minutes=1) * timedelta(days=days_a_minute)
    rounds, position = divmod(max(timedelta(0), passed), length)
    if ctx.state.get("replay_round", 0) != rounds:
        ctx.state["replay_round"] = rounds
        ctx.state.pop("judged", None)
    return bars[bars["at"] <= first + position]


def furthest(ctx: Context, bars: pd.DataFrame) -> Iterator[Any]:
    """Find the bar with the highest `score` of each ticker, among those to judge now.

    A ticker none of whose bars has a score has too few of them, and is unknown.

    Args:
        ctx: the rule's state, which keeps up to when bars were judged; notes unknown tickers
        bars: with the columns `ticker`, `at` and `score`, sorted by time

    Yields:
        One row of `bars` for each ticker with a score.
    """
    for ticker, seen in _newest(ctx, bars).groupby("ticker"):
        known = seen.dropna(subset=["score"])
        if known.empty:
            ctx.unknown({"ticker": str(ticker)})
            continue
        yield known.iloc[int(known["score"].argmax())]


def _newest(ctx: Context, bars: pd.DataFrame) -> pd.DataFrame:
    """Return the bars to judge now: the last one of each ticker, and all since the last evaluation.

    So no bar is passed over where several come between two evaluations.

    Args:
        ctx: the rule's state, which keeps up to when bars were judged
        bars: with the columns `ticker` and `at`

    Returns:
        The rows of `bars` to judge.
    """
    judged = ctx.state.get("judged")
    last = bars.index.isin(bars.groupby("ticker").tail(1).index)
    if judged is not None:
        last = last | (bars["at"] > datetime.fromisoformat(judged))
    if not bars.empty:
        ctx.state["judged"] = bars["at"].max().isoformat()
    return bars[last]
