"""The forms of channels: what they begin with, and that nothing of them stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sentinel.errors import ConfigurationError
from sentinel.prefect_client.blocks import ChannelBlock
from sentinel.prefect_client.channel_forms import ChannelForm, FormField
from tests.dashboard.scene import Scene, shown

TEAM = ChannelBlock(id="b1", ref="mail/team", kind="mail", name="team")


def made(name: str, kind: Any, **more: Any) -> FormField:
    return FormField(
        name=name, title=name.capitalize(), help="", kind=kind,
        required=more.pop("required", False), **more,
    )  # fmt: skip


FORMS = [
    ChannelForm(
        kind="hook", title="Hook", type_id="t1", schema_id="s1",
        fields=[made("url", "secret", required=True), made("colour", "text", default="red")],
    ),
    ChannelForm(
        kind="mail", title="Mail", type_id="t2", schema_id="s2",
        fields=[
            made("server", "block", required=True, choices={"s-1": "one", "s-2": "two"}),
            made("proxy", "block", choices={"p-1": "outside"}),
            made("token", "secret"),
            made("limit", "number", schema={"type": "integer"}),
            made("to", "list", schema={"type": "array"}),
            made("sender", "text"),
        ],
    ),
]  # fmt: skip
HELD = {"server": "s-2", "proxy": "p-unnamed", "token": "****", "limit": 7,
        "to": ['"Doe, Jane" <jane@x.org>', "ops@x.org"], "sender": "s@x.org"}  # fmt: skip


class Saved:
    """What the page has saved, and the next refusal."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Mapping[str, Any], bool]] = []
        self.refusal = ""

    def save(self, kind: str, name: str, given: dict[str, Any], *, replace: bool) -> str:
        if self.refusal:
            raise ConfigurationError(self.refusal)
        self.calls.append((kind, name, dict(given), replace))
        return f"{kind}/{name}"


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Saved:
    """A Prefect with two types of channels and one mail channel."""
    found = Saved()

    def forms(_: object, __: object) -> tuple[list[ChannelForm], list[ChannelBlock]]:
        return FORMS, [TEAM]

    def values(_: object, __: object, ___: ChannelBlock) -> dict[str, Any]:
        return dict(HELD)

    of = "dashboard.configuration.Configuration"
    monkeypatch.setattr(f"{of}.channel_forms", forms)
    monkeypatch.setattr(f"{of}.channel_values", values)
    monkeypatch.setattr(f"{of}.save_channel", found.save)
    return found


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("receivers.py").run()
    page.toggle(key="manage-channels").set_value(True).run()
    shown(page)
    return page


def of_a_form(found: Iterable[Any], label: str) -> list[Any]:
    """The elements of this label in the forms of channels."""
    forms = ("add-", "change-")
    return [one for one in found if one.label == label and str(one.key).startswith(forms)]


def texts(page: AppTest, label: str) -> list[str]:
    return [str(one.value) for one in of_a_form(page.text_input, label)]


def typed(page: AppTest, label: str, value: str) -> None:
    of_a_form(page.text_input, label)[0].set_value(value)


def pressed(page: AppTest, label: str) -> None:
    of_a_form(page.button, label)[0].click()
    page.run()
    shown(page)


def change(page: AppTest) -> AppTest:
    """Open the form of the channel that exists."""
    page.session_state["change-b1-0"] = True
    page.run()
    return page


@pytest.mark.parametrize("end", ["Save", "Cancel"])
def test_a_form_that_was_saved_or_cancelled_begins_anew(
    scene: Scene, page: AppTest, saved: Saved, end: str
):
    opened(page)
    typed(page, "Name", "ops")
    typed(page, "Url", "https://hooks.example/s3cret")
    typed(page, "Colour (optional)", "blue")
    pressed(page, end)
    assert texts(page, "Name") == [""]
    assert texts(page, "Url") == [""]
    assert texts(page, "Colour (optional)") == ["red"]
    assert "s3cret" not in str([one.value for one in page.text_input])
    given = {"url": "https://hooks.example/s3cret", "colour": "blue"}
    assert saved.calls == ([("hook", "ops", given, False)] if end == "Save" else [])


def test_a_refused_form_keeps_what_was_typed(scene: Scene, page: AppTest, saved: Saved):
    saved.refusal = "Url needs at least 8 characters"
    opened(page)
    typed(page, "Url", "x")
    typed(page, "Name", "ops")
    pressed(page, "Save")
    assert "needs at least 8 characters" in shown(page)
    assert texts(page, "Url") == ["x"]


def test_another_type_begins_with_nothing_of_the_last(scene: Scene, page: AppTest, saved: Saved):
    opened(page)
    typed(page, "Name", "ops")
    typed(page, "Url", "https://hooks.example/s3cret")
    page.selectbox(key="channel-kind").set_value("mail").run()
    assert texts(page, "Name") == [""]
    page.selectbox(key="channel-kind").set_value("hook").run()
    assert texts(page, "Url") == [""]
    assert "s3cret" not in str([one.value for one in page.text_input])


def test_a_form_of_a_channel_begins_with_its_blocks_and_is_there_only_while_open(
    scene: Scene, page: AppTest, saved: Saved
):
    opened(page)
    before = [one.label for one in page.selectbox]
    assert "Server" not in before
    change(page)
    held = {one.label: one.value for one in page.selectbox}
    assert held["Server"] == "s-2"
    assert held["Proxy (optional)"] == "p-unnamed"
    pressed(page, "Save")
    kind, name, given, replace = saved.calls[0]
    assert (kind, name, replace) == ("mail", "team", True)
    assert given == {"server": "s-2", "proxy": "p-unnamed", "token": "", "limit": 7}
    assert "Server" not in [one.label for one in page.selectbox]


def test_optional_fields_of_a_channel_can_be_cleared(scene: Scene, page: AppTest, saved: Saved):
    change(opened(page))
    next(one for one in page.selectbox if one.label == "Proxy (optional)").set_value("")
    next(one for one in page.number_input if one.label == "Limit (optional)").set_value(None)
    next(one for one in page.checkbox if one.label == "Remove Token").set_value(True)
    pressed(page, "Save")
    assert saved.calls[0][2] == {"server": "s-2", "proxy": "", "token": None, "limit": None}


def test_a_text_that_nobody_changed_is_not_saved_anew(scene: Scene, page: AppTest, saved: Saved):
    """Else it would be saved as what its text is read as."""
    change(opened(page))
    assert texts(page, "To (optional)") == ['"Doe, Jane" <jane@x.org>, ops@x.org']
    typed(page, "Sender (optional)", "t@x.org")
    pressed(page, "Save")
    assert saved.calls[0][2]["sender"] == "t@x.org"
    assert "to" not in saved.calls[0][2]


def test_a_list_that_was_emptied_is_cleared(scene: Scene, page: AppTest, saved: Saved):
    change(opened(page))
    typed(page, "To (optional)", "")
    pressed(page, "Save")
    assert saved.calls[0][2]["to"] == ""
