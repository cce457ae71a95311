"""The live page, worked through the page and read back from the store."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from sentinel.alerts.actions import Acknowledge, Resolve, Suppress
from tests.dashboard.scene import Scene, given, says, set_up, shown


def titles(page: AppTest) -> list[str]:
    return [row["title"] for row in given(page, "blotter")["rows"]]


def command(op: str, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    name = f"{op}-{time.monotonic_ns()}"
    return {"id": name, "op": op, "items": [[row["id"], row["version"]] for row in rows], **more}


def asks(page: AppTest, op: str, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Have the table ask for this; gives the answer."""
    says(page, "blotter", commands=[command(op, rows, **more)])
    (answer,) = given(page, "blotter")["answers"]
    return answer


def test_what_needs_somebody_first_is_first(scene: Scene, page: AppTest):
    mine = scene.raises("in hand", severity="critical")
    scene.store.act([mine], Acknowledge(actor="lena"))
    scene.raises("small", severity="low")
    scene.raises("bad", severity="emergency")
    page.run()
    assert titles(page) == ["bad", "small", "in hand"]
    assert given(page, "pulse")["counts"] == {"active": 3, "critical": 2, "unacknowledged": 2}


def test_a_row_links_to_its_flow_run(scene: Scene, page: AppTest):
    alert = scene.store.alerts.get(scene.raises("bad"))
    (row,) = given(page.run(), "blotter")["rows"]
    assert row["run"] == f"http://127.0.0.1:9/runs/flow-run/{alert.flow_run_id}"


def test_one_alert_is_acknowledged_with_a_comment(scene: Scene, page: AppTest):
    wanted, other = scene.raises("this"), scene.raises("that")
    rows = [row for row in given(page.run(), "blotter")["rows"] if row["id"] == wanted]
    answer = asks(page, "acknowledge", rows, comment="on it")
    assert (answer["done"], answer["undo"]) == (1, True)
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.acknowledged_by) == ("acknowledged", "maria")
    assert kept.acknowledge_comment == "on it"
    assert scene.store.alerts.get(other).status == "open"
    assert [row["note"] for row in given(page, "blotter")["rows"]] == ["", "on it"]


def test_many_are_resolved_at_once_and_leave_the_page(scene: Scene, page: AppTest):
    for number in range(3):
        scene.raises(f"number {number}")
    asks(page, "resolve", given(page.run(), "blotter")["rows"])
    assert titles(page) == []


def test_an_acknowledgement_is_undone(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    answer = asks(page, "acknowledge", given(page.run(), "blotter")["rows"])
    asks(page, "undo", [], of=answer["id"])
    assert scene.store.alerts.get(wanted).status == "open"


def test_what_somebody_else_ended_is_left_alone_and_said(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    rows = given(page.run(), "blotter")["rows"]
    scene.store.act([wanted], Resolve(actor="lena"))
    answer = asks(page, "acknowledge", rows)
    assert answer["conflicts"] == [{"id": wanted, "why": "resolved by a person by lena"}]
    assert scene.store.alerts.get(wanted).resolved_by == "lena"


def test_a_command_is_not_done_again_when_the_page_runs_again(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    rows = given(page.run(), "blotter")["rows"]
    asks(page, "comment", rows, comment="once")
    page.run()
    said = [entry.comment for entry in scene.store.alerts.timeline(wanted)]
    assert said.count("once") == 1


def test_the_list_is_narrowed_and_the_address_says_so(scene: Scene, page: AppTest):
    scene.raises("disk full", severity="critical")
    scene.raises("disk slow", severity="low")
    scene.raises("cpu", severity="critical")
    page.run()
    says(page, "blotter", view={"q": "DISK"})
    assert titles(page) == ["disk full", "disk slow"]
    says(page, "blotter", view={"q": "disk", "severity": ["low"], "sort": "age-down"})
    assert titles(page) == ["disk slow"]
    assert page.query_params["severity"] in ("low", ["low"])
    assert page.query_params["sort"] in ("age-down", ["age-down"])
    says(page, "blotter", view={})
    assert "severity" not in page.query_params


def test_an_address_opens_with_its_filter(scene: Scene, page: AppTest):
    scene.raises("disk full", severity="critical")
    scene.raises("disk slow", severity="low")
    page.query_params["severity"] = "low"
    page.query_params["q"] = "disk"
    assert titles(page.run()) == ["disk slow"]


def test_a_label_is_searched_by_its_name(scene: Scene, page: AppTest):
    scene.raises("one")
    scene.raises("two")
    page.run()
    says(page, "blotter", view={"q": "t:two"})
    assert titles(page) == ["two"]


def test_a_search_that_means_nothing_is_said(scene: Scene, page: AppTest):
    scene.raises("one")
    page.run()
    says(page, "blotter", view={"q": "severity:worst"})
    assert "severity 'worst' is none of" in given(page, "blotter")["fault"]


def test_suppressed_alerts_are_shown_on_request(scene: Scene, page: AppTest):
    wanted = scene.raises("one")
    rows = given(page.run(), "blotter")["rows"]
    asks(page, "suppress", rows, minutes=60, comment="maintenance")
    assert titles(page) == []
    says(page, "blotter", view={"suppressed": True})
    (row,) = given(page, "blotter")["rows"]
    assert (row["status"], row["why"]) == ("suppressed", "maintenance")
    assert scene.store.alerts.get(wanted).suppress_reason == "maintenance"


def test_more_than_fit_are_said_to_be_there(scene: Scene, page: AppTest):
    scene.storm(501)
    page.run()
    assert len(titles(page)) == 500
    assert given(page, "blotter")["more"] is True
    says(page, "blotter", view={"limit": 1000})
    assert len(titles(page)) == 501


def test_all_that_match_are_acted_on_also_beyond_what_is_shown(scene: Scene, page: AppTest):
    scene.storm(501)
    page.run()
    assert asks(page, "acknowledge", [], all={"q": "storm"})["done"] == 501


def test_the_same_data_is_not_sent_twice(scene: Scene, page: AppTest):
    scene.raises("one")
    assert given(page.run(), "blotter") == given(page.run(), "blotter")


def test_a_database_that_is_down_is_said(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    set_up(monkeypatch, "postgresql://nobody:secret@127.0.0.1:9/none")
    whole = shown(page.run())  # it is not known whether there is a login
    assert "The database is not available." in whole
    assert "secret" not in whole
    assert not page.get("bidi_component")
    monkeypatch.setattr("dashboard.session.sign_in", lambda: None)  # as behind a login proxy
    pulse = given(page.run(), "pulse")
    assert pulse["counts"] is None
    assert "The database is not available." in str(pulse["notes"])
    assert "secret" not in str(pulse)
    assert titles(page) == []


def test_a_prefect_that_is_down_is_said_and_alerts_can_be_worked_on(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    deadline = time.monotonic() + 20
    while "Prefect does not answer." not in str(given(page, "pulse")["notes"]):
        assert time.monotonic() < deadline
        page.run()
    asks(page, "acknowledge", given(page, "blotter")["rows"])
    assert scene.store.alerts.get(wanted).status == "acknowledged"


def test_a_suppression_of_somebody_else_is_seen(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    until = scene.store.now().replace(year=scene.store.now().year + 1)
    scene.store.act([wanted], Suppress(actor="lena", until=until))
    assert titles(page.run()) == []


def test_the_link_of_a_message_opens_its_group_also_when_it_is_over(scene: Scene, page: AppTest):
    rule: dict[str, Any] = {"name": "disk", "group_by": []}
    over = scene.raises("over", **rule)
    scene.raises("still bad", **rule)
    scene.raises("of another group")
    scene.store.act([over], Resolve(actor="lena"))
    with scene.store.read() as connection:
        group = connection.execute(
            text("SELECT group_id FROM group_member WHERE alert_id = :a"), {"a": over}
        ).scalar_one()
    page.query_params["group"] = group
    page.run()
    assert titles(page) == ["still bad", "over"]
    assert page.query_params["q"] == f"group:{group}"
    assert "group" not in page.query_params
    scene.store.act(
        [row["id"] for row in given(page, "blotter")["rows"] if row["title"] == "still bad"],
        Resolve(actor="lena"),
    )
    page.run()
    assert sorted(titles(page)) == ["over", "still bad"]
