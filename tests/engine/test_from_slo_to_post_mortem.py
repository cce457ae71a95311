"""A service degrades, an SLO of its traces alerts, a runbook mends it: from spans to post-mortem.

Nothing is made up but how far the clock moves: the spans come from OpenTelemetry's SDK over HTTP,
the rule and the step of the runbook are deployments that a Prefect server has.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.utilities.callables import parameter_schema

from flows import connections
from flows.rules import flow_of
from flows.sweep import sweep
from sentinel.api import create_app
from sentinel.settings import Settings, settings
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.telemetry.client import telemetry_client
from tests.api.served import TOKEN, served
from tests.flows.conftest import Gauges
from triggers.slo_burn_rate import slo_burn_rate

pytestmark = pytest.mark.prefect

BEARER = {"Authorization": f"Bearer {TOKEN}"}
SLO: dict[str, Any] = {
    "name": "shop-orders", "service": "shop", "team": "shop", "objectives": [{"target": 99.0}],
    "indicator": {"kind": "traces", "service": "shop", "operation": "order"},
    "alerting": {"ticket": False, "page_severity": "high"},
}  # fmt: skip
POLICIES = """
policies:
- name: shop
  match: ['slo="shop-orders"']
  group_by: [slo]
  title: "The shop loses orders"
  runbook: |
    1. [Roll back](prefect:roll-back/NAME)
"""
_ROW = re.compile(r"\| (Opened|Acknowledged|Resolved) \| (\S+ \S+) \|")


class LaterClock:
    """The machine's clock, moved on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Shop:
    """A service that takes an order every ten seconds, and sends a span of each by the SDK."""

    def __init__(self, address: str) -> None:
        def sdk(name: str) -> Any:
            return import_module(f"opentelemetry.{name}")

        exporter = sdk("exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter(
            f"{address}/v1/traces", headers=BEARER
        )
        resource = sdk("sdk.resources").Resource.create({"service.name": "shop"})
        self._provider = sdk("sdk.trace").TracerProvider(resource=resource)
        processor = sdk("sdk.trace.export").BatchSpanProcessor(exporter, max_queue_size=10_000)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("shop")
        self._error = sdk("trace").Status(sdk("trace").StatusCode.ERROR, "out of stock")
        self.version = 1

    def works(self, start: datetime, end: datetime) -> None:
        """Take orders; of version 2 every second one is lost."""
        at, number = start, 0
        while at < end:
            began = int(at.timestamp() * 1_000_000_000)
            span = self._tracer.start_span("order", start_time=began)
            if self.version == 2 and number % 2:
                span.set_status(self._error)
            span.end(end_time=began + 20_000_000)
            at, number = at + timedelta(seconds=10), number + 1
        assert self._provider.force_flush()

    def close(self) -> None:
        self._provider.shutdown()


@pytest.fixture
def clock(gauges: Gauges) -> LaterClock:
    """The clock of the API and of the flows."""
    clock = LaterClock()
    gauges.store.clock = clock
    return clock


@pytest.fixture
def address(
    gauges: Gauges, clock: LaterClock, telemetry_settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[str]:  # fmt: skip
    """The API on the same database, Prefect server and telemetry store as the flows."""
    for name in ("telemetry_url", "telemetry_read_url"):
        secret = getattr(telemetry_settings, name).get_secret_value()
        monkeypatch.setenv(f"SENTINEL_{name.upper()}", secret)
    settings.cache_clear()
    connections.store().clock = clock
    given = Settings(
        home=tmp_path, api_token=TOKEN, prefect_api_url=gauges.server.url  # pyright: ignore[reportArgumentType] - pydantic makes a secret of it
    )  # fmt: skip
    with served(create_app(given, store=gauges.store, relay=False), lifespan="off") as found:
        yield found


def asked(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.slow
def test_spans_of_a_degraded_service_become_an_incident_that_a_step_ends(
    gauges: Gauges, address: str, clock: LaterClock, telemetry_settings: Settings, tmp_path: Path
):
    api = httpx.Client(base_url=f"{address}/api", timeout=30, headers=BEARER)
    with api, closing(Shop(address)) as shop:
        name = tmp_path.name.replace("_", "-")

        @flow(name="roll-back", persist_result=False)
        def roll_back() -> State[None]:
            shop.version = 1
            create_markdown_artifact("…", key="rolled-back", description="Version 1 serves again")
            return Completed(message="from version 2 to 1")

        gauges.client.create_deployment(
            flow_id=gauges.client.create_flow(roll_back), name=name, work_pool_name="sentinel",
            parameter_openapi_schema=parameter_schema(roll_back).model_dump_for_openapi(),
        )  # fmt: skip
        IncidentPolicyDocuments(gauges.store).apply(POLICIES.replace("NAME", name), actor="ann")

        # The SLO is made with its rule, a deployment, whose first run finds all well.
        rule = asked(api, "POST", "/slo", SLO)["rule"]
        (deployed,) = [one for one in gauges.server.api.deployments() if one["name"] == rule]
        evaluation = flow_of(slo_burn_rate)

        def evaluates() -> str | None:
            run = gauges.start(str(deployed["id"]))
            return gauges.execute(run, evaluation).name

        began = clock.now()
        shop.works(began - timedelta(hours=2), began - timedelta(minutes=20))
        assert evaluates() == "OK"
        assert asked(api, "GET", "/v1/incidents/active")["items"] == []

        # Version 2 loses every second order: 50% bad of 1% allowed burns 50 times too fast.
        shop.version = 2
        shop.works(began - timedelta(minutes=20), began)
        clock.ahead = timedelta(minutes=1)  # the last minute has ended
        before = clock.now()
        assert evaluates() == "Firing"
        (alert,) = gauges.store.alerts.page(order="live").items
        assert (alert.rule, alert.labels["slo"], alert.labels["kind"]) == (
            rule, "shop-orders", "page",
        )  # fmt: skip
        (one,) = asked(api, "GET", "/v1/incidents/active")["items"]
        assert (one["title"], one["alerts"]) == ("The shop loses orders", 1)
        opened = datetime.fromisoformat(one["opened_at"])
        assert alert.opened_at is not None
        assert before <= alert.opened_at <= opened <= clock.now()

        # Its runbook's step is a run on the Prefect server, and rolls the service back.
        place = f"/v1/incidents/{one['id']}"
        step = asked(api, "POST", f"{place}/runbook/steps/1", {"act": "run"})["steps"][0]
        assert shop.version == 2
        run = gauges.client.read_flow_run(step["flow_run_id"])
        assert gauges.execute(run, roll_back).name == "Completed"
        assert shop.version == 1
        assert sweep(return_state=True).name == "Swept"
        step = asked(api, "GET", f"{place}/runbook")["steps"][0]
        assert (step["status"], step["state"]) == ("ended", "COMPLETED")
        changed = "from version 2 to 1\nrolled-back: Version 1 serves again"
        assert step["outcome"] == changed

        # Half an hour later the short windows are clean: the alert ends by itself.
        clock.ahead = timedelta(minutes=37)
        shop.works(began + timedelta(minutes=1), began + timedelta(minutes=36))
        assert evaluates() == "OK"
        assert gauges.store.alerts.get(alert.id).status == "resolved"
        done = asked(api, "POST", f"{place}/status", {"status": "resolved", "comment": "back"})

        # The post-mortem has what happened, in its order and at its times, to the second.
        entries = asked(api, "GET", f"{place}/timeline")["items"]
        order = [
            ("alert", "opened"), ("incident", "step_requested"), ("incident", "step_started"),
            ("incident", "step_ended"), ("alert", "resolved"), ("incident", "status"),
        ]  # fmt: skip
        kinds = [(each["source"], each["kind"]) for each in entries]
        assert [kind for kind in kinds if kind in order] == order
        assert [each["comment"] for each in entries if each["kind"] == "step_ended"] == [changed]
        at = {each["kind"]: datetime.fromisoformat(each["at"]) for each in entries}
        ended = gauges.client.read_flow_run(run.id).end_time
        assert ended is not None
        assert opened <= at["step_requested"] <= at["step_started"] <= at["step_ended"]
        assert at["step_ended"] >= ended
        assert datetime.fromisoformat(done["resolved_at"]) - opened >= timedelta(minutes=36)
        document = asked(api, "GET", f"{place}/post-mortem")["document"]
        said = {
            row: datetime.fromisoformat(f"{when}+00:00") for row, when in _ROW.findall(document)
        }
        moments = {"Opened": one["opened_at"], "Acknowledged": done["acknowledged_at"],
                   "Resolved": done["resolved_at"]}  # fmt: skip
        assert said == {
            row: datetime.fromisoformat(when).astimezone(UTC).replace(microsecond=0)
            for row, when in moments.items()
        }
        for each in entries:
            when = datetime.fromisoformat(each["at"]).astimezone(UTC)
            assert f"| {when:%Y-%m-%d %H:%M:%S} | " in document
    telemetry_client(settings()).close()
