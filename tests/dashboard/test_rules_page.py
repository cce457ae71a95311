"""The rules page: lateness, owners and drift of the list; what was done to a rule is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.rule_drift import drifts_of
from sentinel.store import Store
from tests.dashboard.scene import Scene, shown


def opened(page: AppTest, **query: str) -> AppTest:
    page.run().switch_page("rules.py").run()
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    shown(page)
    return page


def test_the_list_says_when_a_rule_is_evaluated_next_how_late_and_who_owns_it(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    scene.raises("one", name="disk", every="60s", ago=timedelta(seconds=90))
    scene.raises("two", name="by-cron")
    evaluated = scene.store.rules.get("disk").evaluated_at
    assert evaluated is not None
    late = evaluated + timedelta(seconds=90)

    def now(_: Store) -> datetime:
        return late

    monkeypatch.setattr(Store, "now", now)
    opened(page)
    rows: Any = page.dataframe[0].value.set_index("Rule").loc
    at = rows["disk", "Last evaluation"]
    assert rows["disk", "Next evaluation"] - at == timedelta(minutes=1)
    assert rows["disk", "Lateness"] == "30 s"
    assert rows["disk", "Owner"] == "a file"
    assert not {"Drift", "Tenant", "Team"} & set(page.dataframe[0].value.columns)
    assert (rows["by-cron", "Lateness"], rows["by-cron", "Duration"]) == ("", "")


def test_rules_of_one_name_are_told_apart_by_their_tenants(scene: Scene, page: AppTest):
    for tenant in ("acme", "default"):
        scene.raises("one", name="disk", tenant=tenant)
    opened(page, rule="disk", **{"rule-tenant": "default"})
    assert sorted(page.dataframe[0].value["Tenant"]) == ["acme", "default"]
    page.button(key="disable").click().run()
    assert not scene.store.rules.get("disk", "default").enabled
    assert scene.store.rules.get("disk", "acme").enabled


def test_a_switch_is_taken_back(scene: Scene, page: AppTest):
    scene.raises("one", name="disk")
    opened(page, rule="disk")
    page.button(key="disable").click().run()
    assert not scene.store.rules.get("disk").enabled
    page.button(key="undo-rules-button").click().run()
    assert scene.store.rules.get("disk").enabled
    assert not page.exception
    assert not [one for one in page.button if one.key == "rule-delete"]  # a file's


def test_a_rule_that_differs_from_its_file_is_named():
    plan: dict[str, Any] = {
        "unchanged": [{"name": "a"}],
        "created": [{"name": "new"}],
        "changed": [
            {"name": "b", "differences": [{}], "drift": True},
            {"name": "c", "differences": [{}, {}], "drift": False},
        ],
    }
    assert drifts_of(plan) == {"a": "none", "b": "edited, 1 difference", "c": "2 differences"}
