"""The silences page: a form with a preview, and silences extended, ended and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.silence_commands import CreateSilence
from sentinel.access import Principal, Role
from sentinel.schema.silences import Silence
from sentinel.store.notifications.matcher_silences import MatcherSilences
from tests.dashboard.scene import Scene, given, shown


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("silences.py").run()
    shown(page)
    return page


def live(scene: Scene) -> list[Silence]:
    return scene.store.silences.page(10, None, ended=False)


def pressed(page: AppTest, key: str) -> str:
    page.button(key=key).click()
    page.run()
    return shown(page)


def test_a_silence_is_previewed_made_extended_ended_and_taken_back(scene: Scene, page: AppTest):
    scene.raises("full disk", team="db", labels={"site": "ams"})
    scene.raises("slow query", team="db")
    opened(page).toggle(key="silence-opened-0").set_value(True).run()
    matchers = page.multiselect(key="silence-matchers-0")
    assert {'team="db"', 'severity="medium"', 't="full disk"'} <= set(matchers.options)
    matchers.set_value(['team="db"', 't="full disk"']).run()
    assert "It mutes 1 alert that fires now" in shown(page)  # all of a set must match
    matchers.set_value(['team="db"']).run()
    assert "It mutes 2 alerts that fire now" in shown(page)
    page.text_area(key="silence-more-0").set_value('t="nothing').run()
    assert "This silence cannot be made" in shown(page)
    page.text_area(key="silence-more-0").set_value('t="nothing"').run()
    page.button_group(key="silence-kind-0").set_value("Weekly").run()
    windows = shown(page).partition("Next five windows")[2].partition("</ul>")[0]
    assert windows.count("<li>") == 5
    page.text_input(key="silence-comment-0").set_value("patch day")
    page.checkbox(key="silence-announce-0").check()
    words = pressed(page, "silence-create")
    (made,) = live(scene)
    assert made.matchers == ['team="db"', 't="nothing"']
    assert (made.actor, made.reason, made.tenant) == ("maria", "patch day", "default")
    assert made.announce
    assert made.recurrence["weekly"]["windows"][0]["start"] == "02:00"
    assert "patch day" in words
    assert "matches 2 alerts that fire now" in words
    bars = [bar for week in given(page, "calendar")["rows"][0]["weeks"] for bar in week]
    assert 3 <= len(bars) <= 4  # the first one may lie before today

    pressed(page, f"extend-{made.id}-1 week")
    assert live(scene)[0].until == made.until + timedelta(weeks=1)
    pressed(page, "undo-silences-button")
    assert live(scene)[0].until == made.until
    assert ">expired</span>" in pressed(page, f"end-{made.id}")
    assert live(scene) == []
    pressed(page, "undo-silences-button")
    (again,) = live(scene)
    assert (again.matchers, again.until) == (made.matchers, made.until)
    assert again.recurrence == made.recurrence


def test_the_form_begins_with_the_labels_of_the_alert_it_was_opened_from(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    wanted = scene.raises("full disk", tenant="red")
    rule = scene.store.alerts.get(wanted).rule
    scene.raises("another")
    page.query_params["from"] = wanted
    opened(page)
    assert page.multiselect(key="silence-matchers-0").value == [f'rule="{rule}"', 't="full disk"']
    assert "It mutes 1 alert that fires now" in shown(page)
    sent: list[CreateSilence] = []
    with monkeypatch.context() as kept:
        kept.setattr("dashboard.silence_form._create", sent.append)
        pressed(page, "silence-create")
        pressed(page, "silence-create")
    assert (sent[0], sent[0].lasts) == (sent[1], timedelta(hours=1)), "a double click is one"
    kind = page.button_group(key="silence-kind-0")
    kind.set_value("RRULE").run()
    assert "Next five windows" in shown(page)
    page.text_input(key="silence-rrule-0").set_value("FREQ=HOURLY").run()
    assert "has no FREQ=DAILY" in shown(page)
    page.button_group(key="silence-kind-0").set_value("From a time").run()
    assert "Pending" not in shown(page)
    words = pressed(page, "silence-create")
    (made,) = live(scene)
    assert (made.tenant, made.recurrence) == ("red", {})
    assert made.until - made.starts_at == timedelta(hours=4)
    assert ">pending</span>" in words


def test_a_viewer_reads_silences_and_is_told_who_makes_them(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    until = scene.store.now() + timedelta(hours=2)
    MatcherSilences(scene.store).create(['team="db"'], until, actor="lena", comment="move")
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    words = shown(opened(page))
    assert "by lena · move" in words
    assert "made by the role responder or a higher one; yours is viewer" in words
    assert not page.toggle
    assert not [one for one in page.button if one.label == "End"]


def test_of_many_silences_the_first_are_shown_and_others_are_found(scene: Scene, page: AppTest):
    end = scene.store.now() + timedelta(days=1)
    for number in range(28):
        MatcherSilences(scene.store).create([f'host="h{number:02d}"'], end, actor="lena")
    page.run().switch_page("silences.py").run()
    assert shown(page).count("status-active") == 25
    page.button(key="silences-more").click().run()
    assert shown(page).count("status-active") == 28
    page.text_input(key="q").set_value("H07 lena").run()
    words = shown(page)
    assert (words.count("status-active"), "h07" in words) == (1, True)
    page.text_input(key="q").set_value("h07 eva").run()
    assert "No silence matches" in shown(page)
