"""price_surge and volume_spike on real daily bars, from every kind of source."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine

from sentinel import Context
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, SentinelError, SourceDown, TriggerError
from sentinel.rules.condition import judge
from tests.prefect_server import free_port
from triggers.price_surge import price_surge
from triggers.volume_spike import volume_spike

SHIPPED = "deployments/demo/daily-bars.csv.gz"


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """What is shipped: five shares, 2008 to 2013."""
    return pd.read_csv(Path(__file__).parents[2] / SHIPPED)


def until(history: pd.DataFrame, day: str, path: Path) -> str:
    """A file of the bars as they were on that day."""
    file = path / f"{day}.csv"
    history[history["date"] <= day].to_csv(file, index=False)
    return str(file)


def by_ticker(readings: list[Reading]) -> dict[str, Reading]:
    return {reading.labels["ticker"]: reading for reading in readings}


# Days of which newspapers of the time say the same.
@pytest.mark.parametrize(
    ("day", "ticker", "percent"),
    [
        ("2008-04-18", "GOOG", 20.0),
        ("2008-09-29", "AAPL", -17.9),
        ("2008-10-13", "MSFT", 18.6),
        ("2012-10-24", "FB", 19.1),
        ("2013-01-24", "AAPL", -12.4),
    ],
)
def test_great_days_are_found(
    history: pd.DataFrame, tmp_path: Path, day: str, ticker: str, percent: float
):
    seen = by_ticker(price_surge.check(source=until(history, day, tmp_path)).readings)
    reading = seen[ticker]
    assert reading.value == pytest.approx(abs(percent), abs=0.05)
    assert reading.summary is not None
    word = "up" if percent > 0 else "down"
    assert reading.summary.startswith(f"{ticker} {word} {abs(percent):.1f} percent to ")
    assert f" on {day}, from " in reading.summary
    assert price_surge.when is not None
    assert judge(price_surge.when, reading.value or 0, firing=False).bad


def test_a_direction_that_is_not_asked_for_is_negative(history: pd.DataFrame, tmp_path: Path):
    crash = until(history, "2008-09-29", tmp_path)
    up = by_ticker(price_surge.check(source=crash, direction="up").readings)
    down = by_ticker(price_surge.check(source=crash, direction="down").readings)
    assert up["AAPL"].value == pytest.approx(-17.9195)
    assert down["AAPL"].value == pytest.approx(17.9195)


def test_a_z_score_says_what_is_unusual_for_this_ticker(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2012-04-25", tmp_path)
    seen = by_ticker(price_surge.check(source=source, method="zscore", window=20).readings)
    closes = history[(history["ticker"] == "AAPL") & (history["date"] <= "2012-04-25")]["close"]
    changes = (100 * closes.pct_change()).tolist()
    usual = pd.Series(changes[-21:-1])
    expected = abs((changes[-1] - usual.mean()) / usual.std())
    assert seen["AAPL"].value == pytest.approx(expected, abs=1e-3)
    assert "standard deviations of 20 bars" in (seen["AAPL"].summary or "")


def test_a_change_may_be_over_several_bars(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2008-10-10", tmp_path)
    seen = by_ticker(price_surge.check(source=source, over_bars=5, direction="down").readings)
    closes = history[(history["ticker"] == "IBM") & (history["date"] <= "2008-10-10")]["close"]
    expected = -100 * (closes.iloc[-1] / closes.iloc[-6] - 1)
    assert seen["IBM"].value == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("day", "ticker", "percent"),
    [("2011-04-29", "MSFT", 503.8), ("2011-01-18", "AAPL", 539.7), ("2012-07-27", "FB", 605.7)],
)
def test_great_volumes_are_found(
    history: pd.DataFrame, tmp_path: Path, day: str, ticker: str, percent: float
):
    seen = by_ticker(volume_spike.check(source=until(history, day, tmp_path)).readings)
    assert seen[ticker].value == pytest.approx(percent, abs=0.05)
    times = 1 + percent / 100
    assert f"on {day}, {times:.1f} times the mean of 20 bars" in (seen[ticker].summary or "")


def test_volume_as_a_z_score(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2011-04-29", tmp_path)
    seen = by_ticker(volume_spike.check(source=source, method="zscore", window=10).readings)
    volumes = history[(history["ticker"] == "MSFT") & (history["date"] <= "2011-04-29")]["volume"]
    usual = volumes.iloc[-11:-1].astype(float)
    expected = (volumes.iloc[-1] - usual.mean()) / usual.std()
    assert seen["MSFT"].value == pytest.approx(expected, abs=1e-3)


def test_thin_trading_is_not_judged(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2011-04-29", tmp_path)
    seen = by_ticker(volume_spike.check(source=source, smallest_volume=1e9).readings)
    assert seen["MSFT"].firing is False


def test_a_ticker_with_too_few_bars_is_unknown(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2012-05-25", tmp_path)  # FB's sixth day
    seen = volume_spike.check(source=source)
    assert seen.not_seen == [{"ticker": "FB"}]
    assert "FB" not in by_ticker(seen.readings)


def test_only_the_tickers_asked_for(history: pd.DataFrame, tmp_path: Path):
    source = until(history, "2010-01-05", tmp_path)
    seen = price_surge.check(source=source, tickers=["IBM", "NONE"])
    assert list(by_ticker(seen.readings)) == ["IBM"]
    assert seen.not_seen == [{"ticker": "NONE"}]  # not a word of it, so nothing is good


class TestReplay:
    """Old bars come one after the other, and none is passed over."""

    def evaluate(self, clock: FakeClock, state: dict[str, Any], **more: Any) -> dict[str, Reading]:
        ctx = Context(clock=clock, state=state)
        replay = {"replay_days_a_minute": 1.0, "replay_from": "2008-09-22"}
        seen = price_surge.check(ctx=ctx, source=SHIPPED, **(replay | more))
        assert seen.state is not None
        state.clear()
        state.update(json.loads(json.dumps(seen.state)))  # as it is stored
        return by_ticker(seen.readings)

    def bar(self, reading: Reading) -> str:
        assert reading.details is not None
        return reading.details["bar"][:10]

    def test_days_pass_with_the_clock(self, clock: FakeClock):
        state: dict[str, Any] = {}
        assert self.bar(self.evaluate(clock, state)["AAPL"]) == "2008-09-22"
        clock.forward(minutes=1)
        assert self.bar(self.evaluate(clock, state)["AAPL"]) == "2008-09-23"
        clock.forward(minutes=6)
        assert self.evaluate(clock, state)["AAPL"].value == pytest.approx(17.9195)

    def test_no_bar_between_two_evaluations_is_missed(self, clock: FakeClock):
        state: dict[str, Any] = {}
        self.evaluate(clock, state)
        clock.forward(minutes=8)  # to the day after the great fall
        reading = self.evaluate(clock, state)["AAPL"]
        assert (self.bar(reading), reading.value) == ("2008-09-29", pytest.approx(17.9195))
        reading = self.evaluate(clock, state)["AAPL"]
        assert self.bar(reading) == "2008-09-30"

    def test_after_the_last_day_it_begins_again(self, clock: FakeClock):
        state: dict[str, Any] = {}
        speed = {"replay_days_a_minute": 1000.0, "replay_from": "2013-02-22"}
        assert self.bar(self.evaluate(clock, state, **speed)["IBM"]) == "2013-02-22"
        clock.forward(seconds=0.06 * 8 + 0.01)  # eight days: 22 February to 1 March
        assert self.bar(self.evaluate(clock, state, **speed)["IBM"]) == "2013-02-22"

    def test_a_beginning_that_is_none_is_explained(self, clock: FakeClock):
        with pytest.raises(ConfigurationError, match=r"'soon' is no day. Write it as 2008-01-31"):
            self.evaluate(clock, {}, replay_from="soon")
        with pytest.raises(ConfigurationError, match="lies after the last bar"):
            self.evaluate(clock, {}, replay_from="2020-01-01")


class TestSources:
    """The same bars from a file, a database and the web give the same readings."""

    @pytest.fixture
    def bars(self, history: pd.DataFrame) -> pd.DataFrame:
        return history[(history["date"] >= "2008-08-01") & (history["date"] <= "2008-09-29")]

    @pytest.fixture
    def serve(self) -> Generator[Callable[[Any], str]]:
        servers: list[ThreadingHTTPServer] = []

        def start(content: Any) -> str:
            class Page(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(404 if "refused" in self.path else 200)
                    self.end_headers()
                    self.wfile.write(json.dumps(content).encode())

                def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            servers.append(server)
            return f"http://127.0.0.1:{server.server_port}/bars"

        yield start
        for server in servers:
            server.shutdown()
            server.server_close()

    def falls(self, **parameters: Any) -> None:
        seen = by_ticker(price_surge.check(**parameters).readings)
        assert seen["AAPL"].value == pytest.approx(17.9195)
        assert sorted(seen) == ["AAPL", "GOOG", "IBM", "MSFT"]

    def test_csv(self, bars: pd.DataFrame, tmp_path: Path):
        bars.sample(frac=1, random_state=1).to_csv(tmp_path / "bars.csv")  # in any order
        self.falls(source=str(tmp_path / "bars.csv"))

    def test_parquet(self, bars: pd.DataFrame, tmp_path: Path):
        bars.assign(date=pd.to_datetime(bars["date"])).to_parquet(tmp_path / "bars.parquet")
        self.falls(source=str(tmp_path / "bars.parquet"))

    def test_sql(self, bars: pd.DataFrame, database_url: str):
        engine = create_engine(database_url)
        bars.rename(columns={"close": "last"}).to_sql("bars", engine, index=False)
        engine.dispose()
        query = "SELECT ticker, date, last FROM bars"
        self.falls(source=database_url, query=query, price_column="last")

    def test_json_objects(self, bars: pd.DataFrame, serve: Callable[[Any], str]):
        content = {"data": {"bars": bars.to_dict("records")}}
        self.falls(source=serve(content), records="data.bars")

    def test_json_columns_with_epochs(self, bars: pd.DataFrame, serve: Callable[[Any], str]):
        moments = pd.to_datetime(bars["date"], utc=True).map(pd.Timestamp.timestamp)
        for factor in (1, 1000):
            stamped = bars.assign(date=(moments * factor).astype("int64"))
            self.falls(source=serve(stamped.to_dict("list")))

    def test_what_cannot_be_read_is_explained(
        self, bars: pd.DataFrame, tmp_path: Path, serve: Callable[[Any], str]
    ):
        with pytest.raises(ConfigurationError, match=r"there is no file gone\.csv"):
            price_surge.check(source="gone.csv")
        bars.drop(columns="close").to_csv(tmp_path / "bars.csv", index=False)
        with pytest.raises(ConfigurationError, match=r"no column close. There are: ticker, date"):
            price_surge.check(source=str(tmp_path / "bars.csv"))
        with pytest.raises(ConfigurationError, match=r"has no 'data.bars'. Say in `records`"):
            price_surge.check(source=serve({"data": {}}), records="data.bars")
        with pytest.raises(ConfigurationError, match="is no table"):
            price_surge.check(source=serve({"a": [1], "b": [1, 2]}))
        with pytest.raises(ConfigurationError, match="a database needs a query"):
            price_surge.check(source="sqlite://")
        with pytest.raises(TriggerError, match="refuses the query: no such table: bars"):
            price_surge.check(source="sqlite://", query="SELECT * FROM bars")
        with pytest.raises(ConfigurationError, match="the query must read: 'DROP TABLE bars'"):
            price_surge.check(source="sqlite://", query="DROP TABLE bars")
        with pytest.raises(TriggerError, match="the source has no bars"):
            price_surge.check(source="sqlite://", query="SELECT 1 AS ticker WHERE 1 = 0")
        bars.head(0).to_csv(tmp_path / "empty.csv", index=False)
        with pytest.raises(TriggerError, match="the source has no bars"):
            price_surge.check(source=str(tmp_path / "empty.csv"))
        (tmp_path / "torn.json").write_text('[{"ticker": "IBM"')
        with pytest.raises(
            TriggerError, match=r"torn.json cannot be read as .json: Input data was"
        ):
            price_surge.check(source=str(tmp_path / "torn.json"))
        (tmp_path / "text.csv").write_text("ticker,date,close\nIBM,2008-01-02,dear\n")
        with pytest.raises(TriggerError, match="something else than times and numbers"):
            price_surge.check(source=str(tmp_path / "text.csv"))

    def test_no_error_repeats_a_key_of_the_address(self, serve: Callable[[Any], str]):
        there = serve({"data": 1})
        gone = f"http://127.0.0.1:{free_port()}/bars"
        for address, parameters, said in (
            (there, {"records": "bars"}, "the JSON of 127.0.0.1 has no 'bars'"),
            (there, {}, "the JSON of 127.0.0.1 is no table"),
            (f"{there}/refused", {}, "127.0.0.1 answers 404"),
            (gone, {}, "does not answer"),
        ):
            with pytest.raises(SentinelError, match=said) as caught:
                price_surge.check(source=f"{address}?key=hush", **parameters)
            assert "hush" not in str(caught.value)

    def test_a_source_that_is_down_is_named_so_that_its_rules_are_one_group(self):
        port = free_port()
        with pytest.raises(SourceDown) as caught:
            volume_spike.check(source=f"http://127.0.0.1:{port}/bars")
        assert caught.value.source == f"127.0.0.1:{port}"
