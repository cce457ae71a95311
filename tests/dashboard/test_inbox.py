"""The inbox, worked through the page and read back from the store."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.clock import Clock
from sentinel.engine.dispatcher import notify_due
from tests.dashboard.scene import Scene, given, shown


def opened(page: AppTest) -> AppTest:
    return page.run().switch_page("inbox.py").run()


def test_messages_are_newest_first_and_marked_until_they_are_read(scene: Scene, page: AppTest):
    alert = scene.raises("disk")
    old, new = scene.tells(alert, "the old one"), scene.tells(alert, "the new one")
    scene.store.inbox.mark_read([old])
    html = shown(opened(page))
    assert html.index("the new one") < html.index("the old one")
    assert html.count('<span class="unread">Unread</span>') == 1
    assert "1 unread" in html
    page.button(key=f"read-{new}").click().run()
    assert scene.store.inbox.unread() == 0
    assert "all read" in shown(page)


def test_messages_are_found_by_words_severity_and_status(scene: Scene, page: AppTest):
    alert = scene.raises("disk", severity="critical")
    scene.tells(alert, "[critical] disk is full")
    read = scene.tells(scene.raises("cpu", severity="low"), "[low] cpu is busy")
    scene.store.inbox.mark_read([read])
    html = shown(opened(page))
    # The badge says the severity; the title need not say it again.
    assert "disk is full" in html
    assert "[critical]" not in html
    page.text_input(key="q").set_value("CPU").run()
    assert "disk is full" not in shown(page)
    page.text_input(key="q").set_value("nothing").run()
    assert "No message matches" in shown(page)
    page.text_input(key="q").set_value("").run()
    page.button_group(key="inbox-severities").set_value(["critical"]).run()
    assert "cpu is busy" not in shown(page)
    page.button_group(key="inbox-severities").set_value([]).run()
    page.button_group(key="inbox-kinds").set_value(["unread"]).run()
    assert "cpu is busy" not in shown(page)
    assert "disk is full" in shown(page)


def test_the_alerts_of_a_message_are_acknowledged_in_it(scene: Scene, page: AppTest):
    scene.raises("disk", group_wait="0s")
    notify_due(scene.store, lambda _: scene.store.inbox, by="test")
    (message,) = scene.store.inbox.page()
    opened(page).button(key=f"ack-{message.id}").click().run()
    shown(page)
    (alert,) = scene.store.alerts.page().items
    assert (alert.status, alert.acknowledged_by) == ("acknowledged", "maria")
    assert scene.store.inbox.unread() == 0
    assert not [one for one in page.button if one.key == f"ack-{message.id}"]


def test_all_are_read_at_once(scene: Scene, page: AppTest):
    alert = scene.raises("disk")
    for number in range(3):
        scene.tells(alert, f"message {number}")
    assert "Mark all 3 messages as read" in shown(opened(page))
    assert "cannot be undone" in shown(page)
    page.button(key="read-them").click().run()
    assert scene.store.inbox.unread() == 0
    assert "Unread" not in shown(page)


def test_its_moments_are_those_of_whoever_looks(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dashboard.session.zone", lambda: "Asia/Tokyo")
    scene.tells(scene.raises("disk"), "about the disk")
    (message,) = scene.store.inbox.page(limit=1)
    there = Clock(ZoneInfo("Asia/Tokyo")).moment(message.at)
    assert f'title="{there} Asia/Tokyo"' in shown(opened(page))


def test_a_message_opens_its_alert(scene: Scene, page: AppTest):
    message = scene.tells(scene.raises("disk"), "about the disk")
    opened(page).button(key=f"open-{message}").click().run()
    assert given(page, "drawer")["alert"]["title"] == "disk"


def test_the_text_of_a_message_does_nothing(scene: Scene, page: AppTest):
    scene.tells(scene.raises("<i>a</i>"), "<script>alert(1)</script>")
    html = shown(opened(page))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_an_empty_inbox_says_what_will_come(scene: Scene, page: AppTest):
    html = shown(opened(page))
    assert "No messages yet" in html
    assert "sentinel doctor" in html


def test_older_messages_are_shown_on_request(scene: Scene, page: AppTest):
    alert = scene.raises("disk")
    for number in range(51):
        scene.tells(alert, f"message {number}.")
    assert "message 0." not in shown(opened(page))
    page.button(key="older").click().run()
    assert "message 0." in shown(page)


def test_a_search_of_too_many_words_is_refused_and_not_cut(scene: Scene, page: AppTest):
    scene.tells(scene.raises("disk"), "about the disk")
    opened(page).text_input(key="q").set_value("disk " * 13).run()
    assert "at most 12 words, and this one has 13" in shown(page)
