"""Overview, system log and settings: what they say, and that it is so in the store."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.connection_check import check_connection
from sentinel.alerts.actions import Acknowledge, Resolve
from tests.dashboard.scene import Scene, set_up, shown


def opened(page: AppTest, name: str) -> AppTest:
    page.run().switch_page(name).run()
    shown(page)
    return page


def metrics(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def test_the_overview_counts_what_is_so(scene: Scene, page: AppTest):
    taken = scene.raises("taken", severity="critical")
    over = scene.raises("over")
    scene.raises("open", severity="low")
    scene.store.act([taken], Acknowledge(actor="lena"))
    scene.store.act([over], Resolve(actor="lena"))
    figures = metrics(opened(page, "overview.py"))
    assert (figures["Active"], figures["Critical"], figures["Unacknowledged"]) == ("2", "1", "1")
    assert figures["Rules"] == "3 of 3"
    assert (figures["Opened"], figures["Resolved"], figures["Never acknowledged"]) == (
        "3",
        "1",
        "2",
    )
    assert figures["Mean time to acknowledge"] == "30 min"


def test_every_figure_has_a_written_meaning(scene: Scene, page: AppTest):
    scene.raises("one")
    opened(page, "overview.py")
    words = shown(page)
    for metric in page.metric:
        assert metric.help
        assert f"<dt>{metric.label}</dt>" in words


def test_the_noisiest_rule_is_first(scene: Scene, page: AppTest):
    scene.raises("quiet")
    scene.storm(5)
    table = opened(page, "overview.py").dataframe[0].value
    assert list(table["Opened"]) == [5, 1]


def test_an_overview_of_nothing_teaches_the_next_step(scene: Scene, page: AppTest):
    assert "prefect deploy --all" in shown(opened(page, "overview.py"))


def test_the_system_log_is_searched(scene: Scene, page: AppTest):
    scene.store.log.write("info", "rule.switched", "disk-space is off, says lena")
    scene.store.log.write("error", "delivery.failed", "Slack did not take it")
    opened(page, "log.py")
    assert list(page.dataframe[0].value["Event"]) == ["delivery.failed", "rule.switched"]
    page.text_input(key="q").set_value("LENA rule").run()
    assert list(page.dataframe[0].value["Event"]) == ["rule.switched"]
    page.text_input(key="q").set_value("").run()
    page.button_group(key="levels").set_value(["error"]).run()
    assert list(page.dataframe[0].value["Message"]) == ["Slack did not take it"]


def test_an_entry_of_the_log_that_is_selected_is_shown_whole_and_stays(scene: Scene, page: AppTest):
    for number in range(3):
        details = {"actor": "lena", "rules": ["disk", "cpu"], "until": "2026-11-30T10:00:00Z"}
        scene.store.log.write("info", "x", f"message <b>{number}</b>", details)
    opened(page, "log.py")
    chosen = scene.store.log.page()[1]
    page.session_state["log-chosen"] = chosen.id
    words = shown(page.run())
    assert "message &lt;b&gt;1&lt;/b&gt;" in words
    assert "<dt>until</dt><dd>Nov 30, 2026, 10:00:00 AM</dd>" in words
    assert "<dt>rules.1</dt><dd>cpu</dd>" in words
    scene.store.log.write("info", "x", "a newer one")
    assert "message &lt;b&gt;1&lt;/b&gt;" in shown(page.run())


def test_more_of_the_log_is_shown_on_request(scene: Scene, page: AppTest):
    for number in range(101):
        scene.store.log.write("info", "x", f"row {number}")
    assert len(opened(page, "log.py").dataframe[0].value) == 100
    page.button(key="log-older").click().run()
    assert len(page.dataframe[0].value) == 101


def test_an_empty_log_says_what_will_be_there(scene: Scene, page: AppTest):
    assert "No log entries" in shown(opened(page, "log.py"))


def test_settings_say_where_things_are(scene: Scene, page: AppTest):
    scene.raises("one")
    words = shown(opened(page, "settings.py"))
    assert page.text_input(key="prefect_api_url").value == "http://127.0.0.1:9/api"
    for text in ("SENTINEL_PREFECT_API_URL", "sentinel.db", "SENTINEL_RETENTION", "90d", "maria"):
        assert text in words


def test_a_connection_is_tested(scene: Scene, page: AppTest):
    opened(page, "settings.py").button(key="test").click().run()
    assert "Prefect does not answer." in shown(page)


@pytest.mark.parametrize(
    ("url", "says"),
    [("127.0.0.1:9", "not a web address"), ("http://127.0.0.1:9/api", "127.0.0.1:9")],
)
def test_why_an_address_does_not_answer_is_said(url: str, says: str):
    found = check_connection(url)
    assert not found.ok
    assert says in found.text


@pytest.mark.parametrize("name", ["overview.py", "history.py", "audit.py", "log.py", "settings.py"])
def test_a_database_that_is_down_is_said_without_its_password(
    page: AppTest, scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str
):
    set_up(monkeypatch, "postgresql://nobody:secret@127.0.0.1:9/none")
    words = shown(opened(page, name))
    assert "does not answer" in words
    assert "secret" not in words
