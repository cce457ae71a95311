"""The rule builder: its form is the check's, and a saved rule is a deployment of the owner `ui`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.backtest_chart import MOST_POINTS, thinned
from dashboard.event_fields import condition_of, fields_of_event, typed_value
from dashboard.event_policy_builder import POLICY
from dashboard.expression_input import completions, problem
from dashboard.rule_form import fields_of, normal, problems_of, read_value
from dashboard.rule_gallery import GALLERY
from dashboard.rule_start import NEW
from sentinel import Reading, Rule
from sentinel.access import Principal, Role
from sentinel.checks.catalog import find
from sentinel.checks.observation import Observation
from sentinel.errors import RuleError
from sentinel.evaluation.model import Evaluation
from sentinel.event_policies.clause import Operator
from sentinel.prefect_client.client import PrefectApi
from sentinel.rollout.rule_draft import Draft
from sentinel.settings import settings
from tests.dashboard.scene import Scene, given, says, shown
from tests.prefect_server import PrefectServer


def opened(page: AppTest, build: str) -> AppTest:
    page.run().switch_page("rules.py").run()
    page.query_params["build"] = build
    page.run()
    shown(page)
    return page


def wrong(check: str, parameters: dict[str, Any] | None = None, **rule: Any) -> dict[str, str]:
    draft = Draft(trigger=check, parameters=parameters or {}, rule={"name": "a", **rule})
    return problems_of(draft, find(check))


def test_a_form_is_that_of_the_checks_own_parameters():
    fields = {one.name: one for one in fields_of(find("service_up"))}
    assert (fields["services"].kind, fields["services"].required) == ("list", True)
    assert (fields["slowest_ms"].kind, fields["slowest_ms"].most) == ("number", 60_000)
    assert fields["follow_redirects"].kind == "flag"
    assert (fields["headers"].kind, fields["status"].kind) == ("yaml", "yaml")
    metric = {one.name: one for one in fields_of(find("metric_change"))}
    assert metric["aggregate_by"].choices[:3] == ("avg", "min", "max")
    assert (metric["over"].kind, metric["over"].default) == ("text", "5m")
    assert metric["over"].title == "Over"
    assert metric["metric"].help


def test_what_is_wrong_is_said_of_its_field():
    for found, field, words in (
        (wrong("service_up"), "parameters.services", "it is missing"),
        (wrong("cpu_usage", {"seconds": 31}), "parameters.seconds", "between 0 and 30"),
        (wrong("service_up", {"services": ["a"], "status": ["x"]}), "parameters.status", "0: must"),
        (wrong("cpu_usage", every="0.1s"), "every", "must be 1s or more"),
        (wrong("cpu_usage", None, **{"for": "xx"}), "for", "not a duration"),
        (wrong("cpu_usage", when={"above": 1, "clear": 3}), "when", "clear: must be 1 or less"),
        (wrong("cpu_usage", when={"above": None}), "when", "Threshold is missing"),
        (wrong("cpu_usage", when={"outside": [None, None]}), "when", "Lowest and Highest are"),
        (wrong("cpu_usage", when={"levels": {}}), "when", "at least one severity"),
        (wrong("cpu_usage", when={"expression": ""}), "when", "the expression is missing"),
        (wrong("cpu_usage", when={"expression": "value >"}), "when", "at column 8"),
        (wrong("sql_query", {"source": "s", "query": "q"}), "when", "which values are bad"),
        (wrong("cpu_usage", name="A B"), "name", "small letters"),
        (wrong("cpu_usage", description="{{ x }}"), "", "{{"),
        (wrong("cpu_usage", nonsense=1), "nonsense", "there is no such field"),
    ):
        assert words in found[field]
    # The label above an input says which it is; all that is wrong is said at once.
    found = wrong(
        "cpu_usage", {"seconds": 31}, name="A B", every="0.1s", timeout="0s", when={"above": None},
        **{"for": "xx"},
    )  # fmt: skip
    assert found.keys() == {"parameters.seconds", "name", "every", "timeout", "when", "for"}
    assert found["every"].startswith("must be 1s or more")


def test_a_rule_is_written_without_its_defaults():
    draft = Draft(
        trigger="cpu_usage", parameters={"seconds": 1.0, "per_core": True},
        rule={"name": "a", "severity": "medium", "consecutive": 1, "for": "300s"},
    )  # fmt: skip
    found = normal(draft, fields_of(find("cpu_usage")))
    assert found.parameters == {"per_core": True}
    assert found.rule == {"name": "a", "for": "5m"}
    with pytest.raises(RuleError, match="line 1"):
        read_value("{a: [")


def test_a_long_replay_is_thinned_with_its_extremes():
    points = [(f"{n:05}", float(n % 977)) for n in range(5000)]
    found = thinned([*points, ("99999", None)])
    assert len(found) <= MOST_POINTS
    assert {0.0, 976.0} <= {value for _, value in found}
    assert found == sorted(found)


def test_a_viewer_is_told_who_makes_rules(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    assert "made by the role editor or a higher one" in shown(opened(page, NEW))
    assert not [one for one in page.button if one.key == "build-save"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps what is known of the flows, which takes seconds to find out."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def on_prefect(
    scene: Scene, prefect_server: PrefectServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> PrefectServer:
    """The dashboard of this process, with a Prefect server that answers."""
    monkeypatch.setenv("SENTINEL_PREFECT_API_URL", prefect_server.url)
    monkeypatch.setenv("SENTINEL_HOME", str(home))
    # The heart-beat's own connection is never closed; what it says is not meant here.
    monkeypatch.setattr(PrefectApi, "healthy", answers)
    settings.cache_clear()
    return prefect_server


def answers(_: PrefectApi) -> bool:
    return True


def deployment(server: PrefectServer, name: str) -> dict[str, Any] | None:
    found = {one["name"]: dict(one) for one in server.api.deployments()}
    return found.get(name)


@pytest.mark.slow
@pytest.mark.prefect
def test_a_rule_is_built_tried_saved_changed_taken_back_and_deleted(
    scene: Scene, page: AppTest, on_prefect: PrefectServer
):
    scene.raises("one", name="other")
    page.run().switch_page("rules.py").run()
    page.button(key="rule-new").click().run()
    page.selectbox(key="build-1-check").set_value("cpu_usage").run()
    assert page.button(key="build-save").disabled
    assert "It is missing" in shown(page)
    page.text_input(key="build-1-name").set_value("other").run()
    assert "There is a rule of this name already" in shown(page)
    page.text_input(key="build-1-name").set_value("built-cpu").run()
    page.selectbox(key="build-1-cpu_usage-when").set_value("above").run()
    assert "Threshold is missing" in shown(page)
    page.number_input(key="build-1-cpu_usage-above").set_value(-1.0).run()
    page.number_input(key="build-1-cpu_usage-seconds").set_value(0.05).run()
    page.text_input(key="build-1-every").set_value("30s").run()
    page.button(key="build-try").click().run(timeout=60)
    assert "1 series, 1 firing" in shown(page)
    page.button(key="build-save").click().run(timeout=90)
    assert "Created the rule built-cpu" in shown(page)
    made = deployment(on_prefect, "built-cpu")
    assert made is not None
    assert made["labels"]["sentinel.owner"] == "ui"
    assert made["parameters"] == {
        "seconds": 0.05,
        "rule": {"name": "built-cpu", "every": "30s", "when": {"above": -1.0}},
    }
    assert made["schedules"][0]["schedule"]["interval"] == 30
    row = scene.store.rules.get("built-cpu")
    assert (row.source, row.enabled, row.spec["when"]) == ("ui", True, {"above": -1.0})

    opened(page, "built-cpu")
    page.number_input(key="build-2-cpu_usage-above").set_value(90.0).run()
    page.button(key="build-save").click().run(timeout=60)
    assert "Changed the rule built-cpu" in shown(page)
    changed = deployment(on_prefect, "built-cpu")
    assert changed is not None
    assert changed["id"] == made["id"]
    assert changed["parameters"]["rule"]["when"] == {"above": 90.0}
    page.button(key="undo-rules-button").click().run(timeout=60)
    again = deployment(on_prefect, "built-cpu")
    assert again is not None
    assert again["parameters"] == made["parameters"]

    page.query_params["rule"] = "built-cpu"
    page.run()
    assert "cannot be undone" in shown(page)
    page.button(key="rule-delete").click().run(timeout=60)
    assert "built-cpu is deleted" in shown(page)
    assert deployment(on_prefect, "built-cpu") is None


FILE = """deployments:
  - name: filed-cpu
    entrypoint: flows.rules.cpu_usage
    pull: []
    work_pool: {name: sentinel}
    parameters: {rule: {name: filed-cpu, every: 60s, when: {above: ABOVE}}}
    schedules: [{slug: every, interval: 60, timezone: UTC}]
  - name: evil
    entrypoint: flows.sweep.sweep
    work_pool: {name: sentinel}
"""


@pytest.mark.slow
@pytest.mark.prefect
def test_rules_come_from_the_gallery_from_packs_and_from_files(
    scene: Scene, page: AppTest, on_prefect: PrefectServer
):
    scene.raises("one", name="disk-space")
    for name in ("cpu-busy", "oncall-coverage", "filed-cpu"):  # which another test may have left
        if left := deployment(on_prefect, name):
            httpx.delete(f"{on_prefect.url}/deployments/{left['id']}").raise_for_status()
    opened(page, GALLERY)
    buttons = {one.key for one in page.button}
    assert not buttons & {"ready-enable-disk-space", "ready-enable-service-down"}
    page.button(key="ready-enable-cpu-busy").click().run(timeout=60)
    assert "Created the rule cpu-busy" in shown(page)
    made = deployment(on_prefect, "cpu-busy")
    assert made is not None
    assert (made["labels"]["sentinel.owner"], made["parameters"]["rule"]["for"]) == ("ui", "5m")
    page.button(key="undo-rules-button").click().run(timeout=60)
    assert deployment(on_prefect, "cpu-busy") is None

    page.button(key="pack-install-oncall").click().run(timeout=60)
    assert "Pack oncall: 1 created" in shown(page)
    assert deployment(on_prefect, "oncall-coverage") is not None
    buttons = {one.key for one in page.button}
    assert ("pack-remove-oncall" in buttons, "pack-install-oncall" in buttons) == (True, False)
    page.button(key="pack-remove-oncall").click().run(timeout=60)
    assert "Pack oncall: 1 removed" in shown(page)
    assert deployment(on_prefect, "oncall-coverage") is None
    page.button(key="pack-install-oncall").click().run(timeout=60)
    page.button(key="undo-rules-button").click().run(timeout=60)
    assert deployment(on_prefect, "oncall-coverage") is None

    for threshold, change in ((80, "created"), (85, "changed")):
        page.text_area(key="rules-import").set_value(FILE.replace("ABOVE", str(threshold))).run()
        page.button(key="rules-import-plan").click().run(timeout=60)
        words = shown(page)
        assert f"1 would be {change}, 1 would be refused" in words
        assert ("<code>" in words.partition("filed-cpu</b>")[2][:200]) == (threshold == 85)
        page.button(key="rules-import-apply").click().run(timeout=60)
        assert f"Imported: 1 {change}, 1 refused" in shown(page)
    filed = deployment(on_prefect, "filed-cpu")
    assert filed is not None
    assert filed["parameters"]["rule"]["when"] == {"above": 85}
    assert filed["labels"].get("sentinel.owner", "file") == "file"
    assert deployment(on_prefect, "evil") is None

    # A rule of a file is changed there; its entry is shown, and it can begin another rule.
    scene.raises("two", name="filed-cpu")
    opened(page, "filed-cpu")
    assert "filed-cpu belongs to a file" in shown(page)
    assert "name: filed-cpu" in page.code[0].value
    assert not [one for one in page.button if one.key == "build-save"]
    page.button(key="build-copy").click().run()
    assert page.text_input(key="build-2-name").value == "filed-cpu-copy"
    assert page.number_input(key="build-2-cpu_usage-above").value == 85.0
    opened(page, GALLERY)
    page.button(key="ready-use-service-down").click().run()
    assert page.selectbox(key="build-3-check").value == "service_up"
    assert page.text_input(key="build-3-name").value == "service-down"


def test_an_expression_is_completed_and_its_error_has_a_column(scene: Scene, page: AppTest):
    scene.raises("one", name="disk", labels={"mount": "/data"})
    opened(page, NEW)
    page.selectbox(key="build-1-check").set_value("sql_query").run()
    page.selectbox(key="build-1-sql_query-when").set_value("expression").run()
    offered = {one["name"]: one for one in given(page, "expression")["names"]}
    assert {"value", "labels.mount", "labels.t", "and", "matches"} <= set(offered)
    assert "labels.severity" not in offered
    assert offered["max"]["call"]
    of = given(page, "expression")["of"]
    says(page, "expression", text={"of": of, "text": "value > 9 &\nlabels.mount"})
    wrong = given(page, "expression")["error"]
    assert (wrong["line"], wrong["column"]) == (1, 9)
    assert "write and" in wrong["message"]
    assert page.button(key="build-save").disabled
    says(page, "expression", text={"of": of, "text": "value > 9 and labels.mount != '/tmp'"})
    assert given(page, "expression")["error"] is None
    says(page, "expression", text={"of": "another", "text": "value >"})
    assert given(page, "expression")["text"] == ""


EVENTS: list[dict[str, Any]] = [
    {"action": "login", "ok": False, "user": {"name": "eve", "ids": [7, 8]}, "tries": 3},
    {"action": "login", "ok": True, "user": {"name": "ann", "ids": []}, "tries": 1},
    {"action": "logout", "ok": True, "user": {"name": "ann", "ids": [7]}, "tries": 0},
]


def test_fields_of_an_event_are_dotted_and_bounded():
    assert fields_of_event(EVENTS[0]) == {
        "action": "login", "ok": False, "user.name": "eve", "user.ids": 7, "tries": 3,
    }  # fmt: skip
    assert fields_of_event({"a": None, "b": {}, "c": [{"d": 1}, {"d": 2}]}) == {"c.d": 1}
    assert len(fields_of_event({str(n): n for n in range(500)})) == 120
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(50):
        inner["a"] = inner = {}
    inner["a"] = 1
    assert fields_of_event(deep) == {}
    assert condition_of("a", "in", "x", any_case=False).value == ["x"]


def test_a_text_of_an_event_is_compared_with_texts():
    for typed, operator, value in (
        ("NO", "in", "NO"), ("[NO, 1.10, 007, yes]", "not_in", ["NO", "1.10", "007", "yes"]),
        ("42", "eq", "42"), ("[a]", "eq", "[a]"), ("a: b", "in", "a: b"),
    ):  # fmt: skip
        assert typed_value(typed, cast("Operator", operator), of_text=True) == value
    assert typed_value("[1, 2]", "in", of_text=False) == [1, 2]
    assert typed_value("true", "exists", of_text=True) is True
    with pytest.raises(RuleError, match="line 1"):
        typed_value("[a", "in", of_text=True)


def test_a_label_is_offered_as_an_expression_can_name_it():
    offered = [one["name"] for one in completions(["mount", "a-b", "in", 'q"'])]
    named = [name for name in offered if name.startswith("labels") and name != "labels"]
    assert sorted(named) == sorted(
        ["labels.mount", 'labels["a-b"]', 'labels["in"]', 'labels["q\\""]']
    )
    for name in named:
        assert problem(f"{name} == 'x'") is None


@pytest.mark.slow
@pytest.mark.prefect
def test_an_event_policy_is_made_of_the_fields_of_an_event_that_came(
    scene: Scene, page: AppTest, on_prefect: PrefectServer
):
    scene.store.events.add(EVENTS)
    opened(page, POLICY)
    page.selectbox(key="policy-0-event").set_value(2).run()
    page.button_group(key="policy-0-fields").set_value(["action", "tries"]).run()
    assert page.text_input(key="policy-0-value-action").value == "login"
    assert page.text_input(key="policy-0-value-tries").value == "3"
    page.selectbox(key="policy-0-operator-tries").set_value("regex").run()
    assert "field-error" in shown(page)
    page.selectbox(key="policy-0-operator-tries").set_value("gte").run()
    page.text_input(key="policy-0-value-tries").set_value("1").run()
    page.text_input(key="policy-0-title").set_value("{user.name} failed").run()
    assert "name: it is missing" in shown(page)
    page.text_input(key="policy-0-name").set_value("tried-logins").run()
    words = shown(page)
    assert "Matches 2 of the last 3 events" in words
    assert "<b>eve failed</b>" in words
    page.button(key="policy-save").click().run(timeout=60)
    assert "Created the event policy tried-logins" in shown(page)
    made = deployment(on_prefect, "tried-logins")
    assert made is not None
    assert made["labels"]["sentinel.owner"] == "ui"
    assert made["parameters"]["policy"] == {
        "name": "tried-logins", "summary_template": "{user.name} failed", "severity": "medium",
        "rules": [
            {"field": "action", "operator": "eq", "value": "login"},
            {"field": "tries", "operator": "gte", "value": 1},
        ],
    }  # fmt: skip
    page.button(key="undo-rules-button").click().run(timeout=60)
    assert deployment(on_prefect, "tried-logins") is None


@pytest.mark.slow
def test_a_rule_is_backtested_on_the_readings_of_another(scene: Scene, page: AppTest):
    rule = Rule.model_validate({"name": "cpu", "every": "60s", "when": {"above": 99}})
    now = scene.store.now()
    for minute, number in enumerate([40.0, 95.0, 97.0, 50.0, 45.0]):
        at = now - timedelta(minutes=10 - minute)
        scene.store.apply(
            Evaluation(
                rule=rule, trigger="cpu_usage", slot=at, at=at, unit="percent",
                observation=Observation(readings=[Reading(labels={}, value=number)], state={}),
            )
        )  # fmt: skip
    opened(page, NEW)
    page.selectbox(key="build-1-check").set_value("cpu_usage").run()
    page.text_input(key="build-1-name").set_value("new-cpu").run()
    assert page.selectbox(key="build-readings-cpu_usage").value == "cpu"
    page.button(key="build-backtest").click().run(timeout=90)
    words = shown(page)
    assert "5 evaluations of 1 series: 1 alert would have opened" in words
    (chart,) = page.get("vega_lite_chart")
    assert "above 85" in str(chart.proto)  # the check's own threshold is drawn
    alerts = page.dataframe[0].value
    assert next(iter(alerts["Ended"])) != "still open"
    assert scene.store.alerts.page().items == []  # nothing is stored
    assert "entrypoint: flows.rules.cpu_usage" in page.code[0].value
