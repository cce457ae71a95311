"""`GET /metrics`, read as Prometheus reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from sentinel import Reading
from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.errors import PrefectUnreachable
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.database.component_reports import report
from tests.databases import both_databases
from tests.world import World

Found = dict[tuple[str, frozenset[tuple[str, str]]], float]
OPEN = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """A rule on the database of the API."""
    return World(store, clock)


def read(answer: httpx.Response, format_: Any = prometheus) -> Found:
    """The samples of an answer, by name and labels."""
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in format_.text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def waits(number: int) -> Callable[..., int]:
    """A Prefect where so many runs wait."""

    def waiting_runs(*_: object) -> int:
        return number

    return waiting_runs


def of(found: Found, name: str, **labels: str) -> float:
    """One sample."""
    return found[name, frozenset(labels.items())]


@both_databases
def test_prometheus_reads_alerts_rules_components_and_waiting_runs(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentinel.prefect_client.client.PrefectApi.waiting_runs", waits(7))
    world.sees({"/data": 97.0, "/": 50.0})
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = read(answer)
    assert of(found, "sentinel_alerts", status="open") == 1
    assert of(found, "sentinel_alerts_opened_last_hour") == 1
    assert of(found, "sentinel_rules", state="enabled") == 1
    assert of(found, "sentinel_rule_evaluations_total") >= 1
    assert of(found, "sentinel_component", component="database", state="ok") == 1
    assert of(found, "sentinel_component", component="relay", state="wrong") == 1
    assert of(found, "sentinel_flow_runs_waiting") == 7
    (series,) = [dict(labels) for name, labels in found if name == "ALERTS"]
    assert series["mount"] == "/data"
    assert (series["alertstate"], series["tenant"]) == ("firing", "default")
    assert series["alertname"] == world.rule.name


def test_the_openmetrics_format_is_given_to_whoever_prefers_it(client: httpx.Client, world: World):
    world.sees({"/data": 97.0})
    answer = client.get("/metrics", headers=OPEN)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert of(read(answer, openmetrics), "sentinel_alerts", status="open") == 1


def test_labels_that_prometheus_cannot_have_are_written_with_underscores(
    client: httpx.Client, world: World
):
    labels = {"kube.io/pod": 'a\n"b\\', "9lives": "yes", "severity": "mine"}
    seen = msgspec.structs.replace(
        world.evaluation().observation, readings=[Reading(labels=labels, value=97.0)]
    )
    world.store.apply(msgspec.structs.replace(world.evaluation(), observation=seen))
    (series,) = [dict(labels) for name, labels in read(client.get("/metrics")) if name == "ALERTS"]
    assert series["kube_io_pod"] == 'a\n"b\\'
    assert series["_9lives"] == "yes"
    assert series["severity"] != "mine"


def test_a_prefect_that_is_down_leaves_out_what_it_alone_knows(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    def down(*_: object) -> int:
        raise PrefectUnreachable("it does not answer")

    monkeypatch.setattr("sentinel.prefect_client.client.PrefectApi.waiting_runs", down)
    found = read(client.get("/metrics"))
    assert ("sentinel_flow_runs_waiting", frozenset[tuple[str, str]]()) not in found
    assert of(found, "sentinel_alerts_cut") == 0


def test_a_key_of_one_tenant_reads_nothing_of_others(
    client: httpx.Client, world: World, store: Store
):
    world.sees({"/data": 97.0})
    made = Keys(store).create("scraper", Role.VIEWER, actor="ada", tenants=("acme",))
    found = read(client.get("/metrics", headers={"Authorization": f"Bearer {made.secret.text}"}))
    assert of(found, "sentinel_alerts", status="open") == 0
    assert not [name for name, _ in found if name in ("ALERTS", "sentinel_component")]


def test_live_alerts_beyond_the_most_are_said_to_be_cut(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentinel.api.exposition.MOST_ALERTS", 1)
    world.sees({"/data": 97.0, "/var": 96.0})
    found = read(client.get("/metrics"))
    assert of(found, "sentinel_alerts_cut") == 1
    assert len([name for name, _ in found if name == "ALERTS"]) == 1


def test_the_grafana_dashboard_asks_for_metrics_that_there_are(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentinel.prefect_client.client.PrefectApi.waiting_runs", waits(0))
    world.sees({"/data": 97.0})
    world.tells()
    report(world.store, "backup", "ok", "1 MB")
    known = {name for name, _ in read(client.get("/metrics"))}
    file = Path(__file__).parents[2] / "deployments" / "grafana" / "sentinel.json"
    asked = re.findall(r"(?:sentinel_\w+|ALERTS)", file.read_text("utf-8"))
    assert len(set(asked)) >= 10
    assert set(asked) <= known
