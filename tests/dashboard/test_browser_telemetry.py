"""Logs, Traces and Services in a real browser: for everybody, light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.telemetry_scene import (
    sends_logs,
    sends_requests,
    sends_spans,
    shop,
    use_telemetry,
)
from tests.dashboard.test_browser_access import problems

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

DRAWN = {
    "logs": "[data-testid=stDataFrame] canvas",
    "logs?q=disk+servic:a": ".query-fault mark",
    "traces": "[data-testid=stDataFrame] canvas",
    f"traces/{1:032x}": ".waterfall li",
    "api-usage": "[data-testid=stDataFrame] canvas",
    "api-usage?consumer=ann": "[data-testid=stDataFrame] canvas",
    "requests": "[data-testid=stDataFrame] canvas",
    "consumer-keys": ".empty",
    "services": "[data-testid=stGraphVizChart] svg .node",
}


@pytest.fixture(autouse=True)
def store(
    telemetry_settings: Settings, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dashboard has a telemetry store, to which services sent something."""
    use_telemetry(monkeypatch, telemetry_settings)
    levels = ("ERROR", "WARN", "INFO", "DEBUG", "FATAL", "TRACE")
    lines = [{"message": f"line {one}", "level": one, "service_name": "shop"} for one in levels]
    sends_logs(telemetry, [*lines, {"message": "of a trace", "trace_id": f"{1:032x}"}])
    sends_requests(telemetry, [
        {"consumer": "ann", "method": "GET", "path": "/buy", "status": status, "duration_ms": 9}
        for status in (200, 404, 500)
    ])  # fmt: skip
    sends_spans(telemetry, [span for number in range(4) for span in shop(number, bad=number < 2)])


@pytest.mark.parametrize(
    ("window", "widths"),
    [("light", (1440, 390)), ("dark", (1440,))],
    indirect=["window"],
    ids=["light", "dark"],
)
def test_what_services_send_can_be_read_by_everybody(
    window: Watched, served: Served, widths: tuple[int, ...]
):
    page = window.page
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for path, drawn in DRAWN.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{served.url}/{path}")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.locator(drawn).first).to_be_visible()
            found += [f"{path}: {one}" for one in problems(page, width)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("window", ["light"], indirect=True)
def test_a_span_is_chosen_with_the_keyboard(window: Watched, served: Served):
    page = window.page
    page.goto(f"{served.url}/traces/{1:032x}")
    page.locator(".waterfall ul").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("dd", has_text="charge").first).to_be_visible()
