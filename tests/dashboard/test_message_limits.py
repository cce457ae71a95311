"""The message limit of a receiver on the channels page: shown, set, and taken back."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sentinel.store.notifications.announced_receivers import announced_receivers
from sentinel.store.notifications.message_limits import message_limits
from tests.dashboard.scene import Scene, opens, shown


def test_a_limit_is_shown_set_and_taken_back(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["inbox"], actor="eva")
    page.run().switch_page("receivers.py").run()
    assert shown(page).count("at most 100 messages a minute") == 2
    opens(page, "change-receiver-ops")
    page.checkbox(key="announce-ops").check().run()
    assert announced_receivers(scene.store) == {"ops"}
    assert "a minute, and of every silence that mutes it" in shown(page)
    page.checkbox(key="announce-ops").uncheck().run()
    assert announced_receivers(scene.store) == frozenset()
    page.number_input(key="limit-of-ops").set_value(7).run()
    page.button(key="save-limit-ops").click().run()
    assert message_limits(scene.store).receivers == {"ops": 7}
    assert "notifies: Inbox, at most 7 messages a minute" in shown(page)
    page.number_input(key="limit-of-ops").set_value(0).run()
    page.button(key="save-limit-ops").click().run()
    assert "any number of messages a minute" in shown(page)
    page.number_input(key="limit-of-ops").set_value(None).run()
    page.button(key="save-limit-ops").click().run()
    assert message_limits(scene.store).receivers == {}


def test_the_limit_of_a_channel_is_shown_set_and_taken_back(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["sentinel-webhook/ops"], actor="eva")
    page.run().switch_page("receivers.py").run()
    page.selectbox(key="limit-channel").set_value("sentinel-webhook/ops").run()
    given = "limit-of-channel-sentinel-webhook/ops"
    for number, limits in ((7, 7), (0, 0), (None, None)):
        page.number_input(key=given).set_value(number).run()
        page.button(key="save-channel-limit").click().run()
        assert message_limits(scene.store).channels.get("sentinel-webhook/ops") == limits
        assert page.number_input(key=given).placeholder == f"{100 if limits is None else limits}"
