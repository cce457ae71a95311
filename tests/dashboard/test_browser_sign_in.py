"""The dashboard's own login in a real browser: signing in and out, roles, and how it looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sentinel.access import Role
from sentinel.access.cookies import COOKIE
from sentinel.store.access.people import People
from tests.dashboard.browser import PATIENCE, Served, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)
PASSWORD = "seven green bicycles"
PICTURES = os.environ.get("SENTINEL_PICTURES", "")


def picture(page: Page, name: str) -> None:
    """Keep a picture for people, where a folder is named for it."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def account(scene: Scene, name: str, role: Role, display_name: str = "") -> People:
    people = People(scene.store)
    people.create(name, role, password=PASSWORD, actor="ada", display_name=display_name)
    return people


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_people_sign_in_act_and_sign_out_everywhere_at_once(
    scene: Scene, browser: Browser, served: Served
):
    alert = scene.raises("first")
    account(scene, "lena", Role.RESPONDER, "Lena Meyer")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{served.url}/history")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    picture(page, "login-light-1440")
    sign_in(page, "lena", "something else")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page, "Lena")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page.locator(".signed-in .me")).to_contain_text("Lena Meyer")
    # The page scrolls under it.
    expect(page.locator(".signed-in")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    assert COOKIE not in page.evaluate("document.cookie")
    (cookie,) = [one for one in context.cookies() if one.get("name") == COOKIE]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")

    page.goto(served.url)
    expect(row(page, "first")).to_be_visible()
    picture(page, "live-light-1440")
    page.mouse.move(5, 5)
    page.keyboard.press("a")
    expect(row(page, "first").and_(page.locator(".is-acknowledged:not(.pending)"))).to_be_visible()
    assert scene.store.alerts.get(alert).acknowledged_by == "lena"

    aside = context.new_page()
    aside.goto(f"{served.url}/settings")
    expect(aside.get_by_text("your login; role responder")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(aside.locator(".fresh.gone")).to_contain_text("Signed out")
    aside.reload()
    expect(aside.get_by_role("heading", name="Log in")).to_be_visible()
    context.close()


def test_a_viewer_sees_no_buttons_of_actions_and_no_key_acts(
    scene: Scene, browser: Browser, served: Served
):
    alert = scene.raises("first")
    rule = scene.store.alerts.get(alert).rule
    account(scene, "vera", Role.VIEWER)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(served.url)
    sign_in(page, "vera")
    expect(row(page, "first")).to_be_visible()
    expect(page.locator("[data-op]")).to_have_count(0)
    page.mouse.move(5, 5)
    for key in ("a", "e", "x", "s"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.locator("[data-op]")).to_have_count(0)
    expect(page.get_by_label("Comment", exact=True)).to_be_hidden()
    picture(page, "viewer-light-1440")
    page.goto(f"{served.url}/rules?rule={rule}")
    expect(page.get_by_role("heading", name=rule)).to_be_visible()
    expect(page.get_by_role("button", name="Compare with its file")).to_be_visible()
    for name in ("Run now", "Silence", "Disable"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    page.goto(f"{served.url}/channels")
    expect(page.get_by_role("heading", name="Receivers")).to_be_visible()
    for name in ("Change", "New receiver", "Send a test message"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert scene.store.alerts.get(alert).status == "open"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_login_fits_its_window(
    scene: Scene, browser: Browser, served: Served, scheme: str, width: int
):
    scene.raises("first")
    account(scene, "lena", Role.ADMIN, "Lena Meyer")
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 844},
    )
    page = context.new_page()
    page.goto(served.url)
    for _ in range(6):
        sign_in(page, "nobody", "something else")
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Too many logins failed. Try again in")
    picture(page, f"locked-{scheme}-{width}")
    sign_in(page, "lena")
    expect(row(page, "first")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    button = page.get_by_role("button", name="Sign out").bounding_box()
    assert button is not None
    assert button["x"] + button["width"] <= width
    picture(page, f"signed-in-{scheme}-{width}")
    context.close()
