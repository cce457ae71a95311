"""The first account, made in a browser as a new user makes it: field by field, then the login."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_browser_sign_in import PASSWORD, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def test_a_typed_password_survives_until_the_user_is_created_and_the_login_follows(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    page.goto(f"{served.url}/people")
    name = page.get_by_label("Name", exact=True)
    name.fill("maria")
    name.press("Tab")
    password = page.get_by_role("textbox", name="Password")
    password.fill(PASSWORD)
    password.press("Tab")  # to the button that shows it
    page.get_by_role("radio", name="admin").click()
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.url.endswith("/sentinel/login?next=%2Fpeople")
    sign_in(page, "maria")
    expect(page.get_by_role("heading", name="People and access")).to_be_visible()
    expect(page.locator(".signed-in .me")).to_contain_text("maria")
