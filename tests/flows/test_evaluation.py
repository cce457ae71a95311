"""One run of one rule, on a real Prefect server and a real database."""

from __future__ import annotations

import pytest

from sentinel.errors import NotFound
from sentinel.evaluation import judge
from sentinel.rules.condition import Verdict, When
from tests.flows.conftest import Desk
from tests.waiting import eventually

pytestmark = pytest.mark.prefect


def alerts(desk: Desk) -> list[tuple[str, str]]:
    return [(one.title, one.status) for one in desk.store.alerts.page().items]


def test_a_run_says_what_it_found_in_its_name_and_state(desk: Desk):
    desk.shows(a=97, b=10)
    run = desk.start(desk.rule("says"))
    state = desk.execute(run)
    assert (state.name, state.is_completed()) == ("Firing", True)
    assert state.message == "1 of 2 series firing; live alerts: 1"
    assert desk.client.read_flow_run(run.id).name == "says · firing 1 of 2 (a 97 percent)"
    assert alerts(desk) == [("says: a 97 percent", "open")]


def test_a_run_judges_each_reading_once(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    judged: list[float] = []
    decide = judge.judge

    def counted(when: When, value: float, *, firing: bool) -> Verdict:
        judged.append(value)
        return decide(when, value, firing=firing)

    monkeypatch.setattr(judge, "judge", counted)
    desk.shows(a=97, b=10, c=99)
    run = desk.start(desk.rule("once"))
    desk.execute(run)
    assert sorted(judged) == [10, 97, 99]
    assert desk.client.read_flow_run(run.id).name == "once · firing 2 of 3 (a 97 percent)"


def test_a_run_that_found_nothing_bad_is_ok(desk: Desk):
    desk.shows(a=1)
    assert desk.run(desk.rule("fine")).name == "OK"
    assert alerts(desk) == []


def test_an_alert_names_the_run_that_raised_it(desk: Desk):
    desk.shows(a=97)
    run = desk.start(deployment := desk.rule("names-its-run"))
    desk.execute(run)
    (alert,) = desk.store.alerts.page().items
    assert (alert.flow_run_id, alert.deployment_id) == (str(run.id), deployment)


def test_an_artifact_is_kept_only_when_something_changed(desk: Desk):
    deployment = desk.rule("artifacts")
    for value, kept in ((97, 1), (98, 1), (10, 2), (11, 2)):
        desk.shows(a=value)
        desk.run(deployment)
        assert len(desk.artifacts("sentinel-artifacts")) == kept
    first, second = desk.artifacts("sentinel-artifacts")
    assert "| high |" not in first["data"]
    assert "opened" in first["data"]
    assert "resolved" in second["data"]


def test_a_scheduled_run_is_live_and_its_slot_is_its_scheduled_time(desk: Desk):
    desk.shows(a=97)
    deployment = desk.rule("scheduled", every=1)

    def due():
        body = {
            "deployments": {"id": {"any_": [deployment]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 1,
        }
        return desk.client.request("POST", "/flow_runs/filter", json=body).json()

    found = eventually(due, "the scheduler makes a run", within=90)[0]
    run = desk.client.read_flow_run(found["id"])
    assert run.auto_scheduled
    assert desk.execute(run).name == "Firing"
    assert desk.store.rules.get("scheduled").slot == run.expected_start_time
    # The same slot again, as after a worker that died at the very end, changes nothing.
    assert desk.execute(run).name == "Stale"
    assert desk.store.rules.get("scheduled").evaluations == 1


def test_a_manual_run_that_does_what_its_deployment_says_is_live(desk: Desk):
    desk.shows(a=97)
    deployment = desk.rule("manual")
    # The form sends every field, defaults too.
    given = {"name": "manual", "group_wait": "0s", "severity": "medium", "for": "0s"}
    state = desk.run(deployment, path=str(desk.file), factor=1.0, rule=given)
    assert state.name == "Firing"


@pytest.mark.parametrize("changed", ["parameter", "rule"])
def test_other_parameters_make_it_a_rehearsal_that_writes_nothing(desk: Desk, changed: str):
    desk.shows(a=60)
    deployment = desk.rule("rehearsed")
    rule = {"name": "rehearsed", "group_wait": "0s"}
    if changed == "rule":
        rule |= {"when": {"above": 50}}
    factor = 2.0 if changed == "parameter" else 1.0
    before = desk.store.change_number()
    state = desk.run(deployment, path=str(desk.file), factor=factor, rule=rule)
    assert (state.name, state.is_completed()) == ("Rehearsal", True)
    assert desk.store.change_number() == before
    with pytest.raises(NotFound):
        desk.store.rules.get("rehearsed")
    text = desk.artifacts("sentinel-rehearsed-rehearsal")[-1]["data"]
    assert "1 of 1 series firing" in text
    assert "name=a" in text


def test_a_run_without_a_deployment_is_a_rehearsal(desk: Desk):
    desk.shows(a=97)
    state = desk.flow(path=str(desk.file), rule={"name": "called"}, return_state=True)
    assert state.name == "Rehearsal"
    assert alerts(desk) == []


def test_a_rule_that_is_off_does_not_look_and_says_how_to_switch_it_on(desk: Desk):
    desk.shows(a=97)
    deployment = desk.rule("off")
    desk.run(deployment)
    desk.store.rules.disable("off", actor="ann")
    desk.file.unlink()  # looking would fail
    run = desk.start(deployment)
    state = desk.execute(run)
    assert (state.name, state.is_completed()) == ("Disabled", True)
    assert "sentinel rule enable" in (state.message or "")
    assert desk.client.read_flow_run(run.id).name == "off · disabled"


def test_a_check_that_raises_is_stored_and_its_run_fails_where_its_owner_looks(desk: Desk):
    deployment = desk.rule("broken", errors={"after": 2})
    assert desk.run(deployment).is_failed()
    run = desk.start(deployment)
    state = desk.execute(run)
    assert state.is_failed()
    assert "No such file" in (state.message or "")
    assert desk.client.read_flow_run(run.id).name.startswith("broken · error (FileNotFoundError")
    assert desk.store.rules.get("broken").failures == 2
    ((title, status),) = alerts(desk)
    assert title.startswith("broken cannot be checked")
    assert status == "open"


def test_a_failing_check_keeps_what_fires(desk: Desk):
    deployment = desk.rule("keeps")
    desk.shows(a=97)
    desk.run(deployment)
    desk.file.write_text("not json")
    assert desk.run(deployment).is_failed()
    assert alerts(desk) == [("keeps: a 97 percent", "open")]
    desk.shows(a=10)
    assert desk.run(deployment).name == "OK"
    assert alerts(desk) == [("keeps: a 97 percent", "resolved")]
