"""Templates of messages on the channels page: tried on an alert by channel, saved, taken back."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from sentinel.notifications.message_template import MessageTemplate
from sentinel.store.notifications.message_templates import message_templates
from tests.dashboard.scene import Scene, shown


def inputs(page: AppTest, kind: str) -> Any:
    """The only input of this kind and of the template that is open."""
    (found,) = (one for one in getattr(page, kind) if str(one.key).startswith("template-t"))
    return found


def pressed(page: AppTest, key: str) -> str:
    page.button(key=key).click()
    page.run()
    return shown(page)


def previews(page: AppTest) -> list[str]:
    return shown(page).split('<article class="message-preview">')[1:]


def test_a_template_is_tried_on_an_alert_saved_for_one_channel_and_taken_back(
    scene: Scene, page: AppTest
):
    scene.raises("full <disk>", severity="high")
    scene.store.receivers.set("ops", ["inbox", "slack-webhook/ops"], actor="eva")
    page.run().switch_page("receivers.py").run()
    page.toggle(key="change-templates").set_value(True).run()
    page.selectbox(key="template-receiver").select("ops").run()
    assert [one.count("[high] full &lt;disk&gt;") for one in previews(page)] == [1, 1]
    page.selectbox(key="template-channel-ops").select("slack-webhook/ops").run()
    inputs(page, "text_input").set_value("{nothing}").run()
    assert "The template cannot be used" in shown(page)
    inputs(page, "text_input").set_value("{severity}! {title}").run()
    inputs(page, "text_area").set_value("see {rule}").run()
    inbox, slack = previews(page)
    assert "[high] full &lt;disk&gt;" in inbox
    assert "high! full &lt;disk&gt;" in slack
    assert "see rule-" in slack
    assert message_templates(scene.store, "ops") == {}  # a preview changes nothing
    pressed(page, "template-save")
    kept = message_templates(scene.store, "ops")
    assert kept == {"slack-webhook/ops": MessageTemplate(title="{severity}! {title}",
                                                         text="see {rule}")}  # fmt: skip
    assert inputs(page, "text_area").value == "see {rule}"
    inputs(page, "text_area").set_value("").run()
    inputs(page, "text_input").set_value("").run()
    assert "[high] full &lt;disk&gt;" in previews(page)[1]
    pressed(page, "template-remove")
    assert message_templates(scene.store, "ops") == {}
    pressed(page, "undo-channels-button")
    assert message_templates(scene.store, "ops") == kept
