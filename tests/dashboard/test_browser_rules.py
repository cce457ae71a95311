"""A rule is built and silenced with the keyboard alone, tried, and an expression completed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_browser_access import problems

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)
PLACE = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (!at) return '';
    const label = at.labels?.[0]?.textContent ?? at.ariaLabel ?? at.textContent ?? '';
    return `${at.tagName.toLowerCase()} ${label.trim()}`;
}"""


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until this input or button has the focus."""
    tag, _, label = wanted.partition(" ")
    for _ in range(90):
        kind, _, name = str(page.evaluate(PLACE)).partition(" ")
        if kind == tag and label in name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted!r}, but {page.evaluate(PLACE)!r}")


def choose(page: Page, label: str, words: str) -> None:
    """Choose an option of a select by typing."""
    tab_to(page, f"input {label}")
    page.keyboard.type(words)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")


def test_a_rule_is_built_with_the_keyboard_alone(scene: Scene, window: Watched, served: Served):
    page = window.page
    scene.raises("one", name="cpu", labels={"host": "web-1"})
    page.goto(f"{served.url}/rules")
    expect(page.get_by_role("button", name="New rule")).to_be_visible()
    tab_to(page, "button New rule")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New rule")).to_be_visible()
    choose(page, "Check", "cpu_us")
    choose(page, "Condition", "an expr")
    tab_to(page, "textarea Expression")
    page.keyboard.type("value > -1 & lab")
    expect(page.get_by_role("option", name="labels.host")).to_be_visible()
    expect(page.locator(".problem")).to_contain_text("(column 9)")
    page.keyboard.press("Escape")
    for _ in range(5):
        page.keyboard.press("Backspace")
    page.keyboard.type("and has(lab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type(")")
    expression = page.get_by_role("combobox", name="Expression")
    expect(expression).to_have_value("value > -1 and has(labels.host)")
    expect(expression).to_have_attribute("aria-invalid", "false")
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{scheme}: {one}" for one in problems(page, width)]
    assert not found, found
    tab_to(page, "input Name *")
    page.keyboard.type("built-cpu")
    page.keyboard.press("Tab")
    save = page.get_by_role("button", name="Save rule")
    # While Streamlit draws anew, the button of before may stand beside the new one.
    expect(save.and_(page.locator(":enabled")).first).to_be_visible()
    expect(save).to_have_count(1)
    tab_to(page, "button Try now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 series, 1 firing")).to_be_visible()
    tab_to(page, "button Save rule")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not saved.")).to_be_visible()  # this dashboard has no Prefect


def test_a_rule_is_silenced_with_the_keyboard_alone(scene: Scene, window: Watched, served: Served):
    page = window.page
    scene.raises("one", name="cpu")
    page.goto(f"{served.url}/rules?rule=cpu")
    expect(page.locator(".rule-state")).to_be_visible()
    tab_to(page, "button Silence")
    page.keyboard.press("Enter")
    tab_to(page, "input Reason")
    page.keyboard.type("new disks")
    tab_to(page, "button Silence cpu")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Silenced until")).to_be_visible()
    (silence,) = scene.store.silences.page(10, None, ended=False)
    assert (silence.rule, silence.reason, silence.actor) == ("cpu", "new disks", "maria")
    tab_to(page, "button End silence")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Silenced until")).to_have_count(0)
    assert scene.store.silences.page(10, None, ended=False) == []
