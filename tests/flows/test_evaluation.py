"""One run of one rule, on a real Prefect server and a real database."""

from __future__ import annotations

import pytest

from sentinel.errors import NotFound
from sentinel.evaluation import judge
from sentinel.rules.condition import Verdict, When
from tests.flows.conftest import Gauges
from tests.waiting import eventually

pytestmark = pytest.mark.prefect


def alerts(gauges: Gauges) -> list[tuple[str, str]]:
    return [(one.title, one.status) for one in gauges.store.alerts.page().items]


def test_a_run_says_what_it_found_in_its_name_and_state(gauges: Gauges):
    gauges.shows(a=97, b=10)
    run = gauges.start(gauges.rule("says"))
    state = gauges.execute(run)
    assert (state.name, state.is_completed()) == ("Firing", True)
    assert state.message == "1 of 2 series firing; live alerts: 1"
    assert gauges.client.read_flow_run(run.id).name == "says · firing 1 of 2 (a 97 percent)"
    assert alerts(gauges) == [("says: a 97 percent", "open")]


def test_a_run_judges_each_reading_once(gauges: Gauges, monkeypatch: pytest.MonkeyPatch):
    judged: list[float] = []
    decide = judge.judge

    def counted(when: When, value: float, *, firing: bool) -> Verdict:
        judged.append(value)
        return decide(when, value, firing=firing)

    monkeypatch.setattr(judge, "judge", counted)
    gauges.shows(a=97, b=10, c=99)
    run = gauges.start(gauges.rule("once"))
    gauges.execute(run)
    assert sorted(judged) == [10, 97, 99]
    assert gauges.client.read_flow_run(run.id).name == "once · firing 2 of 3 (a 97 percent)"


def test_a_run_without_firing_series_is_ok(gauges: Gauges):
    gauges.shows(a=1)
    assert gauges.run(gauges.rule("fine")).name == "OK"
    assert alerts(gauges) == []


def test_an_alert_names_the_run_that_raised_it(gauges: Gauges):
    gauges.shows(a=97)
    run = gauges.start(deployment := gauges.rule("names-its-run"))
    gauges.execute(run)
    (alert,) = gauges.store.alerts.page().items
    assert (alert.flow_run_id, alert.deployment_id) == (str(run.id), deployment)


@pytest.mark.slow
def test_an_artifact_is_kept_only_when_something_changed(gauges: Gauges):
    deployment = gauges.rule("artifacts")
    for value, kept in ((97, 1), (98, 1), (10, 2), (11, 2)):
        gauges.shows(a=value)
        gauges.run(deployment)
        assert len(gauges.artifacts("sentinel-artifacts")) == kept
    first, second = gauges.artifacts("sentinel-artifacts")
    assert "| high |" not in first["data"]
    assert "opened" in first["data"]
    assert "resolved" in second["data"]


def test_a_scheduled_run_is_live_and_its_slot_is_its_scheduled_time(gauges: Gauges):
    gauges.shows(a=97)
    deployment = gauges.rule("scheduled", every=1)

    def due():
        body = {
            "deployments": {"id": {"any_": [deployment]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 1,
        }
        return gauges.client.request("POST", "/flow_runs/filter", json=body).json()

    found = eventually(due, "the scheduler makes a run", within=90)[0]
    run = gauges.client.read_flow_run(found["id"])
    assert run.auto_scheduled
    assert gauges.execute(run).name == "Firing"
    row = gauges.store.rules.get("scheduled")
    assert row.slot == run.expected_start_time
    assert row.check_seconds is not None
    assert 0 <= row.check_seconds < 60
    # The same slot again, as after a worker that died at the very end, changes nothing.
    assert gauges.execute(run).name == "Stale"
    assert gauges.store.rules.get("scheduled").evaluations == 1


def test_a_manual_run_that_does_what_its_deployment_says_is_live(gauges: Gauges):
    gauges.shows(a=97)
    deployment = gauges.rule("manual")
    # The form sends every field, defaults too.
    given = {"name": "manual", "group_wait": "0s", "severity": "medium", "for": "0s"}
    state = gauges.run(deployment, path=str(gauges.file), factor=1.0, rule=given)
    assert state.name == "Firing"


@pytest.mark.parametrize("changed", ["parameter", "rule"])
def test_other_parameters_make_it_a_rehearsal_that_writes_nothing(gauges: Gauges, changed: str):
    gauges.shows(a=60)
    deployment = gauges.rule("rehearsed")
    rule = {"name": "rehearsed", "group_wait": "0s"}
    if changed == "rule":
        rule |= {"when": {"above": 50}}
    factor = 2.0 if changed == "parameter" else 1.0
    before = gauges.store.change_number()
    state = gauges.run(deployment, path=str(gauges.file), factor=factor, rule=rule)
    assert (state.name, state.is_completed()) == ("Rehearsal", True)
    assert gauges.store.change_number() == before
    with pytest.raises(NotFound):
        gauges.store.rules.get("rehearsed")
    text = gauges.artifacts("sentinel-rehearsed-rehearsal")[-1]["data"]
    assert "1 of 1 series firing" in text
    assert "name=a" in text


def test_a_run_without_a_deployment_is_a_rehearsal(gauges: Gauges):
    gauges.shows(a=97)
    state = gauges.flow(path=str(gauges.file), rule={"name": "called"}, return_state=True)
    assert state.name == "Rehearsal"
    assert alerts(gauges) == []


@pytest.mark.slow
def test_a_disabled_rule_runs_no_check_and_says_how_to_enable_it(gauges: Gauges):
    gauges.shows(a=97)
    deployment = gauges.rule("off")
    gauges.run(deployment)
    gauges.store.rules.disable("off", actor="ann")
    gauges.file.unlink()  # looking would fail
    run = gauges.start(deployment)
    state = gauges.execute(run)
    assert (state.name, state.is_completed()) == ("Disabled", True)
    assert "sentinel rule enable" in (state.message or "")
    assert gauges.client.read_flow_run(run.id).name == "off · disabled"


def test_a_check_that_raises_is_stored_and_its_flow_run_fails(gauges: Gauges):
    deployment = gauges.rule("broken", errors={"after": 2})
    assert gauges.run(deployment).is_failed()
    run = gauges.start(deployment)
    state = gauges.execute(run)
    assert state.is_failed()
    assert "No such file" in (state.message or "")
    assert gauges.client.read_flow_run(run.id).name.startswith("broken · error (FileNotFoundError")
    assert gauges.store.rules.get("broken").failures == 2
    ((title, status),) = alerts(gauges)
    assert title.startswith("broken cannot be checked")
    assert status == "open"


@pytest.mark.slow
def test_a_failing_check_keeps_what_fires(gauges: Gauges):
    deployment = gauges.rule("keeps")
    gauges.shows(a=97)
    gauges.run(deployment)
    gauges.file.write_text("not json")
    assert gauges.run(deployment).is_failed()
    assert alerts(gauges) == [("keeps: a 97 percent", "open")]
    gauges.shows(a=10)
    assert gauges.run(deployment).name == "OK"
    assert alerts(gauges) == [("keeps: a 97 percent", "resolved")]
