"""A person takes along more than is written at once: they see it go on, and save all of it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sentinel.alerts.actions import Acknowledge
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

MANY = 6000
# What the bar says is noted as it changes: it is gone again before anybody could ask twice.
NOTED = """() => { window.said = []; new MutationObserver(() => {
    const bar = document.querySelector('[data-testid=stProgress]');
    const text = bar ? bar.innerText : '';
    if (text && window.said.at(-1) !== text) window.said.push(text);
}).observe(document.body, {childList: true, subtree: true, characterData: true}); }"""


def saved(page: Page, kind: str) -> tuple[str, list[dict[str, str]]]:
    """Ask for the file and save it, as people do; gives its name and rows."""
    page.evaluate(NOTED)
    page.get_by_role("button", name=kind, exact=True).click()
    save = page.get_by_role("button", name=re.compile(r"Save (alerts|audit)-\d"))
    expect(save).to_be_visible()
    expect(page.locator("[data-testid=stProgress]")).to_have_count(0)
    with page.expect_download() as download:
        save.click()
    content = Path(download.value.path()).read_text("utf-8-sig")
    return download.value.suggested_filename, list(csv.DictReader(io.StringIO(content)))


def test_all_of_a_long_history_is_written_before_ones_eyes_and_saved(
    scene: Scene, window: Watched, served: Served
):
    scene.storm(MANY)
    page = window.page
    page.goto(f"{served.url}/history")
    expect(page.locator(".fresh-count")).to_contain_text("1 – 50 of 1,000+")
    name, rows = saved(page, "CSV")
    said = [int(found.replace(",", "")) for text in page.evaluate("window.said")
            for found in re.findall(r"^([\d,]+) of 6,000 alerts", text)]  # fmt: skip
    # How often a browser is shown the progress depends on the machine: a quick one skips it.
    assert said == sorted(said)
    assert re.fullmatch(r"alerts-\d{8}-\d{4}\.csv", name)
    assert {row["title"] for row in rows} == {f"storm {number}" for number in range(MANY)}
    assert len(rows) == MANY
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name=re.compile("Save alerts"))).to_have_count(0)


def test_what_people_did_is_found_by_its_address_and_saved(
    scene: Scene, window: Watched, served: Served
):
    scene.storm(120)
    ids = [alert.id for alert in scene.store.alerts.page(limit=200).items]
    scene.store.act(ids, Acknowledge(actor="lena", comment="=on it"))
    scene.store.act(ids[:3], Acknowledge(actor="omar"))
    page = window.page
    page.goto(f"{served.url}/audit")
    page.get_by_role("textbox", name="Actor").fill("lena")
    page.get_by_role("textbox", name="Actor").press("Enter")
    page.get_by_role("button", name="acknowledged", exact=True).click()
    expect(page).to_have_url(re.compile(r"audit-actor=lena.*audit-kinds=acknowledged"))
    page.goto("about:blank")
    page.go_back()
    expect(page.get_by_role("textbox", name="Actor")).to_have_value("lena")
    expect(page.locator(".fresh-count")).to_contain_text("1 – 50")
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".fresh-count")).to_contain_text("51 – 100")
    name, rows = saved(page, "CSV")
    assert name.startswith("audit-")
    assert {row["alert_id"] for row in rows} == set(ids)
    assert {(row["actor"], row["comment"]) for row in rows} == {("lena", "'=on it")}


def test_a_row_of_the_audit_opens_its_alert_whose_address_can_be_passed_on(
    scene: Scene, window: Watched, served: Served
):
    first, second = scene.raises("disk"), scene.raises("cpu")
    scene.store.act([first], Acknowledge(actor="lena"))
    scene.store.act([second], Acknowledge(actor="omar"))
    page = window.page
    page.goto(f"{served.url}/audit?audit-actor=lena")
    table = page.locator("[data-testid=stDataFrame] canvas").first
    expect(table).to_be_visible()
    # The box before the first row: the table is drawn, and has no elements of its own.
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 17, box["y"] + 52)
    expect(page.locator(".drawer h2")).to_have_text("disk")
    expect(page).to_have_url(re.compile(f"audit\\?.*alert={first}"))
    page.goto(page.url)
    expect(page.locator(".drawer h2")).to_have_text("disk")
    expect(page.get_by_role("textbox", name="Actor")).to_have_value("lena")


def test_nonsense_in_an_address_is_no_trouble(scene: Scene, window: Watched, served: Served):
    scene.store.act([scene.raises("disk")], Acknowledge(actor="lena"))
    page = window.page
    for nonsense in ("audit-span=x&audit-kinds=y", "q=%25%27%00%F0%9F", "alert=zzz"):
        page.goto(f"{served.url}/audit?{nonsense}")
        expect(page.locator(".page-head h1").get_by_text("Audit")).to_be_visible()
        expect(page.locator("[data-testid=stDataFrame], .empty").first).to_be_visible()
        expect(page.locator("[data-testid=stException]")).to_have_count(0)
