"""A resolve in the browser: alerts that still fire are offered a snooze, and it is undone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from sentinel.alerts.actions import Acknowledge, Resolve
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def toast(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".blotter .toast.on")).to_contain_text(text)


def test_many_that_still_fire_are_snoozed_with_one_click(scene: Scene, watched: Watched):
    page = watched.page
    first, second = scene.raises("one"), scene.raises("two")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.keyboard.press("*")
    page.keyboard.press("e")
    toast(page, "All of them still fired at the last evaluation; what still does reopens in 5m")
    page.get_by_role("button", name="4 h").click()
    toast(page, "Suppressed 2 alerts")
    for one in (first, second):
        alert = scene.store.alerts.get(one)
        assert alert.status == "resolved"
        assert alert.suppressed_until is not None
        left = alert.suppressed_until - scene.store.now()
        assert timedelta(hours=3, minutes=55) < left <= timedelta(hours=4)
    page.locator(".toast.on .undo").click()
    toast(page, "Undone: 2 alerts")
    until = scene.store.alerts.get(first).suppressed_until
    assert until is None or until <= scene.store.now()


def test_the_keyboard_snoozes_until_tomorrow_and_goes_on_where_it_was(
    scene: Scene, watched: Watched
):
    page = watched.page
    scene.raises("one")
    wanted = scene.raises("two")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.keyboard.press("e")
    toast(page, "It still fired at the last evaluation, and reopens in 5m if it still does")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Snooze 1 h")).to_be_focused()
    page.keyboard.press("3")
    toast(page, "Suppressed 1 alert")
    until = scene.store.alerts.get(wanted).suppressed_until
    assert until is not None
    hour, minute = page.evaluate(
        "(at) => [new Date(at).getHours(), new Date(at).getMinutes()]", until.timestamp() * 1000
    )
    assert (hour, minute) in ((8, 0), (7, 59))
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(1)


def test_what_is_left_alone_keeps_its_resolve_and_nothing_more(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("one")
    page.mouse.move(5, 5)
    expect(row(page, "one")).to_be_visible()
    page.keyboard.press("e")
    page.get_by_role("button", name="Don't snooze").click()
    expect(page.locator(".blotter .toast.on")).to_have_count(0)
    alert = scene.store.alerts.get(wanted)
    assert (alert.status, alert.suppressed_until) == ("resolved", None)


def test_a_resolve_is_taken_back_also_after_others_saw_it(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("one")
    scene.store.act([wanted], Acknowledge(actor="lena", comment="mine"))
    page.mouse.move(5, 5)
    expect(row(page, "one")).to_be_visible()
    page.keyboard.press("e")
    toast(page, "Resolved 1 alert")
    expect(row(page, "one")).to_have_count(0)
    page.keyboard.press("u")
    expect(row(page, "one").get_by_text("ack lena: mine")).to_be_visible()
    last = scene.store.alerts.timeline(wanted)[-1]
    assert (last.kind, last.actor, last.comment) == ("reopened", "maria", "undo")


def test_history_reopens_what_is_over_by_button_and_by_key(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    wanted = scene.raises("one")
    scene.store.act([wanted], Resolve(actor="lena"))
    page.goto(f"{served.url}/history?alert={wanted}")
    drawer = page.locator(".drawer")
    expect(drawer.locator(".badge.resolved")).to_be_visible()
    drawer.get_by_label("Comment", exact=True).fill("the new disk is bad too")
    drawer.get_by_role("button", name="Reopen").click()
    expect(drawer.locator(".timeline").get_by_text("reopened by a person")).to_be_visible()
    expect(drawer.locator(".timeline").get_by_text("the new disk is bad too")).to_be_visible()
    assert scene.store.alerts.get(wanted).status == "open"
    drawer.get_by_role("button", name="Resolve", exact=True).click()
    expect(drawer.get_by_role("button", name="Don't snooze")).to_be_visible()
    drawer.get_by_role("button", name="Don't snooze").click()
    expect(drawer.get_by_role("button", name="Reopen")).to_be_visible()
    drawer.focus()
    page.keyboard.press("Shift+E")
    expect(drawer.locator(".badge.open")).to_be_visible()
    assert scene.store.alerts.get(wanted).status == "open"


def test_why_something_is_not_reopened_is_said_in_the_drawer(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    wanted = scene.raises("one")
    scene.store.act([wanted], Resolve(actor="lena"))
    scene.store.rules.disable(scene.store.alerts.get(wanted).rule, actor="lena")
    page.goto(f"{served.url}/?alert={wanted}")
    page.locator(".drawer").get_by_role("button", name="Reopen").click()
    expect(page.locator(".drawer .toast.problem")).to_contain_text("its rule is switched off")


@pytest.mark.parametrize("width", [390, 768])
def test_the_offer_fits_on_a_small_screen(scene: Scene, watched: Watched, width: int):
    page = watched.page
    scene.raises("one")
    page.set_viewport_size({"width": width, "height": 844})
    page.mouse.move(5, 5)
    expect(row(page, "one")).to_be_visible()
    page.keyboard.press("e")
    for name in ("Snooze 1 h", "4 h", "Until tomorrow 08:00", "Don't snooze", "Undo"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 844
