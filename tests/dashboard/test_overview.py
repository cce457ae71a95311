"""What the overview says of a period: by severity, category and team, against the time before."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib import import_module
from typing import Any

from streamlit.testing.v1 import AppTest

from sentinel import Reading, Rule
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from tests.dashboard.scene import Scene, shown

Arrow: Any = import_module("pyarrow.ipc")  # comes with Streamlit, without types


def opened(page: AppTest) -> AppTest:
    return page.run().switch_page("overview.py").run()


def shares(page: AppTest, title: str) -> list[tuple[str, str, str]]:
    """What is asked for by each bar, its words and its number."""
    html = shown(page)
    part = html[html.index(f">{title}<") :]
    part = part[: part.index("</ul>")]
    found = re.findall(r'href="history\?q=([^"]*)"[^>]*>([^<]*)</a>.*?<b>([\d,]+)</b>', part)
    return [(link, words, number) for link, words, number in found]


def test_it_counts_by_severity_category_and_team_in_words_and_numbers(scene: Scene, page: AppTest):
    scene.storm(3, severity="critical", category="disk", team="data")
    scene.raises("two", severity="emergency", category="disk", team="web")
    scene.raises("three", severity="low", category="cpu load", team="web")
    opened(page)
    assert shares(page, "By severity") == [
        ("severity%3Acritical", "critical", "4"),
        ("severity%3Alow", "low", "1"),
    ]
    assert shares(page, "By category") == [
        ("category%3Adisk", "disk", "4"),
        ("category%3A%22cpu%20load%22", "cpu load", "1"),
    ]
    assert shares(page, "By team") == [("team%3Adata", "data", "3"), ("team%3Aweb", "web", "2")]


def test_a_period_stands_against_the_one_before(scene: Scene, page: AppTest):
    rule = Rule.model_validate({"name": "r", "when": {"above": 90}})
    at = scene.store.now() - timedelta(hours=30)
    scene.store.apply(
        Evaluation(
            rule=rule, trigger="t", slot=at, at=at,
            observation=Observation(
                readings=[Reading(labels={"n": str(n)}, value=95.0) for n in range(4)], state={}
            ),
        )
    )  # fmt: skip
    scene.storm(2)
    opened(page)
    figures = {one.label: (one.value, one.delta) for one in page.metric}
    assert figures["Opened"] == ("2", "-50% vs. previous period")
    page.button_group(key="length").set_value("7d").run()
    assert {one.label: one.value for one in page.metric}["Opened"] == "6"


def test_a_day_is_drawn_by_the_hour_and_severity(scene: Scene, page: AppTest):
    scene.storm(3, severity="critical")
    scene.raises("one", severity="low")
    scene.raises("older", severity="low", ago=timedelta(hours=5))
    scene.raises("yesterday", severity="low", ago=timedelta(hours=25))
    opened(page)
    (chart,) = page.get("vega_lite_chart")
    assert chart.proto.alt == "5 alerts opened in 24h, by severity"
    bars = Arrow.open_stream(chart.proto.datasets[0].data.data).read_pandas()
    assert bars.groupby("severity")["opened"].sum().to_dict() == {"critical": 3, "low": 2}
    assert set((bars["until"] - bars["at"]).dt.total_seconds()) == {3600 * 0.88}
    since = scene.store.now() - timedelta(hours=24)
    assert (bars["at"] > since - timedelta(hours=1)).all()


def test_it_counts_the_rules_that_the_list_of_rules_has_with_the_one_of_self_watch(
    scene: Scene, page: AppTest
):
    scene.raises("one", name="cpu")
    scene.raises("two", name="disk")
    scene.raises("late", name="self-watch", tenant=SECURITY_TENANT)
    scene.store.rules.disable("disk", actor="ann")
    assert {one.label: one.value for one in opened(page).metric}["Rules"] == "2 of 3"
    assert "2 of 3 enabled" in shown(page.switch_page("rules.py").run())
