"""Nothing keeps people out: every page at three widths, light and dark, with axe-core."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from sentinel.access import Principal, Role
from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.boards.document import board_of
from sentinel.store.access.keys import Keys
from sentinel.store.custom_dashboards import Boards
from sentinel.store.custom_dashboards import Place as Of
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_escalations_page import DOCUMENT
from tests.dashboard.test_routing_page import DOCUMENT as ROUTES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js").read_text()
TABLE = "[data-testid=stDataFrame] canvas"
CHART = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
WIDTHS = (1440, 768, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES = ("wcag2a", "wcag2aa", "wcag21aa")
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that a page passes in one colour scheme and may fail in the other."""
DRAWN = {
    "": ".blotter .row",
    "?alert={taken}": ".drawer .step.opened",
    "inbox": ".alert .title",
    "on-call": ".calendar .bar",
    "escalations": ".policy-step",
    "silences": ".calendar .bar",
    "rules": TABLE,
    "rules?rule={rule}": ".rule-state",
    "rules?build=@gallery": ".card-title",
    "rules?build=@new": "[data-testid=stSelectbox]",
    "channels": TABLE,
    "routing": ".routes svg",
    "overview": CHART,
    "analytics": CHART,
    "history": TABLE,
    "history?q=nothing-like-it": ".empty",
    "compare": TABLE,
    "audit": TABLE,
    "audit?audit-actor=nobody": ".empty",
    "dashboards?board=wall": ".tile .number",
    "health": ".component",
    "log": TABLE,
    "logs": ".note",  # no store here; with one: test_browser_telemetry
    "traces": ".note",
    "services": ".note",
    "limits": "textarea",
    "people?people-view=Roles": ".roles",
    "people?people-view=API+keys": TABLE,
    "settings": ".meanings",
}
THUMB = ("", "?alert={taken}", "on-call")
"""Pages that people work with on a phone: what a thumb presses there is at least 44 pixels."""
SMALL = """() => {
    const found = [];
    const seek = (root) => {
        for (const one of root.querySelectorAll('*')) {
            if (one.shadowRoot) seek(one.shadowRoot);
            if (!one.matches('button, select, [role=button]')) continue;
            const box = one.getBoundingClientRect(), shown = one.checkVisibility();
            if (!shown || !box.width || box.right <= 0 || box.left >= innerWidth) continue;
            if (Math.min(box.width, box.height) < 43.5)
                found.push(`${(one.ariaLabel || one.textContent).trim().slice(0, 40)}: `
                    + `${Math.round(box.width)} x ${Math.round(box.height)}`);
        }
    };
    seek(document);
    return found;
}"""


def serious(page: Page, rules: Sequence[str] = RULES) -> list[str]:
    """What axe-core finds serious; the list of pages is Streamlit's own, with headings in it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(
        """async (rules) => (await axe.run(
            {include: [['body']], exclude: [['[data-testid=stSidebarNav]']]},
            {runOnly: rules, resultTypes: ['violations']}))
            .violations.filter((one) => ['serious', 'critical'].includes(one.impact))
            .map((one) => one.id + ': ' + one.nodes.map((n) => n.target.flat().join(' ') + ' '
                + (n.failureSummary || '').slice(0, 220)).slice(0, 3).join(' | '))""",
        list(rules),
    )
    return list(found)


def problems(page: Page, width: int, rules: Sequence[str] = RULES) -> list[str]:
    """What is wrong and stays so: a page that is being put together is paler for a moment."""
    looks = 3
    while True:
        found = serious(page, rules)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"it is {wide} wide")
        if page.get_by_text("[object ").count():
            found.append("it shows an object of JavaScript in place of its text")
        looks -= 1
        if not found or not looks:
            return [f"at {width}: {one}" for one in found]
        page.wait_for_timeout(700)


def in_scheme(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Look at the open page in light or dark, once it is drawn in that."""
    page.emulate_media(color_scheme=scheme)
    app = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(app).to_have_css("color-scheme", scheme)


def test_every_page_is_for_everybody_at_every_width(scene: Scene, window: Watched, served: Served):
    page = window.page
    for name in ("db", "ams", "fra", "pager"):
        scene.store.receivers.set(name, ["inbox"])
    OnCallDocuments(scene.store).apply(DOCUMENT, actor="lena")
    Routes(scene.store).apply(ROUTES, actor="lena")
    for number, severity in enumerate(("critical", "high", "medium", "low", "info")):
        scene.raises(f"alert {number}", severity=severity, team="db")
    taken, over = scene.raises("taken", team="db"), scene.raises("over")
    scene.store.act([taken], Acknowledge(actor="lena", comment="on it"))
    scene.store.act([over], Resolve(actor="lena", comment="done"))
    scene.tells(taken, "a message about what is taken")
    scene.store.log.write("info", "rule.switched", "one row")
    weekly = {"weekly": {"windows": [{"days": "sun", "start": "02:00", "end": "04:00"}]}}
    end = scene.store.now() + timedelta(days=90)
    MatcherSilences(scene.store).create(['team="db"'], end, actor="lena", recurrence=weekly)
    Keys(scene.store).create("grafana", Role.RESPONDER, actor="lena", scopes=["webhooks"])
    tiles = [{"kind": kind, "width": 2} for kind in ("count", "trend", "table", "oncall")]
    maria = Principal(name="maria", kind="local", role=Role.ADMIN)
    Boards(scene.store, maria).save("wall", Of(), board_of({"tiles": tiles}), actor="maria")
    rule = scene.store.alerts.get(taken).rule
    page.emulate_media(reduced_motion="reduce")  # what is looked at is what stays
    found: dict[str, list[str]] = {}
    for number, (path, drawn) in enumerate(DRAWN.items()):
        # Opened at one width and in one scheme, which differ from page to page, and changed.
        found[path] = []
        for turn in range(len(SCHEMES)):
            scheme = SCHEMES[(number + turn) % len(SCHEMES)]
            for step in range(len(WIDTHS)):
                width = WIDTHS[(number + step + turn) % len(WIDTHS)]
                page.set_viewport_size({"width": width, "height": 900})
                if turn == step == 0:
                    page.emulate_media(color_scheme=scheme)
                    page.goto(f"{served.url}/{path.format(taken=taken, rule=rule)}")
                expect(page.locator(drawn).first).to_be_visible()
                if step == 0:
                    in_scheme(page, scheme)
                wrong = problems(page, width, RULES if turn == 0 else COLOURS)
                if width == 390 and path in THUMB:
                    wrong += [f"too small for a thumb: {one}" for one in page.evaluate(SMALL)]
                found[path] += [f"{scheme}, {one}" for one in wrong]
    told = {path: what for path, what in found.items() if what}
    assert not told, "\n".join(f"{path}: {one}" for path, what in told.items() for one in what)
