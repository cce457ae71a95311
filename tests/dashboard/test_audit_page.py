"""The audit page: what people did, found again, and read back from what they did elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import session
from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.store.alerts import audit
from tests.dashboard.scene import Scene, given, says, shown


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("audit.py").run()
    shown(page)
    return page


def column(page: AppTest, name: str) -> list[str]:
    return list(page.dataframe[0].value[name])


def test_what_is_done_in_the_drawer_is_on_the_page(scene: Scene, page: AppTest):
    alert = scene.raises("disk")
    assert "No actions yet" in shown(opened(page))
    command: dict[str, Any] = {
        "id": "c1",
        "op": "resolve",
        "items": [[alert, 1]],
        "comment": "replaced it",
    }
    says(page, "drawer", open=alert, commands=[command])
    page.run()
    assert scene.store.alerts.get(alert).status == "resolved"
    assert column(page, "Actor") == ["maria"]
    assert column(page, "Action") == ["resolved"]
    assert column(page, "Comment") == ["replaced it"]
    undo: dict[str, Any] = {"id": "c2", "op": "undo", "of": "c1", "items": []}
    says(page, "drawer", open=alert, commands=[undo])
    page.run()
    assert scene.store.alerts.get(alert).status == "open"
    assert column(page, "Action") == ["reopened", "resolved"]
    assert given(page, "drawer")["alert"]["status"] == "open"


def test_it_is_narrowed_by_who_what_and_words(scene: Scene, page: AppTest):
    first, second = scene.raises("disk"), scene.raises("cpu")
    scene.store.act([first], Acknowledge(actor="lena", comment="on it"))
    scene.store.act([second], Resolve(actor="omar", comment="rebooted"))
    opened(page)
    assert column(page, "Alert") == ["cpu", "disk"]
    page.text_input(key="audit-actor").set_value("lena").run()
    assert column(page, "Alert") == ["disk"]
    page.text_input(key="audit-actor").set_value("").run()
    page.button_group(key="audit-kinds").set_value(["resolved"]).run()
    assert column(page, "Actor") == ["omar"]
    page.text_input(key="q").set_value("nothing").run()
    assert "No action matches" in shown(page)


def test_its_address_says_what_is_looked_for_and_brings_it_back(scene: Scene, page: AppTest):
    first, second = scene.raises("disk"), scene.raises("cpu")
    scene.store.act([first, second], Acknowledge(actor="lena", comment="on it"))
    page.query_params["q"] = "disk"
    page.query_params["audit-actor"] = "lena"
    page.query_params["audit-span"] = "24h"
    page.query_params["audit-kinds"] = ["acknowledged", "resolved"]
    opened(page)
    assert page.text_input(key="q").value == "disk"
    assert page.text_input(key="audit-actor").value == "lena"
    assert page.button_group(key="audit-kinds").value == ["acknowledged", "resolved"]
    assert column(page, "Alert") == ["disk"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("audit-span", "nonsense"),
        ("audit-kinds", "nonsense"),
        ("q", "%' OR 1=1 --\0"),
        ("audit-actor", "\0"),
        ("q", "x" * 20_000),
        ("alert", "no-such-alert"),
    ],
)
def test_nonsense_in_the_address_breaks_nothing(scene: Scene, page: AppTest, name: str, text: str):
    scene.store.act([scene.raises("disk")], Acknowledge(actor="lena"))
    page.query_params[name] = text
    opened(page)


def test_its_address_with_an_alert_opens_that_alert_beside_it(scene: Scene, page: AppTest):
    alert = scene.raises("disk")
    scene.store.act([alert], Acknowledge(actor="lena"))
    page.query_params["alert"] = alert
    assert column(opened(page), "Alert") == ["disk"]
    assert given(page, "drawer")["alert"]["title"] == "disk"


def test_moments_are_of_who_looks(scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "zone", lambda: "Asia/Kolkata")
    scene.store.act([scene.raises("disk")], Acknowledge(actor="lena"))
    when = opened(page).dataframe[0].value["Time"]
    assert "Asia/Kolkata" in str(when.dtype)
    assert "times in Asia/Kolkata" in shown(page)


def test_what_is_rare_is_looked_for_a_piece_at_a_time(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit, "MOST_WALKED", 60)
    old = scene.raises("very old")
    scene.store.act([old], Acknowledge(actor="omar"))
    scene.storm(100)
    ids = [alert.id for alert in scene.store.alerts.page(limit=200).items if alert.id != old]
    scene.store.act(ids, Acknowledge(actor="lena"))
    opened(page).text_input(key="q").set_value("omar").run()
    assert "Nothing found so far" in shown(page)
    assert "searched 60 entries" in shown(page)
    page.button(key="audit-older").click().run()
    assert column(page, "Alert") == ["very old"]
    assert page.button(key="audit-older").disabled


def test_a_rule_that_was_disabled_closed_its_alerts(scene: Scene, page: AppTest):
    rule = scene.store.alerts.get(scene.raises("disk")).rule
    scene.store.rules.disable(rule, actor="lena", reason="noisy")
    opened(page)
    assert (column(page, "Actor"), column(page, "Action")) == (
        ["lena"],
        ["resolved: rule disabled"],
    )


def test_pages_are_turned_both_ways(scene: Scene, page: AppTest):
    scene.storm(51)
    ids = [alert.id for alert in scene.store.alerts.page(limit=60).items]
    scene.store.act(ids, Acknowledge(actor="lena"))
    assert len(opened(page).dataframe[0].value) == 50
    page.button(key="audit-older").click().run()
    assert len(page.dataframe[0].value) == 1
    page.button(key="audit-newer").click().run()
    assert len(page.dataframe[0].value) == 50
