"""`sentinel rule test` and `sentinel rule diff`, over readings that a database kept."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from sentinel import Rule
from sentinel.alerts.run_source import RunSource
from sentinel.api import create_app
from sentinel.clock import FakeClock
from sentinel.event_policies.pack import Spec
from sentinel.metrics import Sample
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import both_databases
from tests.world import World

FILE = """\
deployments:
  - name: disk
    entrypoint: flows.rules.disk_space
    pull: []
    work_pool: {name: sentinel}
    parameters:
      rule: {name: disk, every: 60s, group_wait: 0s, when: {above: 80}}
"""


@pytest.fixture
def seen(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ten minutes of readings of a disk, the last of them now."""
    store = Store(world.store.engine.url.render_as_string(hide_password=False), clock=world.clock)
    world.store = store
    for value in (97, 97, 50, 50, 85, 85, 85, 50, 50):
        world.sees({"/data": float(value)})
    now = world.clock.forward(seconds=30)
    monkeypatch.setattr("sentinel.store.SystemClock", lambda: FakeClock(now))
    store.close()
    return world


@both_databases
def test_it_shows_what_would_have_opened(seen: World, run: Run):
    code, out, err = run("rule", "test", "disk", "--since", "1h")
    assert (code, err) == (0, "")
    assert out.startswith("disk: 10 evaluations of 1 series")
    assert "1 alert would have opened and 1 resolved; 2 messages would have been sent." in out
    assert "disk: /data 97 percent" in out
    assert "▲" in out
    assert "leaves no reading" in out


def test_programs_get_json(seen: World, run: Run):
    found = json.loads(run("rule", "test", "disk", "--since", "1h", "--json")[1])
    assert (found["evaluations"], found["bad"], found["resolved"]) == (10, 3, 1)
    assert found["open_seconds"] == 180
    (alert,) = found["alerts"]
    assert alert["labels"] == {"mount": "/data"}
    assert len(found["messages"]) == 2


@both_databases
def test_a_changed_file_says_what_it_would_have_done(seen: World, run: Run):
    Path("changed.yaml").write_text(FILE)
    code, out, _ = run("rule", "diff", "changed.yaml", "--since", "1h")
    assert code == 0
    assert '- when: {"above":90.0} → {"above":80.0}' in out.replace("\\", "")
    assert "| times opened | 1 | 2 |" in out
    Path("same.yaml").write_text(FILE.replace("80", "90"))
    assert (
        run("rule", "diff", "same.yaml")[1]
        == "No rule of the file differs from the deployed one.\n"
    )


def test_a_file_of_readings_is_replayed_instead(seen: World, run: Run):
    Path("readings.csv").write_text(
        "at,value,mount\n2026-03-01T08:00:00Z,50,/srv\n2026-03-01T08:01:00Z,85,/srv\n"
    )
    Path("changed.yaml").write_text(FILE)
    found = json.loads(
        run(
            "rule", "test", "disk", "--file", "changed.yaml", "--data", "readings.csv", "--json"
        )[1]
    )  # fmt: skip
    (alert,) = found["alerts"]
    assert (alert["labels"], alert["spells"][0]["opened"]) == (
        {"mount": "/srv"}, "2026-03-01T08:01:00Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at,mount\n2026-03-01T08:00:00Z,/srv\n", "row 2: it has no value"),
        ("at,value\nnever,1\n", "row 2: 'never' is no moment"),
        ("at,value\n2026-03-01T08:00:00Z,much\n", "row 2: the value is 'much'. Write a number"),
        ("at,value\n", "has no readings"),
    ],
)
def test_a_file_that_is_wrong_says_where(seen: World, run: Run, text: str, said: str):
    Path("readings.csv").write_text(text)
    code, _, err = run("rule", "test", "disk", "--data", "readings.csv")
    assert code != 0
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("seen.json", "{}", "seen.json is no list of readings. Write [{"),
        ("seen.json", "[", "seen.json cannot be read"),
        ("seen.ndjson", '{"at": 1, "value": 2}\n7\n', "seen.ndjson, row 2: Expected `object`"),
        ("seen.txt", "at,value", "such an object a line in .ndjson"),
    ],
)
def test_a_file_of_another_kind_says_what_it_should_be(
    seen: World, run: Run, name: str, text: str, said: str
):
    Path(name).write_text(text)
    code, _, err = run("rule", "test", "disk", "--data", name)
    assert code != 0
    assert said in " ".join(err.split())


METRICS = """\
deployments:
  - name: slow
    entrypoint: flows.rules.metric_threshold
    pull: []
    work_pool: {name: sentinel}
    parameters:
      metric: latency
      over: 1m
      rule: {name: slow, every: 60s, group_wait: 0s, when: {above: 80}}
"""


def test_a_rule_over_metrics_evaluates_them_again(seen: World, run: Run):
    store = Store(seen.store.engine.url.render_as_string(hide_password=False), clock=seen.clock)
    now = seen.clock.now()
    values = (10, 10, 90, 90, 10)
    store.metrics.add(
        [
            Sample(name="latency", value=v, at=now - timedelta(minutes=9 - n), labels={"api": "a"})
            for n, v in enumerate(values)
        ]
    )
    store.close()
    Path("slow.yaml").write_text(METRICS)
    arguments = ("rule", "test", "slow", "--file", "slow.yaml", "--since", "15m", "--json")
    found = json.loads(run(*arguments)[1])
    (alert,) = found["alerts"]
    assert (alert["labels"], len(alert["spells"]), found["resolved"]) == ({"api": "a"}, 1, 1)
    assert found["notes"] == ["The check read the stored metrics again, once a period."]


def test_a_rule_without_readings_says_so(seen: World, run: Run):
    code, _, err = run("rule", "test", "disk", "--since", "1s")
    assert code != 0
    assert "no readings of disk are kept" in " ".join(err.split())


POLICIES = """\
deployments:
  - name: audit
    entrypoint: flows.rules.event_pack
    pull: []
    work_pool: {name: sentinel}
    parameters:
      policies:
        - name: failed logins
          rules: [{field: outcome, operator: eq, value: failure}]
          by: user
          window: {type: frequency, num_events: 3, timeframe: 5m}
      rule: {name: audit, every: 60s, group_wait: 0s}
"""
EVENTS = "".join(
    f'{{"user": "eve", "outcome": "failure", "timestamp": "2026-03-01T08:0{n}:00Z"}}\n'
    for n in range(4)
)


def test_policies_are_tested_on_a_file_of_events(seen: World, run: Run):
    Path("policies.yaml").write_text(POLICIES)
    Path("events.ndjson").write_text(EVENTS)
    arguments = ("rule", "test", "audit", "--file", "policies.yaml", "--data", "events.ndjson")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("audit: 4 events, 4 matches of 1 policy")
    assert "1 alert would have opened and 0 resolved; 1 message would have been sent." in out
    assert "failed logins: 3 events within 5m" in out
    found = json.loads(run(*arguments, "--json")[1])
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["labels"]) == ("failed-logins", {"user": "eve"})
    assert alert["spells"][0]["opened"] == "2026-03-01T08:02:00Z"


@pytest.mark.parametrize(
    ("was", "is_", "said"),
    [
        (
            "every: 60s",
            "evry: 60s",
            "audit: rule.evry: there is no such field; did you mean every?",
        ),
        ("flows.rules.event_pack", "flows.rules.event_pak", "there is no trigger 'event_pak'"),
        ("operator: eq", "operator: is", "rules.0.operator: must be 'eq'"),
        ("timeframe: 5m", "timeframe: soon", "window.timeframe: 'soon' is not a duration"),
    ],
)
def test_a_rule_file_that_is_wrong_is_one_sentence(
    seen: World, run: Run, was: str, is_: str, said: str
):
    Path("policies.yaml").write_text(POLICIES.replace(was, is_))
    code, _, err = run("rule", "test", "audit", "--file", "policies.yaml")
    assert code != 0
    assert said in " ".join(err.split())
    assert "validation error" not in err


def test_of_a_file_of_one_moment_the_message_that_waited_is_counted(seen: World, run: Run):
    policies = POLICIES.replace(", group_wait: 0s", "").replace("num_events: 3", "num_events: 1")
    Path("policies.yaml").write_text(policies)
    event = '{"id": "a", "user": "eve", "outcome": "failure"}\n'
    Path("events.ndjson").write_text(event + event)
    out = run("rule", "test", "audit", "--file", "policies.yaml", "--data", "events.ndjson")[1]
    assert out.startswith("audit: 1 event, 1 match of 1 policy")  # an id counts once
    assert "1 alert would have opened and 0 resolved; 1 message would have been sent." in out
    Path("readings.csv").write_text("at,value,mount\n2026-03-01T08:00:00Z,97,/srv\n")
    out = run("rule", "test", "disk", "--data", "readings.csv")[1]
    assert "1 message would have been sent" in out


def test_an_edited_policy_is_compared_over_the_events_that_came(seen: World, run: Run):
    Path("policies.yaml").write_text(POLICIES)
    assert "New rule" in run("rule", "diff", "policies.yaml")[1]
    store = Store(seen.store.engine.url.render_as_string(hide_password=False), clock=seen.clock)
    spec = Spec(
        rule={"name": "audit", "every": "60s", "group_wait": "0s"},
        policies=yaml.safe_load(POLICIES)["deployments"][0]["parameters"]["policies"],
    )
    store.event_port(Rule.model_validate(spec.rule), RunSource()).match(spec.policies, alone=False)
    store.events.add([{"user": "eve", "outcome": "failure"} for _ in range(3)])
    store.close()
    assert run("rule", "diff", "policies.yaml")[1].startswith("No rule of the file differs")
    Path("policies.yaml").write_text(POLICIES.replace("num_events: 3", "num_events: 4"))
    code, out, _ = run("rule", "diff", "policies.yaml", "--since", "1h")
    assert code == 0
    assert "- policy failed logins, window:" in out
    assert "| alerts | 1 | 0 |" in out
    assert "Would not have opened" in out
    code, out, _ = run("rule", "test", "failed-logins", "--since", "1h")
    assert "3 events, 3 matches of 1 policy" in out


def test_the_stored_readings_of_a_server_are_replayed_there_and_files_here(
    seen: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("changed.yaml").write_text(FILE)
    Path("readings.csv").write_text("at,value,mount\n2026-03-01T08:00:00Z,85,/srv\n")
    commands = [
        ("rule", "test", "disk", "--file", "changed.yaml", "--since", "1h"),
        ("rule", "test", "disk", "--file", "changed.yaml", "--since", "1h", "--json"),
        ("rule", "diff", "changed.yaml", "--since", "1h"),
        ("rule", "test", "disk", "--file", "changed.yaml", "--data", "readings.csv"),
        ("rule", "test", "none", "--file", "changed.yaml"),
    ]
    before = [run(*command) for command in commands]
    assert [code for code, *_ in before[:4]] == [0] * 4
    url = seen.store.engine.url.render_as_string(hide_password=False)
    store = Store(url, clock=seen.clock)
    given = {"home": tmp_path / "server", "api_token": TOKEN}
    app = create_app(Settings.model_validate(given), store=store, relay=False)
    with served(app, lifespan="off") as address:
        monkeypatch.setenv("SENTINEL_URL", address)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        monkeypatch.setenv("SENTINEL_DATABASE_URL", "sqlite:////nowhere/none.db")
        after = [run(*command) for command in commands]
    store.close()
    assert after[:4] == before[:4]
    assert "has no rule 'none'" in before[4][2]
    assert "has no rule 'none'" in after[4][2]
