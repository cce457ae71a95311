"""Every page writes times as the viewer's browser does: in Chromium, also what is only drawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

import dashboard
from dashboard.clock import Clock
from sentinel.alerts.actions import Acknowledge, Suppress
from sentinel.schema.columns import new_id
from sentinel.store.database.tables import DELIVERY
from tests.dashboard.browser import PATIENCE, Served, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

RECORD = """
window.drawn = new Set();
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
  window.drawn.add(String(text));
  return fill.call(this, text, ...more);
};
"""
"""Tables and charts are drawn on a canvas: what they write is recorded. The cells within a table's
canvas, which are for screen readers, are Streamlit's own and hold what is copied."""
TEXTS = """() => {
  const found = new Set(window.drawn);
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) { found.add(node.textContent); return; }
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (/^(SCRIPT|STYLE|CANVAS)$/.test(node.tagName)) return;
      for (const name of ["title", "placeholder", "aria-label"])
        found.add(node.getAttribute(name) ?? "");
      if (node.tagName === "INPUT") found.add(node.value);
      if (node.shadowRoot) node.shadowRoot.childNodes.forEach(walk);
    }
    node.childNodes.forEach(walk);
  };
  walk(document.body);
  return [...found];
}"""
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
RIGHT = {
    # one moment, one time of day, one day; for the browser's language
    "en-US": (
        r"(?:[A-Z][a-z]{2} \d{1,2}, \d{4}, )?\d{1,2}:\d\d(?::\d\d)? [AP]M",
        r"[A-Z][a-z]{2} \d{1,2}(?:, \d{4})?",
    ),
    "de-DE": (
        r"(?:\d{1,2}\.\d{1,2}\.\d{4}, )?\d\d:\d\d(?::\d\d)?(?! [AP]M)",
        r"\d{1,2}\. [A-Z][a-zä]{2,3}\.?|\d{1,2}\.\d{1,2}\.\d{4}",
    ),
}  # fmt: skip
HOURS = {"en-US": r"^\d{1,2}:00 [AP]M$", "de-DE": r"^\d\d:00$"}
"""Under the bars of the overview."""
SUSPECT = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\b(?:{'|'.join(MONTHS)}) \d{{1,2}}\b|\d{{1,2}}:\d\d|[AP]M\b"
    r"|\d\d\.\d\d\.\d{4}"
)
PAGES = ("", "inbox", "rules", "channels", "overview", "history", "compare", "audit", "log",
         "settings")  # fmt: skip


def wrong(texts: list[str], locale: str) -> list[str]:
    """Return the texts that still look like a time when those of the viewer's format are gone."""
    moment, day = RIGHT[locale]
    return [text for text in texts if SUSPECT.search(re.sub(day, "", re.sub(moment, "", text)))]


@pytest.mark.parametrize(
    ("text", "locale", "refused"),
    [
        ("at Nov 29, 2026, 5:24:05 PM", "en-US", False),
        ("at 5:24 PM", "en-US", False),
        ("Nov 29 17:24:05", "en-US", True),
        ("2026-11-29 17:24", "en-US", True),
        ("29.11.2026, 17:24:05", "de-DE", False),
        ("29. Nov.", "de-DE", False),
        ("Nov 29 17:24:05", "de-DE", True),
        ("5:24:05 PM", "de-DE", True),
        ("2026-11-29", "de-DE", True),
    ],
)
def test_the_check_refuses_other_formats(text: str, locale: str, *, refused: bool):
    assert bool(wrong([text], locale)) is refused


def populated(scene: Scene) -> None:
    """Something with a time is on every page."""
    first = scene.raises("disk", name="disk")
    muted = scene.raises("muted", name="cpu")
    scene.raises("open", name="net")
    scene.store.act([first], Acknowledge(actor="lena", comment="on it"))
    scene.store.act(
        [muted], Suppress(actor="lena", until=scene.store.now() + timedelta(days=2), comment="x")
    )
    scene.tells(first, "disk is full")
    with scene.store.write() as connection:
        connection.execute(
            DELIVERY.insert().values(
                id=new_id(), group_id="g", receiver="default", channel="inbox", message_id="m",
                reason="first", state="sent", attempt=1, error="", by="", reference="",
                started_at=scene.store.now(),
            )
        )  # fmt: skip
    scene.store.rules.disable("net", actor="lena", reason="noise", tenant="default")
    scene.store.log.write(
        "info", "x", "not repeated since 2026-11-29 22:24:05 UTC", {"since": "2026-11-29T22:24:05Z"}
    )


def texts(page: Page, expected: str) -> list[str]:
    """Return all texts of the page, once its script has run and the expected one is there."""
    expect(page.locator(".page-head h1, .pulse h1").first).to_be_visible()
    expect(page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning"
    )
    page.wait_for_function(
        f"(found) => ({TEXTS})().some((one) => new RegExp(found).test(one))", arg=expected
    )
    return page.evaluate(TEXTS)


@pytest.mark.parametrize(
    ("locale", "zone"), [("en-US", "America/New_York"), ("de-DE", "Asia/Kolkata")]
)
def test_all_pages_write_times_as_the_viewers_browser_does(
    scene: Scene, served: Served, browser: Browser, locale: str, zone: str
):
    populated(scene)
    context = browser.new_context(
        locale=locale, timezone_id=zone, viewport={"width": 1440, "height": 900}
    )
    context.add_init_script(RECORD)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    moment, day = RIGHT[locale]
    seen: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(f"{served.url}/{path}")
        expected = {"settings": day, "overview": HOURS[locale]}.get(path, moment)
        seen[path] = texts(page, expected)
    page.goto(f"{served.url}/rules?rule=net")
    expect(page.get_by_text("Disabled since")).to_be_visible()
    seen["rule"] = texts(page, moment)
    page.goto(served.url)
    row(page, "disk").locator(".title").click()
    expect(page.locator(".drawer .timeline li").first).to_be_visible()
    seen["drawer"] = texts(page, moment)
    context.close()
    assert {path: found for path, texts in seen.items() if (found := wrong(texts, locale))} == {}


@pytest.mark.parametrize("locale", ["en-US", "th-TH", "fa-IR", "ar-SA"])
def test_browsers_write_the_calendar_and_the_digits_that_the_pages_write(
    browser: Browser, locale: str
):
    """Of a language's own, browsers take a calendar that Babel does not write."""
    at = datetime(2026, 11, 29, 17, 24, 5, tzinfo=UTC)
    page = browser.new_page(locale=locale, timezone_id="UTC")
    page.add_script_tag(path=Path(dashboard.__file__).parent / "blotter" / "shared.js")
    drawn: list[str] = page.evaluate(
        "(at) => ['full', 'date'].map((one) => CLOCK[one].format(at))", at.timestamp() * 1000
    )
    page.close()
    clock = Clock(ZoneInfo("UTC"), locale)
    for text in (*drawn, clock.moment(at), clock.day(at)):
        assert {"2026", "29"} <= set(re.findall(r"[0-9]+", text))
