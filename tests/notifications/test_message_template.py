"""A template takes the place of a message's texts, is checked when saved, and loses no message."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sentinel.errors import ConfigurationError
from sentinel.notifications import message_template
from sentinel.notifications.message_template import MessageTemplate, checked, templated
from tests.blocks.messages import message


def test_names_are_filled_in_from_the_message_and_its_worst_alert():
    template = checked(
        MessageTemplate(
            title="{group_severity}: {labels.host}\n{firing} on {labels.mount}",
            text="{title}\n{value:.1f} of {{ $labels.mount }}, see {annotations.runbook}\n"
            "{alerts.1.title} {reason_text} {receiver} {url}\n",
        )
    )
    made, problem = templated(message(), template)
    assert (made.title, problem) == ("critical: db1 2 on /data0", "")
    assert made.text == (
        "/data0 is 97 percent full\n97.0 of /data0, see https://r.example\n"
        "/data1 is 96 percent full first notification default http://127.0.0.1:8501/?group=g1"
    )
    assert replace(made, title=message().title, text="") == message(), "nothing else changes"


def test_an_empty_part_is_the_built_in_one():
    made, _ = templated(message(), MessageTemplate(title="{rule}"))
    assert (made.title, made.text) == ("disk-space", "")
    made, _ = templated(message(), MessageTemplate(text="{rule}"))
    assert (made.title, made.text) == (message().title, "disk-space")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (MessageTemplate(), "the template is empty"),
        (MessageTemplate(title="{severety}"), "title, line 1, column 2: {severety} is unknown"),
        (MessageTemplate(text="ok\n  {label.host}"), "text, line 2, column 4: {label.host} is"),
        (MessageTemplate(text="a\nb {value:x}"), "text, line 2, column 3: {value:x} has a format"),
        (MessageTemplate(text="x" * 4001), "text: has more than 4,000 characters"),
    ],
)
def test_a_wrong_template_is_refused_at_its_place(template: MessageTemplate, says: str):
    with pytest.raises(ConfigurationError) as caught:
        checked(template)
    assert says in caught.value.message


def test_what_comes_out_empty_or_fails_falls_back_to_the_built_in_text(
    monkeypatch: pytest.MonkeyPatch,
):
    bare = message(alerts=[replace(message().alerts[0], description="", category=" ")])
    made, problem = templated(bare, MessageTemplate(title="{category}", text="{description}"))
    assert made == bare
    assert problem == "its title came out empty; its text came out empty"

    def fails(*_: object) -> str:
        raise ValueError

    monkeypatch.setattr(message_template, "render", fails)
    made, problem = templated(bare, MessageTemplate(title="{rule}"))
    assert (made, problem) == (bare, "its title cannot be filled in (ValueError)")


def test_a_message_without_alerts_has_its_own_fields():
    none = message(alerts=[], firing=0)
    made, problem = templated(none, MessageTemplate(title="{title} {severity} {labels.host}"))
    assert (made.title, problem) == ("[critical] disk-space critical {labels.host}", "")
