"""One alert in the drawer: `/?alert=<id>`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.serializers import MOST_FIELDS, payload_fields
from sentinel.alerts.actions import Acknowledge, Comment
from sentinel.store.database.tables import ALERT
from sentinel.store.oncall.documents import OnCallDocuments
from tests.dashboard.scene import Scene, given, says


def asks(page: AppTest, op: str, version: int, wanted: str, **more: Any) -> dict[str, Any]:
    command = {"id": f"{op}-{version}", "op": op, "items": [[wanted, version]], **more}
    says(page, "drawer", open=wanted, commands=[command])
    return given(page, "drawer")


def test_a_link_opens_an_alert_with_its_timeline(scene: Scene, page: AppTest):
    wanted = scene.raises("this", annotations={"summary": "this", "runbook": "https://r.example/1"})
    scene.store.act([wanted], Comment(actor="lena", comment="I saw <it>"))
    page.query_params["alert"] = wanted
    shown = given(page.run(), "drawer")
    assert shown["alert"]["title"] == "this"
    assert ["Runbook", "https://r.example/1"] in shown["alert"]["links"]
    assert [step["kind"] for step in shown["timeline"]] == ["commented", "opened"]
    assert (shown["timeline"][0]["actor"], shown["timeline"][0]["comment"]) == (
        "lena",
        "I saw <it>",
    )


def test_a_payload_is_rows_of_paths_and_texts():
    payload = {
        "run": {"name": "load", "ok": None, "tags": ["a", True]},
        "log": "one\ntwo",
        "n": 1.5,
    }
    assert payload_fields(payload) == [
        ("run.name", "load"), ("run.ok", "null"), ("run.tags.0", "a"), ("run.tags.1", "true"),
        ("log", "one\ntwo"), ("n", "1.5"),
    ]  # fmt: skip
    assert payload_fields({}) == []
    assert len(payload_fields({"many": list(range(1000))})) == MOST_FIELDS + 1


def test_flow_run_and_logs_are_one_click_away(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.query_params["alert"] = wanted
    run = scene.store.alerts.get(wanted).flow_run_id
    links = dict(given(page.run(), "drawer")["alert"]["links"])
    assert links["Logs"] == f"http://127.0.0.1:9/runs/flow-run/{run}?tab=Logs"
    assert links["Flow run Firing"] == f"http://127.0.0.1:9/runs/flow-run/{run}"


def test_flow_run_and_logs_of_an_alert_about_a_run_are_of_that_run(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    url = "https://prefect.example.org/runs/flow-run/7"
    details = {"run": "owl", "run_url": url}
    with scene.store.write() as connection:
        connection.execute(ALERT.update().where(ALERT.c.id == wanted).values(details=details))
        scene.store.changed(connection)
    page.query_params["alert"] = wanted
    links = dict(given(page.run(), "drawer")["alert"]["links"])
    assert (links["Flow run owl"], links["Logs"]) == (url, f"{url}?tab=Logs")
    run = scene.store.alerts.get(wanted).flow_run_id
    assert links["Evaluation Firing"] == f"http://127.0.0.1:9/runs/flow-run/{run}"


def test_a_link_to_no_alert_says_so(scene: Scene, page: AppTest):
    page.query_params["alert"] = "<b>nothing</b>"
    assert "there is no alert" in given(page.run(), "drawer")["problem"]


def test_the_table_opens_an_alert_and_the_drawer_closes_it(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    assert given(page.run(), "drawer")["alert"] is None
    says(page, "drawer", open=wanted)
    assert page.query_params["alert"] in (wanted, [wanted])
    assert given(page, "drawer")["alert"]["title"] == "this"
    says(page, "drawer", open="")
    assert "alert" not in page.query_params
    assert given(page, "drawer")["alert"] is None


def test_people_act_in_the_drawer(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.query_params["alert"] = wanted
    page.run()
    asks(page, "comment", 1, wanted, comment="looking")
    asks(page, "acknowledge", 2, wanted)
    shown = asks(page, "resolve", 3, wanted)
    told = [(e.kind, e.actor, e.comment) for e in scene.store.alerts.timeline(wanted)]
    assert told[1:] == [
        ("commented", "maria", "looking"),
        ("acknowledged", "maria", ""),
        ("resolved", "maria", ""),
    ]
    assert shown["alert"]["status"] == "resolved"


def test_an_alert_is_marked_as_noise_with_its_reason_and_that_is_undone(
    scene: Scene, page: AppTest
):
    wanted = scene.raises("this")
    page.query_params["alert"] = wanted
    page.run()
    shown = asks(page, "mark_noise", 1, wanted, comment="Flapping")
    assert (shown["alert"]["noise"], shown["alert"]["status"]) == ("Flapping", "open")
    assert shown["timeline"][0]["reasonText"] == "marked as noise"
    assert shown["answers"][0]["undo"] is True
    assert asks(page, "undo", 2, wanted, of="mark_noise-1")["alert"]["noise"] == ""
    (answer,) = asks(page, "mark_noise", 3, wanted)["answers"]
    assert "needs its reason" in answer["refused"][0]["why"]


def test_a_conflict_is_said_in_the_drawer(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.query_params["alert"] = wanted
    page.run()
    scene.store.act([wanted], Acknowledge(actor="lena"))
    (answer,) = asks(page, "resolve", 1, wanted)["answers"]
    assert answer["conflicts"][0]["why"] == "acknowledged by lena"
    assert scene.store.alerts.get(wanted).status == "acknowledged"


def test_a_link_that_could_act_is_no_link(scene: Scene, page: AppTest):
    wanted = scene.raises("this", annotations={"runbook": "javascript:alert(1)"})
    page.query_params["alert"] = wanted
    assert "javascript:" not in str(given(page.run(), "drawer")["alert"]["links"])


def test_the_drawer_shows_who_is_notified_and_why_somebody_is_not(scene: Scene, page: AppTest):
    wanted = scene.raises("this", ago=timedelta(0))
    page.query_params["alert"] = wanted
    (inbox,) = given(page.run(), "drawer")["notifications"]
    assert (inbox["receiver"], inbox["channel"], inbox["at"]) == ("default", "inbox", None)
    assert (inbox["due"], inbox["reason"]) == (False, "group_wait")
    assert inbox["reasonText"].startswith("waiting for more alerts")
    assert inbox["next"] is not None
    assert given(page, "drawer")["outcomes"] == []
    scene.store.notification_log.claim("test", due_before=scene.store.now() + timedelta(minutes=1))
    scene.store.act([wanted], Acknowledge(actor="lena"))
    page.run()
    (inbox,) = given(page, "drawer")["notifications"]
    assert inbox["reason"] == "acknowledged"
    (outcome,) = given(page, "drawer")["outcomes"]
    assert outcome["text"].startswith("not notified: waiting for more alerts")


def test_the_drawer_says_whom_the_group_pages_next(scene: Scene, page: AppTest):
    scene.store.receivers.set("pager", ["sentinel-webhook/pager"])
    OnCallDocuments(scene.store).apply(
        "people: {ann: {notify: [{receiver: pager}]}}\n"
        "teams: {db: {people: [ann], escalation: slowly}}\n"
        "escalation_policies: {slowly: {steps: [{after: 1h, notify: person:ann}]}}\n",
        actor="ann",
    )
    wanted = scene.raises("this", team="db")
    page.query_params["alert"] = wanted
    (shown,) = given(page.run(), "drawer")["escalations"]
    said = "Escalation policy slowly, level 0 of 1: the first level is paged at "
    assert shown["text"].startswith(said)
    assert shown["pages"] == []
    assert shown["next"] == ["level 1, ann through pager (person ann)"]
    said = "Team db has no schedule, so all of it is called: ann."
    assert given(page, "drawer")["onCall"] == said
