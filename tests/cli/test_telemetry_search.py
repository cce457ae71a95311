"""Commands about log lines and traces: what they find here, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from pydantic import SecretStr
from typer.core import TyperCommand
from typer.testing import CliRunner

from sentinel.api import create_app
from sentinel.cli.app import app
from sentinel.cli.completion import query_terms
from sentinel.errors import Conflict
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_anomalies import AnomalyWatch
from sentinel.store.telemetry.pattern_mining import PatternMining
from sentinel.telemetry.answers import AnomaliesFound, LogAnomalyView, LogPatternView
from sentinel.telemetry.asked import moment_of
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.dashboard.telemetry_scene import (
    NOW,
    SECOND,
    sends_logs,
    sends_requests,
    sends_spans,
    shop,
)
from tests.databases import sqlite_copy
from tests.log_rates import BEATS, JOB, LATER, counted, one_burst

LAST_HOUR = LATER - 3_600 * SECOND


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def here(telemetry_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a telemetry store."""
    monkeypatch.setattr("sentinel.cli.telemetry_search.settings_here", lambda: telemetry_settings)


@pytest.mark.usefixtures("here")
def test_lines_and_traces_are_found_here(telemetry: TelemetryClient) -> None:
    sends_logs(
        telemetry,
        [{"message": "connection refused", "service_name": "pay", "level": "ERROR"},
         {"message": "accepted\x1b[31m", "service_name": "shop", "level": "INFO"}],
    )  # fmt: skip
    sends_logs(telemetry, [{"message": "of acme"}], tenant="acme")
    sends_spans(telemetry, [span for number in range(2) for span in shop(number, bad=number == 0)])
    words = run("log", "search")
    assert "connection refused" in words
    assert "\x1b" not in words
    assert "of acme" not in words
    found = json.loads(run("log", "search", "show", "me", "errors", "from", "pay", "--json"))
    assert found["query"] == "level:>=error service:*pay*"
    assert [one["message"] for one in found["lines"]] == ["connection refused"]
    assert "of acme" in run("log", "search", "--tenant", "acme")
    shown = [json.loads(one) for one in run("log", "tail", "--no-follow", "--json").splitlines()]
    assert [one["service_name"] for one in shown] == ["shop", "pay"]  # the oldest first
    assert run("log", "facets", "service").split()[2:] == ["pay", "1", "shop", "1"]
    traces = json.loads(run("trace", "search", "status:error", "--json"))["traces"]
    assert [one["trace_id"] for one in traces] == [f"{1:032x}"]
    slow = json.loads(run("trace", "search", "--slowest", "--limit", "1", "--json"))["traces"]
    assert [one["trace_id"] for one in slow] == [f"{2:032x}"]
    words = run("trace", "show", f"{1:032x}")
    assert "3 spans, 2 errors, pay, shop" in words
    assert "\n    SELECT " in words
    assert "GET /buy" in run("trace", "stats", "service:shop")


@pytest.mark.usefixtures("here")
def test_requests_are_exported_here(
    telemetry: TelemetryClient, telemetry_settings: Settings, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    for module in ("usage", "usage_export"):
        monkeypatch.setattr(f"sentinel.cli.{module}.settings_here", lambda: telemetry_settings)
    sends_requests(telemetry, [{"consumer": one, "status": 200} for one in ("ann", "bob", "bob")])
    assert run("requests", "consumer", "nobody").strip() == "No request of nobody matches."
    assert "3" in run("requests", "usage", "--since", "6h")
    shown = run(
        "requests", "export", "consumer:bob", "--since", "6h", "--format", "ndjson"
    ).splitlines()
    assert [json.loads(one)["consumer"] for one in shown] == ["bob", "bob"]
    file = tmp_path / "usage.csv"
    run("requests", "export-usage", "--by", "consumer", "--since", "6h", "-o", str(file))
    assert "start,seconds,value,requests" in file.read_text("utf-8-sig")
    assert file.stat().st_mode & 0o777 == 0o600
    again = CliRunner().invoke(app, ["requests", "export", "-o", str(file)])
    assert isinstance(again.exception, Conflict)
    assert [one.name for one in tmp_path.iterdir()] == ["usage.csv"]


MOMENTS = ("--since", moment_of(NOW - 3_600 * SECOND), "--until", moment_of(NOW + 120 * SECOND))


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_same_is_found_on_a_server(
    telemetry: TelemetryClient, telemetry_settings: Settings, tmp_path: Path, migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch, run: Run,
) -> None:  # fmt: skip
    def done(*arguments: str) -> str:
        code, out, err = run(*arguments)
        assert code == 0, err
        return out

    sends_logs(
        telemetry,
        [{"message": f"took {n} ms", "service_name": "pay", "level": "ERROR"} for n in range(3)],
    )
    sends_spans(telemetry, shop(0, bad=True))
    PatternMining(telemetry).turn(NOW + 120 * SECOND)
    commands = [
        ("log", "search", "level:error", *MOMENTS),
        ("log", "tail", "--no-follow", "took"),
        ("log", "facets", "service", *MOMENTS),
        ("log", "patterns", "--state", "new", *MOMENTS),
        ("log", "anomalies", "--season", "1d", *MOMENTS),
        ("log", "anomalies", *MOMENTS),
        ("trace", "search", "status:error", *MOMENTS),
        ("trace", "search", "--slowest", *MOMENTS),
        ("trace", "show", f"{1:032x}"),
        ("trace", "stats", *MOMENTS),
    ]
    here = {one: done(*one, "--json") for one in commands}
    patterns = json.loads(here[commands[3]])["patterns"]
    assert [(one["template"], one["count"]) for one in patterns] == [("took <*> ms", 3)]
    assert "took <*> ms" in done("log", "patterns")
    assert "No pattern" in done("log", "patterns", "--service", "shop")
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "there.db"))
    named = telemetry_settings.model_copy(
        update={"home": tmp_path / "server", "api_token": SecretStr(TOKEN)}
    )
    with served(create_app(named, store=store, relay=False), lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "laptop"))
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setattr("sentinel.cli.telemetry_search.settings_here", not_here)
        there = {one: done(*one, "--json") for one in commands}
    store.close()
    assert there == here


def test_anomalies_say_how_unusual_a_rate_was(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = "2026-01-31T12:00:00.000000Z"
    pattern = LogPatternView(
        id="0" * 16, service_name="pay", template="took <*> ms", sample="took 3 ms", state="known",
        count=900, count_before=1_000, levels={}, created=moment, first_seen=moment,
        last_seen=moment, query="took",
    )  # fmt: skip
    one = LogAnomalyView(
        pattern=pattern, timestamp=moment, count=812, usual=3.25, low=1.5, high=9.25,
        season_seconds=0, rarity=1_440,
    )  # fmt: skip
    found = AnomaliesFound(since=moment, until=moment, saved=True, anomalies=[one])

    def answered(*_: object) -> AnomaliesFound:
        return found

    monkeypatch.setattr("sentinel.cli.log_anomalies.answer", answered)
    shown = run("log", "anomalies").splitlines()[-1].split()
    assert shown[-10:] == ["812", "1.5", "to", "9.2", "1,440", "pay", "took", "<*>", "ms", "0" * 16]
    monkeypatch.setattr(found, "anomalies", [])
    assert run("log", "anomalies").strip() == "No pattern was unusual."


@pytest.mark.usefixtures("here")
def test_the_rate_of_a_pattern_marks_what_was_not_expected(
    telemetry: TelemetryClient, run: Run
) -> None:
    counted(telemetry, BEATS, one_burst, tenant="default")
    moments = ("--since", moment_of(LAST_HOUR), "--until", moment_of(LATER))
    code, out, err = run("log", "rate", BEATS, *moments)
    assert code == 0, err
    assert out.splitlines()[0] == "shop: did b <*>"
    marked = [one for one in out.splitlines() if one.rstrip().endswith("*")]
    assert [one.split()[2] for one in marked] == ["400"]
    AnomalyWatch(telemetry).turn(LATER)
    code, out, err = run("log", "anomalies", *moments, "--json")
    assert [one["count"] for one in json.loads(out)["anomalies"]] == [400]
    code, out, err = run("log", "rate", JOB, *moments)
    assert (code != 0, f"there is no pattern '{JOB}'" in err) == (True, True)


def not_here() -> Settings:
    raise AssertionError("a command over HTTP opened the store of this machine")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("log", "search", "disk servic:a"), "column 6: there is no field servic"),
        (("log", "search", "--since", "soon"), "--since: "),
        (("log", "anomalies", "--history", "soon"), "--history: "),
        (("log", "anomalies", "--season", "6d"), "--history: together with season it is more"),
        (("trace", "search", "level:error"), "there is no field level"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_column(
    arguments: tuple[str, ...], says: str
) -> None:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code != 0
    assert says in str(done.exception)


@pytest.mark.parametrize(
    ("group", "typed", "offered"),
    [
        ("log", "pat", ["pattern:"]),
        ("log", "level:>=e", ["level:>=error"]),
        ("trace", "dur", ["duration:"]),
        ("trace", "level:e", []),
        ("usage", "con", ["consumer:"]),
    ],
)
def test_the_shell_completes_the_fields_of_a_query(
    group: str, typed: str, offered: list[str]
) -> None:
    parent = typer.Context(TyperCommand(group), info_name=group)
    ctx = typer.Context(TyperCommand("search"), parent=parent, info_name="search")
    assert query_terms(ctx, typed) == offered
