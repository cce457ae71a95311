"""From a flow run that fails to its alert, on the whole product as `sentinel up` starts it.

The pack `prefect` is rolled out as a user does it. Each measurement is a deployment of its own,
whose run fails in the warm worker; what counts is from the end that Prefect stamped on the run to
the moment the alert opened, both on this machine's clock. The budget is 15 seconds.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.table import Row
from tests.system.product import Product

FAILURES = 10
BUDGET = 15.0
ROOT = Path(__file__).parent.parent


def run() -> list[Row]:
    """Seconds from the failed run's end to the alert: the median and the worst."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder))
        product.start()
        try:
            found = [_one(product, number) for number in _measured(product)]
        finally:
            product.stop()
    return [
        Row(
            name=f"failed run to alert, {word} of {FAILURES}",
            value=value,
            unit="s",
            peer="budget",
            peer_value=BUDGET,
        )
        for word, value in (("median", statistics.median(found)), ("worst", max(found)))
    ]


def _measured(product: Product) -> range:
    """Roll the pack out, and make one alert that does not count: everything is warm then."""
    subprocess.run(
        [sys.executable, "-m", "sentinel.cli", "deploy", "--pack", "prefect"],
        cwd=ROOT, env={**product.environment, **product.record().environment}, check=True,
        capture_output=True,
    )  # fmt: skip
    product.eventually(
        lambda: product.sentinel("rule", "list")["items"], "the first rule has run", 180
    )
    _one(product, 0)
    return range(1, FAILURES + 1)


def _one(product: Product, number: int) -> float:
    name = f"fails-{number}"
    # Not in step with the rule's own minute, nor with the ten seconds of its Automation.
    time.sleep(random.uniform(11, 21))
    url = product.record().environment["PREFECT_API_URL"]
    with httpx.Client(base_url=url, timeout=30, headers=product.prefect_headers()) as prefect:
        flow = prefect.post("/flows/", json={"name": "raises"}).raise_for_status().json()
        deployment = prefect.post(
            "/deployments/",
            json={
                "name": name, "flow_id": flow["id"], "work_pool_name": "sentinel",
                "entrypoint": "tests.worker.odd_flows.raises", "pull_steps": [],
            },
        ).raise_for_status().json()  # fmt: skip
        path = f"/deployments/{deployment['id']}/create_flow_run"
        run = prefect.post(path, json={"state": {"type": "SCHEDULED"}}).raise_for_status().json()

    def alert() -> dict[str, Any] | None:
        found = product.api("GET", "/api/v1/alerts/alerts", params={"rule": "prefect-runs"})
        return next((a for a in found["items"] if a["labels"].get("deployment") == name), None)

    opened = product.eventually(alert, f"the alert of {name}", 120)
    assert opened is not None
    (ended,) = product.prefect("/flow_runs/filter", flow_runs={"id": {"any_": [run["id"]]}})
    began = datetime.fromisoformat(ended["end_time"])
    return (datetime.fromisoformat(opened["opened_at"]) - began).total_seconds()
