"""The message limit of a receiver on the channels page: shown, set, and taken back."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sentinel.store.notifications.message_limits import message_limits
from tests.dashboard.scene import Scene, shown


def test_a_limit_is_shown_set_and_taken_back(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["inbox"], actor="eva")
    page.run().switch_page("receivers.py").run()
    assert shown(page).count("at most 100 messages a minute") == 2
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
