"""The SLOs page: how SLOs stand, one with its charts, the form and the report."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

from dashboard import slo_standings
from dashboard.slo_fields import problems_of
from dashboard.slo_standings import Standings, read_one, read_page
from dashboard.slo_view import burn_points, prediction_words, violations_in
from sentinel.access import EVERYTHING, Principal, Reach, Role, Scope
from sentinel.boards.document import board_of
from sentinel.clock import FakeClock
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import settings
from sentinel.slo.definition import definition_of
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.custom_dashboards import Boards, Place
from sentinel.store.slo.slos import Measurement, Slos
from tests.dashboard.scene import Scene, shown
from tests.prefect_server import PrefectServer


def made(store: Store, name: str, *, bad_share: float = 0.0, days: int = 10, **more: Any) -> None:
    """An SLO with 100 events each hour, of which so many are bad in the last two days."""
    given = {"name": name, "team": "shop", "objectives": [{"target": 99.0}], **more}
    Slos(store).save(definition_of(given), actor="maria")
    now = store.now()
    hours = [now - timedelta(hours=one, minutes=5) for one in range(24 * days)]
    Slos(store).measure(
        name,
        [
            Measurement(100 - (100 * bad_share if now - at < timedelta(days=2) else 0), 100, at)
            for at in hours
        ],
        tenant=more.get("tenant", "default"),
    )


def opened(page: AppTest, **parameters: str) -> AppTest:
    page.run().switch_page("slos.py").run()
    for name, value in parameters.items():
        page.query_params[name] = value
    if parameters:
        page.run()
    shown(page)
    return page


def names(html: str) -> list[str]:
    return re.findall(r'href="slos\?slo=([^"&]+)', html)


def test_a_status_is_not_said_to_match_nothing_while_there_are_others(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(slo_standings, "MOST_LISTED", 1)
    made(scene.store, "fine", service="pay")
    made(scene.store, "idle", days=0)
    opened(page)
    page.button_group(key="slo-states").set_value(["Not enough data"]).run()
    assert "No SLO matches" not in shown(page)
    assert "Of the first 1 by name, 0 are shown; search for others." in shown(page)


def test_the_list_shows_the_worst_first_and_is_filtered(scene: Scene, page: AppTest):
    made(scene.store, "broken", bad_share=0.5)
    made(scene.store, "fine", service="pay")
    made(scene.store, "idle", days=0)
    made(scene.store, "reds", tenant="red", description="of metric x")
    words = shown(opened(page))
    assert names(words) == ["broken", "fine", "reds", "idle"]
    assert "2 holds, 1 violated, 1 not enough data" in words
    broken = words.partition("slo=broken")[2].partition("</article>")[0]
    assert "90%" in broken  # 4,800 of 24,000 events are bad in two of ten days, by half
    assert "-900.0% left" in broken
    assert "violated now" in broken
    fine = words.partition("slo=fine")[2].partition("</article>")[0]
    assert "100.0% left" in fine
    assert "under 1% before" in fine
    assert "service pay · team shop" in fine
    assert "not enough data" in words.partition("slo=idle")[2]

    page.query_params["q"] = "metric X"
    page.text_input(key="q").set_value("metric X").run()
    assert names(shown(page)) == ["reds"]
    page.text_input(key="q").set_value("").run()
    page.button_group(key="slo-states").set_value(["Violated"]).run()
    assert names(shown(page)) == ["broken"]
    page.button_group(key="slo-states").set_value([]).run()
    page.selectbox(key="slo-tenant-chosen").set_value("red").run()
    assert names(shown(page)) == ["reds"]
    assert page.query_params["tenant"] == "red"


def test_one_is_shown_with_charts_violations_its_rule_and_its_alerts(scene: Scene, page: AppTest):
    made(
        scene.store,
        "broken",
        bad_share=0.5,
        objectives=[{"target": 99.0}, {"target": 50.0, "window": {"kind": "rolling", "days": 7}}],
    )
    alert = scene.raises("broken burns", name="slo-broken")
    scene.raises("other burns", name="slo-other")
    words = shown(opened(page, slo="broken", time="7d"))
    assert "99% over 30 days" in words
    assert 'href="rules?rule=slo-broken&amp;rule-tenant=default"' in words
    assert f'href="./?alert={alert}"' in words
    assert "other burns" not in words
    assert len(page.get("vega_lite_chart")) == 2
    assert "page over 1h, fires above 14.4" in words
    (violations,) = page.dataframe
    assert list(violations.value["Objective"]) == ["99% over 30 days"]
    began = violations.value["Started"][0]
    # It held for four hours of those two days, by the budget of the eight before.
    assert timedelta(hours=42) < scene.store.now() - began < timedelta(hours=46)
    # The table says which windows fire.
    assert "<th scope=row>page</th><td>1h</td><td>50</td>" in words.replace("</td><td>5m", "</td>")
    page.button_group(key="slo-objective-of-broken").set_value("50% over 7 days").run()
    assert "page over 1h, fires above 3.36" in shown(page)
    made(scene.store, "served", service="pay")
    words = shown(opened(page, slo="served"))
    assert "services?service=pay&amp;tenant=default" in words
    assert "There is no SLO gone" in shown(opened(page, slo="gone"))
    words = shown(opened(page, slo="broken", edit="gone"))
    assert "There is no SLO gone" in words
    assert "This page cannot be shown" not in words


def test_predictions_are_said_with_their_interval_and_probability(scene: Scene):
    store = scene.store
    made(store, "spent", bad_share=0.03, days=28)  # 2 days at 3% of a budget of 1%
    view = read_one(Within(store, EVERYTHING), "spent", "default")
    clock = _clock()
    (one,) = view.objectives
    assert one.coming is not None
    words = prediction_words(one, store.now(), clock)
    assert re.fullmatch(r"(\d+%|under 1%|over 99%) before \w+ \d+.*", words)
    if one.coming.soonest is not None:
        assert "(80%: " in words


def _clock() -> Any:
    from zoneinfo import ZoneInfo

    from dashboard.clock import Clock

    return Clock(ZoneInfo("UTC"))


def test_burn_rates_over_time_are_those_of_the_events(scene: Scene):
    made(scene.store, "broken", bad_share=0.5)
    view = read_one(Within(scene.store, EVERYTHING), "broken", "default")
    now = scene.store.now()
    (one,) = view.objectives
    points = burn_points(one, view.counts, now - timedelta(days=7), now, 10)
    last: dict[str, float] = {window: rate for _, window, rate in points}
    assert set(last) == {"1h", "6h", "1d", "3d"}
    assert last["1d"] == pytest.approx(50)  # half of the events are bad, of which 1% may be
    assert last["3d"] == pytest.approx(100 / 3, rel=0.05)
    firsts: dict[str, datetime] = {}
    for at, window, rate in points:
        if rate:
            firsts.setdefault(window, at)
    assert now - firsts["1h"] < timedelta(hours=49)
    ((_, violation),) = violations_in(view, now - timedelta(days=7), now)
    assert violation.end is None


def test_tiles_show_the_budgets_of_one_or_how_many_stand_how(scene: Scene, page: AppTest):
    made(scene.store, "broken", bad_share=0.5)
    for name in ("fine", "good"):
        made(scene.store, name, service="pay")
    tiles = [{"kind": "slo", "slo": "broken"}, {"kind": "slo", "search": "pay"},
             {"kind": "slo", "slo": "gone"}]  # fmt: skip
    me = Principal(name="maria", kind="person", role=Role.ADMIN)
    Boards(scene.store, me).save("wall", Place(), board_of({"tiles": tiles}), actor="maria")
    page.run().switch_page("boards.py").run()
    page.query_params["board"] = "wall"
    words = shown(page.run())
    one, counts, gone = words.partition('class="board"')[2].split("<section ")[1:4]
    assert "-900.0% left" in one
    assert 'href="slos?slo-states=holds&amp;q=pay"' in counts
    assert "<b>2</b> holds" in counts
    assert "violated" not in counts
    assert "there is no SLO" in gone


def test_an_alert_that_cannot_fire_is_named(scene: Scene, page: AppTest):
    slos, now = Slos(scene.store), scene.store.now()
    slos.save(definition_of({"name": "rare", "objectives": [{"target": 99.0}]}), actor="maria")
    slos.measure("rare", [Measurement(1, 1, now - timedelta(days=one)) for one in range(1, 9)])
    words = shown(opened(page, slo="rare"))
    assert "the page over 1h had at most 1" in words
    assert "the ticket over 3d had at most 4" in words


def test_what_is_wrong_with_a_form_is_said_at_each_field_at_once():
    found = problems_of({
        "name": "A b", "tenant": "", "minimum_events": 0,
        "objectives": [{"target": 100}, {"target": 99, "window": {"kind": "rolling", "days": 3}}],
        "indicator": {"kind": "ratio", "bad": {"metric": "", "match": ["x"]},
                      "total": {"metric": "m"}},
    })  # fmt: skip
    assert set(found) == {
        "name", "tenant", "minimum_events", "objectives.0.target", "objectives.1.window.days",
        "indicator.bad.metric", "indicator.bad.match",
    }  # fmt: skip
    assert "less than 100" in found["objectives.0.target"]
    assert not problems_of({"name": "a", "objectives": [{"target": 99}]})


def test_the_form_has_inputs_for_spans_and_lines_and_says_what_is_wrong(
    scene: Scene, page: AppTest
):
    opened(page).button(key="slo-new").click().run()
    for kind, place in (
        ("traces", "span-where"),
        ("logs", "logs-total"),
        ("requests", "requests-total"),
    ):
        page.selectbox(key="slo-kind-1").set_value(kind).run()
        page.text_input(key=f"slo-{place}-1").set_value("shade:blue")
        page.button(key="slo-save").click().run()
        assert "there is no field shade" in shown(page)


def test_people_see_the_slos_of_their_tenants_and_teams(scene: Scene):
    made(scene.store, "mine", tenant="red", days=1)
    made(scene.store, "other", days=1)
    within = Within(scene.store, Scope((Reach(frozenset({"red"})),)))
    assert [one.slo.name for one in read_page(within, "", "").items] == ["mine"]


def test_a_viewer_reads_and_is_told_who_makes_slos(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    made(scene.store, "fine", days=1)
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    words = shown(opened(page))
    assert "SLOs are made by the role editor or a higher one; yours is viewer" in words
    opened(page, slo="fine", edit="fine")
    assert not {one.key for one in page.button} & {"slo-new", "slo-edit", "slo-delete", "slo-save"}


def test_the_report_is_shown_and_taken_along(scene: Scene, page: AppTest):
    made(scene.store, "broken", bad_share=0.5)
    opened(page).button(key="slo-report").click().run()
    words = shown(page)
    assert 'class="print-report"' in words
    assert "broken, 99% over 30 days: from" in words
    page.button_group(key="slo-report-days-30").set_value(7).run()
    assert page.query_params["report"] == "7"
    page.button(key="slo-report-print").click().run()
    assert "window.print()" in shown(page)


def _answers(_: PrefectApi) -> bool:
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps what is known of the flows, which takes seconds to find out."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.slow
@pytest.mark.prefect
def test_an_slo_is_made_changed_taken_back_and_deleted_by_its_form(
    scene: Scene, page: AppTest, prefect_server: PrefectServer, home: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("SENTINEL_PREFECT_API_URL", prefect_server.url)
    monkeypatch.setenv("SENTINEL_HOME", str(home))
    monkeypatch.setattr(PrefectApi, "healthy", _answers)
    settings.cache_clear()
    slos = Slos(scene.store)
    opened(page).button(key="slo-new").click().run()
    page.selectbox(key="slo-kind-1").set_value("ratio").run()
    page.number_input(key="slo-target-0-1").set_value(100.0)
    page.button(key="slo-save").click().run()
    words = shown(page)
    assert "less than 100" in words
    assert words.count("field-error") >= 4  # name, both metrics, target
    assert not slos.list()
    page.text_input(key="slo-name-1").set_value("pay")
    page.text_input(key="slo-part-metric-1").set_value("requests")
    page.text_area(key="slo-part-match-1").set_value('code=~"5.."')
    page.text_input(key="slo-total-metric-1").set_value("requests")
    page.number_input(key="slo-target-0-1").set_value(99.5)
    page.button(key="slo-add").click().run()
    page.number_input(key="slo-target-1-1").set_value(95.0)
    page.selectbox(key="slo-window-1-1").set_value("month").run()
    page.button(key="slo-save").click().run(timeout=90)
    assert "Created the SLO pay" in shown(page)
    kept = slos.get("pay").definition
    assert kept == definition_of({
        "name": "pay",
        "indicator": {"kind": "ratio", "bad": {"metric": "requests", "match": ['code=~"5.."']},
                      "total": {"metric": "requests"}},
        "objectives": [{"target": 99.5},
                       {"target": 95.0, "window": {"kind": "calendar", "period": "month"}}],
    })  # fmt: skip
    deployed = {one["name"]: one for one in prefect_server.api.deployments()}["slo-pay"]
    assert deployed["parameters"]["slo"] == "pay"

    page.button(key="slo-edit").click().run()
    page.number_input(key="slo-target-0-2").set_value(99.0)
    page.text_input(key="slo-total-metric-2").set_value("all_requests").run()
    assert "The events that were counted are deleted" in shown(page)
    assert page.button(key="slo-save").disabled
    page.checkbox(key="slo-sure-2").check().run()
    page.button(key="slo-save").click().run(timeout=60)
    assert "Changed the SLO pay" in shown(page)
    assert slos.get("pay").definition.objectives[0].target == 99.0
    page.button(key="undo-slos-button").click().run(timeout=60)
    shown(page)
    assert slos.get("pay").definition == kept
    assert "This cannot be undone" in shown(page)
    page.button(key="slo-delete").click().run(timeout=60)
    assert "Deleted the SLO pay" in shown(page)
    assert not slos.list()
    assert "slo-pay" not in {one["name"] for one in prefect_server.api.deployments()}


def test_the_list_costs_the_same_few_statements_however_many_slos_there_are(
    store: Store, clock: FakeClock
):
    sent: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    counted: list[int] = []
    for number in range(1, 9):
        made(store, f"pay-{number}", days=2)
        sent.clear()
        read_page(Within(store, EVERYTHING), "", "")
        counted.append(len(sent))
    assert len(set(counted)) == 1, counted


def test_the_list_keeps_how_an_slo_stood_for_a_minute_and_while_it_is_the_same(
    store: Store, clock: FakeClock
):
    made(store, "pay", days=3)
    made(store, "shop", days=3)
    kept, within = Standings(), Within(store, EVERYTHING)

    def healths() -> dict[str, str]:
        items = read_page(within, "", "", kept).items
        return {one.slo.name: str(one.health) for one in items}

    assert healths() == {"pay": "holds", "shop": "holds"}
    for name in ("pay", "shop"):
        Slos(store).measure(name, [Measurement(0, 10_000, store.now())])
    clock.forward(seconds=59)
    assert healths() == {"pay": "holds", "shop": "holds"}
    given = {"name": "shop", "team": "shop", "objectives": [{"target": 98.0}]}
    Slos(store).save(definition_of(given), actor="lena")
    assert healths() == {"shop": "violated", "pay": "holds"}
    clock.forward(seconds=1)
    assert healths() == {"pay": "violated", "shop": "violated"}
    Slos(store).remove("pay", actor="lena")
    assert list(healths()) == ["shop"]


def test_the_list_reads_events_of_nobody_else(store: Store):
    made(store, "pay", days=2)
    made(store, "theirs", tenant="other", days=2)
    mine = Scope((Reach(frozenset({"default"})),))
    since = {("default", "pay"): store.now() - timedelta(days=1),
             ("other", "theirs"): store.now() - timedelta(days=1)}  # fmt: skip
    assert list(Slos(store, mine).counts_of_all(since)) == [("default", "pay")]
    assert len(Slos(store).counts_of_all(since)) == 2
