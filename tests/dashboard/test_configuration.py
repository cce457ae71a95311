"""Rules, channels and saved views: changed through the page, read back from the store."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import session
from dashboard.clock import Clock
from dashboard.configuration import CliResult
from sentinel.access import EVERYTHING
from sentinel.alerts.actions import Resolve, Suppress
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import DeliveryError
from sentinel.settings import settings
from tests.dashboard.scene import Scene, given, opens, says, shown
from tests.world import Recorder


def opened(page: AppTest, name: str) -> AppTest:
    page.run().switch_page(name).run()
    shown(page)
    return page


def rule_of(scene: Scene, alert: str) -> str:
    return scene.store.alerts.get(alert).rule


def test_rules_are_listed_with_their_health(scene: Scene, page: AppTest):
    rule = rule_of(scene, scene.raises("one", severity="critical", team="data"))
    table = opened(page, "rules.py").dataframe[0].value
    (row,) = table.to_dict("records")
    assert (row["Rule"], row["Health"], row["Alerts"]) == (rule, ["Firing"], 1)
    assert (row["Result"], row["Severity"], row["Team"]) == (
        "1 of 1 series firing", "critical", "data",
    )  # fmt: skip


def test_a_rule_is_disabled_with_a_reason_and_enabled_again(scene: Scene, page: AppTest):
    alert = scene.raises("one")
    rule = rule_of(scene, alert)
    page.query_params["rule"] = rule
    opened(page, "rules.py")
    page.query_params["rule"] = rule
    page.run()
    page.text_input(key="disable-reason").set_value("new disks").run()
    page.button(key="disable").click().run()
    row = scene.store.rules.get(rule)
    assert (row.enabled, row.switched_by, row.switch_reason) == (False, "maria", "new disks")
    assert scene.store.alerts.get(alert).resolution == "rule_disabled"
    assert "new disks" in shown(page)
    page.button(key="enable").click().run()
    assert scene.store.rules.get(rule).enabled
    assert not page.exception


def test_a_rule_shows_its_definition_and_its_last_evaluations(scene: Scene, page: AppTest):
    rule = rule_of(scene, scene.raises("one", description="Disks of <b>all</b> hosts"))
    opened(page, "rules.py")
    page.query_params["rule"] = rule
    page.run()
    assert "Disks of &lt;b&gt;all&lt;/b&gt; hosts" in shown(page)
    (code,) = page.code
    assert f"name: {rule}" in code.value
    assert "above: 90" in code.value
    evaluations = page.dataframe[1].value
    assert list(evaluations["Highest"]) == [97.5]
    assert list(evaluations["Series"]) == [1]


def test_rules_are_found_by_words_and_state(scene: Scene, page: AppTest):
    firing = rule_of(scene, scene.raises("one"))
    over = scene.raises("two")
    scene.store.act([over], Resolve(actor="lena"))
    opened(page, "rules.py").button_group(key="states").set_value(["firing"]).run()
    # The condition still holds, whatever a person did to its alert.
    assert set(page.dataframe[0].value["Rule"]) == {firing, rule_of(scene, over)}
    assert any("a person resolved" in one for one in page.dataframe[0].value["Result"])
    scene.store.rules.disable(rule_of(scene, over), actor="lena")
    page.run()
    assert list(page.dataframe[0].value["Rule"]) == [firing]
    page.text_input(key="q").set_value("nonsense").run()
    assert "No rule matches" in shown(page)


def test_no_rules_teach_the_next_step(scene: Scene, page: AppTest):
    assert "prefect deploy --all" in shown(opened(page, "rules.py"))


def test_a_rule_is_silenced_with_what_opens_later_and_its_alerts_are_listed(
    scene: Scene, page: AppTest
):
    alert = scene.raises("one")
    scene.raises("other")
    opened(page, "rules.py")
    page.query_params["rule"] = rule_of(scene, alert)
    page.run()
    assert list(page.dataframe[2].value["Alert"]) == ["one"]
    rule = rule_of(scene, alert)
    page.text_input(key="rule-silence-reason").set_value("planned").run()
    page.button(key="rule-silence").click().run()
    words = shown(page)
    (held,) = scene.store.silences.active()
    assert (held.rule, held.reason, held.actor) == (rule, "planned", "maria")
    assert f"Silenced until {Clock(ZoneInfo('UTC')).moment(held.until)} by maria." in words
    scene.raises("later", name=rule)
    found = {one.title: one for one in scene.store.alerts.page().items}
    assert (found["one"].status, found["one"].suppress_reason) == ("suppressed", "planned")
    assert found["later"].status == "suppressed"
    assert found["other"].status == "open"
    table = page.dataframe[0].value.set_index("Rule")["Result"]
    assert table[rule].startswith("silenced · ")
    page.button(key="rule-silence-end").click().run()
    assert "Silenced until" not in shown(page)
    assert {one.status for one in scene.store.alerts.page().items} == {"open"}
    assert scene.store.silences.active() == []


def test_an_alert_that_is_suppressed_already_keeps_its_time(scene: Scene, page: AppTest):
    alert = scene.raises("one")
    until = scene.store.now() + timedelta(days=7)
    scene.store.act([alert], Suppress(actor="lena", until=until, comment="disk ordered"))
    opened(page, "rules.py")
    page.query_params["rule"] = rule_of(scene, alert)
    page.run()
    page.button(key="rule-silence").click().run()
    shown(page)
    kept = scene.store.alerts.get(alert)
    assert (kept.suppressed_until, kept.suppress_reason) == (until, "disk ordered")


def test_a_run_that_cannot_start_is_said(scene: Scene, page: AppTest):
    alert = scene.raises("one")
    opened(page, "rules.py")
    page.query_params["rule"] = rule_of(scene, alert)
    page.run()
    page.button(key="rule-run").click().run(timeout=90)
    assert any("Not started: " in one.value and "Prefect" in one.value for one in page.toast)


def test_rules_that_ship_and_are_not_evaluated_are_listed(scene: Scene, page: AppTest):
    scene.raises("one", name="disk-full")
    opened(page, "rules.py")
    listed = page.dataframe[1].value
    assert "disk-full" not in list(listed["Rule"])
    assert {"machine", "prefect.yaml"} <= set(listed["Pack"])
    assert {"on", "switched off"} == set(listed["Ships"])


def test_a_link_to_a_rule_that_is_gone_says_so(scene: Scene, page: AppTest):
    scene.raises("one")
    opened(page, "rules.py")
    page.query_params["rule"] = "<b>gone</b>"
    page.run()
    assert "There is no rule &lt;b&gt;gone&lt;/b&gt;" in shown(page)


def test_a_receiver_is_made_changed_and_removed(scene: Scene, page: AppTest):
    hook = "sentinel-webhook/ops"
    scene.store.receivers.set("default", ["inbox", hook])
    scene.raises("one", group_wait="0s")
    later = Recorder()
    later.fails[hook] = DeliveryError("no answer")
    notify_due(scene.store, later.channel_of, by="test")
    opened(page, "receivers.py")
    rows = page.dataframe[0].value.set_index("Channel")
    assert list(rows["Health"]) == ["healthy", "failing"]
    assert list(rows["Circuit breaker"]) == ["closed", "closed"]
    assert (rows["Latency"] >= rows["Latency p50"]).all()
    attempts = page.dataframe[1].value.set_index("Channel")
    assert dict(attempts["State"]) == {"inbox": "sent", hook: "failed"}
    assert attempts.loc[hook, "Answer"] == "no answer"
    page.button_group(key="deliveries-state").set_value("sent").run()
    assert list(page.dataframe[1].value["Channel"]) == ["inbox"]
    page.text_input(key="receiver-name").set_value("night").run()
    page.button(key="receiver-create").click().run()
    assert scene.store.receivers.all()["night"] == ["inbox"]
    shown(page)
    assert "remove-night" not in [one.key for one in page.button]  # made once it is asked for
    opens(page, "offer-removal-of-night")
    page.button(key="remove-night").click().run()
    assert "night" not in scene.store.receivers.all()


def test_channels_are_managed_only_if_asked_and_prefect_answers(scene: Scene, page: AppTest):
    opened(page, "receivers.py")
    assert "Channels cannot be changed now" not in shown(page)
    page.toggle(key="manage-channels").set_value(True).run(timeout=60)
    assert "Channels cannot be changed now" in shown(page)
    assert "Prefect at http://127.0.0.1:9/api does not answer" in shown(page)


def test_a_receiver_with_a_bad_name_is_refused(scene: Scene, page: AppTest):
    opened(page, "receivers.py")
    page.text_input(key="receiver-name").set_value("Night Shift").run()
    page.button(key="receiver-create").click().run()
    assert any("Not changed" in one.value for one in page.toast)
    assert list(scene.store.receivers.all()) == ["default"]


@pytest.mark.parametrize("name", ["default", "night"])
def test_a_new_receiver_replaces_none_that_is_there(scene: Scene, page: AppTest, name: str):
    scene.store.receivers.set("night", ["sentinel-webhook/ops"])
    before = scene.store.receivers.all()
    opened(page, "receivers.py")
    page.text_input(key="receiver-name").set_value(name).run()
    page.multiselect(key="receiver-channels").set_value(["inbox", "sentinel-webhook/x"]).run()
    page.button(key="receiver-create").click().run()
    assert any(f"there is a receiver {name}" in one.value for one in page.toast)
    assert scene.store.receivers.all() == before


def test_what_cannot_be_undone_says_so(scene: Scene, page: AppTest):
    rule = rule_of(scene, scene.raises("one"))
    scene.store.receivers.set("night", ["inbox"])
    opened(page, "rules.py")
    page.query_params["rule"] = rule
    page.run()
    assert "This closes 1 open alert(s) as “rule disabled”, which cannot be undone" in shown(page)
    opened(page, "receivers.py")
    opens(page, "offer-removal-of-night")
    assert "You can create it again" in shown(page)


def test_a_channel_is_tested_and_its_message_arrives(scene: Scene, page: AppTest):
    opened(page, "receivers.py")
    page.button(key="test-message").click().run(timeout=90)
    assert "inbox accepted the test message" in shown(page)
    (message,) = scene.store.inbox.page(limit=5)
    assert "Test message" in message.title


def test_a_command_that_fails_says_why(scene: Scene):
    assert settings().database_url == scene.url
    answer: CliResult = session.configuration().cli(EVERYTHING, "rule", "show", "no-such-rule")
    assert answer.output == {}
    assert "no rule 'no-such-rule'" in answer.problem


def test_a_view_of_the_live_page_is_saved_and_opened_again(scene: Scene, page: AppTest):
    scene.raises("bad", severity="critical")
    scene.raises("mild", severity="low")
    page.run()
    says(page, "blotter", view={"severity": ["critical"], "sort": "age-down"})
    page.text_input(key="view-name").set_value("the worst").run()
    page.button(key="view-save").click().run()
    (kept,) = scene.store.views.of("maria")
    assert (kept.page, kept.name, kept.query) == (
        "live", "the worst", "severity=critical&sort=age-down",
    )  # fmt: skip
    says(page, "blotter", view={"severity": ["low"]})
    assert [row["title"] for row in given(page, "blotter")["rows"]] == ["mild"]
    page.button(key="view-0-live-the worst").click().run()
    told = given(page, "blotter")
    assert told["view"]["severity"] == ["critical"]
    assert told["turn"] == 1
    assert [row["title"] for row in told["rows"]] == ["bad"]


def test_a_view_of_the_history_opens_from_any_page(scene: Scene, page: AppTest):
    scene.raises("disk full", severity="critical")
    scene.raises("cpu busy", severity="critical")
    scene.store.views.save("maria", "history", "disks", "find=disk&span=7d&severities=critical")
    scene.store.views.save("lena", "history", "hers", "")
    page.run()
    assert not any("hers" in button.label for button in page.button)
    page.button(key="view-0-history-disks").click().run()
    shown(page)
    assert list(page.dataframe[0].value["Alert"]) == ["disk full"]
    assert page.text_input(key="q").value == "disk"


def test_a_view_of_the_history_keeps_its_days(scene: Scene, page: AppTest):
    alert = scene.raises("disk full")
    day = scene.store.alerts.get(alert).since.date().isoformat()
    query = f"span=days&opened-days={day}&opened-days={day}"
    scene.store.views.save("maria", "history", "that day", query)
    page.run()
    page.button(key="view-0-history-that day").click().run()
    shown(page)
    assert [one.isoformat() for one in page.session_state["opened-days"]] == [day, day]
    page.text_input(key="view-name").set_value("again").run()
    page.button(key="view-save").click().run()
    assert [view.query for view in scene.store.views.of("maria") if view.name == "again"] == [query]


def test_a_view_is_removed_once_that_is_meant_and_put_back(scene: Scene, page: AppTest):
    scene.store.views.save("maria", "live", "mine", "mine=yes")
    page.run()
    page.button(key="view-remove-0").click().run()
    assert len(scene.store.views.of("maria")) == 1
    page.button(key="view-remove-0").click().run()
    assert scene.store.views.of("maria") == []
    page.button(key="view-back").click().run()
    assert [one.query for one in scene.store.views.of("maria")] == ["mine=yes"]


def test_a_view_that_was_replaced_is_put_back(scene: Scene, page: AppTest):
    scene.store.views.save("maria", "live", "mine", "mine=yes")
    page.run()
    says(page, "blotter", view={"severity": ["critical"]})
    page.text_input(key="view-name").set_value(" mine ").run()
    page.button(key="view-save").click().run()
    assert [one.query for one in scene.store.views.of("maria")] == ["severity=critical"]
    page.button(key="view-back").click().run()
    assert [one.query for one in scene.store.views.of("maria")] == ["mine=yes"]


@pytest.mark.parametrize("name", ["compare.py"])
def test_two_periods_are_compared(scene: Scene, page: AppTest, name: str):
    opened(page, name)
    assert "Nothing to compare" in shown(page)
    scene.raises("one", severity="critical")
    scene.raises("two", severity="low")
    page.run()
    metrics = {one.label: (one.value, one.delta) for one in page.metric}
    assert metrics["Opened"] == ("2", "+2, previously none")
    assert list(page.dataframe[0].value["Current"]) == [1, 1]
    page.button_group(key="severities").set_value(["critical"]).run()
    assert {one.label: one.value for one in page.metric}["Opened"] == "1"
    page.button_group(key="compared").set_value("days").run()
    assert not page.exception
    assert {one.label for one in page.date_input} == {"Compare these days", "with these"}
