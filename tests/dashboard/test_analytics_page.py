"""The analytics page: reaction, noise with advice to apply, pages, and Sentinel's own times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from streamlit.testing.v1 import AppTest

from dashboard.analytics_view import csv_of
from dashboard.clock import Clock
from sentinel.alerts.actions import Acknowledge, MarkNoise
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.reports.measured import Measured
from tests.dashboard.scene import Scene, shown
from tests.store.noise_weeks import QUIET, seven_weeks
from tests.world import World


def noisy(scene: Scene) -> None:
    """A rule that fired for three minutes, many times in the last days; people call it noise."""
    clock = FakeClock(scene.store.now() - timedelta(days=3))
    store = Store(scene.url, clock=clock)
    world = World(store, clock, name="blip", team="ops", every="60s")
    for _ in range(24):
        world.sees({"/": 95.0})
        clock.forward(minutes=3)
        world.sees({"/": 10.0})
        clock.forward(minutes=120)
    store.act(world.ids()[:14], MarkNoise(actor="ann", comment="too low"))
    store.close()
    scene.store.act([scene.raises("real")], Acknowledge(actor="ann"))


def metrics(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def test_it_measures_scores_and_applies_what_would_make_a_rule_less_noisy(
    scene: Scene, page: AppTest
):
    noisy(scene)
    page.run().switch_page("analytics.py").run()
    words = shown(page)
    found = metrics(page)
    assert (found["Opened"], found["Never acted on"], found["Shifts above two pages"]) == (
        "25", "100%", "0",
    )  # fmt: skip
    assert found["MTTR"] in ("3 min", "4 min")
    assert "<b>blip</b>: fatigue" in words
    assert "fired 24 times in 7 days" in words
    assert "people marked 14 as noise" in words
    assert ("Nobody was paged." in words, "Nothing escalated." in words) == (True, True)
    # The rule belongs to a file: the change is shown, and nothing is changed.
    page.button(key="apply-raise_for").click().run()
    assert page.code[0].value.splitlines()[-1] == "+    for: 5m"
    page.button(key="apply-delete").click().run()
    assert scene.store.rules.get("blip").enabled is False
    page.button(key="undo-analytics-button").click().run()
    assert scene.store.rules.get("blip").enabled is True
    assert not page.exception


def test_noisy_rules_come_in_the_learned_order_with_the_reason(scene: Scene, page: AppTest):
    seven_weeks(scene.store)
    page.run().switch_page("analytics.py").run()
    assert "Ordered by what was learned of the earlier weeks: " in shown(page)
    (ranked,) = (one.value for one in page.dataframe if "Score" in one.value.columns)
    assert set(ranked["Name"][:5]) == set(QUIET)
    assert list(ranked["Of"][:10]) == ["rule"] * 10
    assert str(page.selectbox(key="noise-rule-chosen").options[0]) in QUIET


def test_an_empty_period_and_a_rule_that_is_not_there_are_said(scene: Scene, page: AppTest):
    page.query_params["noise-rule"] = "nothing"
    page.run().switch_page("analytics.py").run()
    assert "Nothing to review yet" in shown(page)
    scene.raises("one")
    page.query_params["noise-rule"] = "nothing"
    page.run()
    assert not page.exception


def test_rules_of_one_name_are_chosen_by_their_tenants(scene: Scene, page: AppTest):
    for tenant in ("acme", "default"):
        scene.raises("one", name="disk", tenant=tenant)
    page.run().switch_page("analytics.py").run()
    chosen = page.selectbox(key="noise-rule-chosen")
    assert sorted(chosen.options) == ["disk · acme", "disk · default"]
    chosen.set_value(("disk", "default")).run()
    assert not page.exception
    assert page.query_params["noise-rule"] == "disk"
    assert page.query_params["noise-tenant"] == "default"


def test_mean_times_of_nothing_are_a_sentence_and_no_chart(scene: Scene, page: AppTest):
    scene.raises("one")
    page.run().switch_page("analytics.py").run()
    assert "No alert was acknowledged or resolved in this time." in shown(page)


def test_a_name_that_a_spreadsheet_would_run_is_a_text_in_the_export():
    row = Measured(tenant="@it", name="=1+1", opened=2, critical=0, low=0, acknowledged=1,
                   resolved=0, ignored=0, acknowledge=60.0, resolve=None)  # fmt: skip
    assert csv_of("rule", [row]).splitlines()[1] == "'=1+1,'@it,2,0,1,0,0,60.000,"


def test_days_that_are_counted_in_utc_have_its_dates_west_of_it():
    midnight = datetime(2026, 11, 30, tzinfo=UTC)
    viewer = Clock(ZoneInfo("America/Los_Angeles"))
    assert (viewer.short_day(midnight), viewer.in_utc().short_day(midnight)) == ("Nov 29", "Nov 30")
