"""The routing page: the way of an alert through a picture of the routes, and a draft of them."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.routing_view import label_of, picture, route_lines, tree_of
from sentinel.access import Principal, Role
from sentinel.errors import ConfigurationError
from sentinel.notifications.route_trial import looked_at
from sentinel.store.notifications.route_shadow import follow_shadow
from sentinel.store.notifications.routes import Routes
from tests.dashboard.scene import Scene, given, shown

DOCUMENT = """route:
  receiver: default
  routes:
    - matchers: [team="db"]
      receiver: db
      group_by: [rule, host]
      continue: true
      routes:
        - matchers: [site="ams"]
          receiver: ams
          mute_time_intervals: [nights]
        - matchers: [site="fra"]
          receiver: fra
    - matchers: ['severity=~"critical|high"']
      receiver: pager
    - matchers: [team="web"]
      repeat_interval: 4h
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]
"""


def ways(**labels: str) -> list[str]:
    tree = tree_of(DOCUMENT)
    assert tree is not None
    return [one.way for one in route_lines(tree, looked_at(tree, labels))]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"team": "db", "site": "fra", "severity": "high"},
         ["through", "through", "differs", "takes", "takes", "no"]),
        ({"team": "db", "site": "ams", "severity": "low"},
         ["through", "through", "takes", "no", "differs", "differs"]),
        ({"team": "db", "site": "x", "severity": "low"},
         ["through", "takes", "differs", "differs", "differs", "differs"]),
        ({"team": "app", "severity": "low"},
         ["takes", "differs", "no", "no", "differs", "differs"]),
    ],
)  # fmt: skip
def test_the_way_of_an_alert_is_marked_on_the_routes(labels: dict[str, str], expected: list[str]):
    assert ways(**labels) == expected


def test_the_picture_says_what_each_route_does():
    tree = tree_of(DOCUMENT)
    assert tree is not None
    drawn = picture(route_lines(tree, looked_at(tree, {"team": "db", "site": "ams"})), "Active")
    assert [one["first"] for one in drawn["boxes"]][:2] == ["every alert", '{team="db"}']
    said = [one["second"] for one in drawn["boxes"]]
    assert said[1] == "→ db · grouped by rule, host · then the routes after it"
    assert said[2].endswith("muted in nights")
    assert said[5] == "→ default · repeat interval 4h"
    assert [one["on_way"] for one in drawn["edges"]] == [True, True, False, False, False]
    assert drawn["boxes"][2]["title"].endswith(": takes the alert")
    wide = route_lines(tree)[0]
    long = msgspec.structs.replace(wide, receivers="x" * 500, depth=30)
    assert len(picture([long], "Active")["boxes"][0]["second"]) == 20


def test_labels_are_read_as_people_write_them_and_as_matchers():
    assert label_of("team=db") == ("team", "db")
    assert label_of('team="d\\"b"') == ("team", 'd"b')
    assert label_of("url=http://x?a=b") == ("url", "http://x?a=b")
    for wrong in ("team", "=db", 'host=~"db-.*"', "team!=db", 'a="1", b="2"', 'a="'):
        with pytest.raises(ConfigurationError):
            label_of(wrong)


def boxes(page: AppTest) -> list[tuple[str, str]]:
    """The way and the second line of each route of the first picture."""
    (drawn, *_) = given(page, "routes")["pictures"]
    return [(one["way"], one["second"]) for one in drawn["boxes"]]


def pressed(page: AppTest, key: str) -> str:
    page.button(key=key).click()
    page.run()
    return shown(page)


def test_a_draft_is_tried_compared_applied_and_taken_back(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    for name in ("db", "ams", "fra", "pager"):
        scene.store.receivers.set(name, ["inbox"], actor="eva")
    Routes(scene.store).apply(DOCUMENT, actor="eva")
    scene.raises("full disk", team="db")
    page.run().switch_page("routing.py").run()
    assert boxes(page)[4][0] == "no"
    assert "→ pager" in boxes(page)[4][1]
    page.multiselect(key="route-labels").set_value(['team="db"', "site=fra"]).run()
    words = shown(page)
    assert "Notifies fra, by route {}/{team=&quot;db&quot;}/{site=&quot;fra&quot;}" in words
    assert "notified: first notification" in words
    assert [way for way, _ in boxes(page)] == [
        "through", "through", "differs", "takes", "differs", "differs",
    ]  # fmt: skip
    page.toggle(key="routes-edits").set_value(True).run()
    page.text_area(key="routes-draft").set_value(DOCUMENT.replace("[nights]", "[days]")).run()
    assert "The draft cannot be used" in shown(page)
    assert page.button(key="routes-apply").disabled
    page.text_area(key="routes-draft").set_value(
        DOCUMENT.replace("receiver: db", "receiver: pager").replace("fra\n", "ams\n")
    ).run()
    assert [one["name"] for one in given(page, "routes")["pictures"]] == ["Active", "Draft"]
    assert "Notifies ams, by route" in shown(page)
    words = pressed(page, "route-compare")
    assert "Of 1 alert, 1 would have gone another way" in words
    assert page.dataframe[0].value.to_dict("records")[0] == {
        "Alerts": 1, "Active": "db", "Draft": "pager", "Example": "full disk",
    }  # fmt: skip
    assert "Shadow" not in words
    assert "A draft runs in shadow since" in pressed(page, "shadow-start")
    scene.raises("slow query", ago=timedelta(0), team="db")
    monkeypatch.setattr("sentinel.store.notifications.route_shadow._LAG", timedelta(0))
    follow_shadow(scene.store)
    page.run()
    assert "Only the draft sends pager: slow query" in shown(page)
    assert pressed(page, "shadow-start").count("A draft runs in shadow") == 1
    assert "A draft ran in shadow since" in pressed(page, "shadow-stop")
    assert "shadow-stop" not in [one.key for one in page.button]
    pressed(page, "routes-apply")
    active = Routes(scene.store).version()
    assert (active.number, active.applied_by) == (2, "maria")
    pressed(page, "undo-routing-button")
    assert Routes(scene.store).version().rolled_back_to == 1


def test_a_viewer_tries_routes_and_is_told_who_changes_them(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    page.run().switch_page("routing.py").run()
    page.multiselect(key="route-labels").set_value(["team=db"]).run()
    words = shown(page)
    assert "Notifies default" in words
    assert "The routes are changed by the role editor or a higher one; yours is viewer" in words
    assert not page.toggle
