"""What `make run` starts, for real, on free ports: the way a newcomer meets it."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.system.product import Product, none_of, prefect_asks_for_a_login
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.prefect,
    pytest.mark.xdist_group("whole"),
]


@pytest.fixture
def product(reachable: Path) -> Generator[Product]:
    product = Product(reachable)
    yield product
    if product.runs():
        product.end(signal.SIGTERM)


# In CI tests/system/test_tutorial.py sees the same of a start on SQLite, and test_product.py of one
# on PostgreSQL: it kills the supervisor and starts again, over the same alerts.
@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_newcomer_sees_an_alert_and_a_second_start_still_has_it(
    product: Product, kind: str
) -> None:
    arguments = ["--sqlite"] if kind == "sqlite" else []
    product.start(*arguments)
    product.says("First alert after")

    places = product.sentinel("status")["places"]
    assert httpx.get(places["Dashboard"]).status_code == 200
    assert httpx.get(places["Prefect UI"]).status_code == 200
    assert httpx.get(places["API"]).status_code == 200
    alerts = product.sentinel("alert", "list")["items"]
    assert {alert["rule"] for alert in alerts} & {"demo-cpu", "demo-disk"}
    assert {alert["severity"] for alert in alerts} == {"info"}
    product.is_well()
    prefect_asks_for_a_login(product.record(), product.home)
    assert (product.home.root / "prefect-login").read_text().strip() in product.run("env").stdout

    second = product.run("up")
    assert second.returncode == 4
    assert places["Dashboard"] in second.stderr

    started = product.processes()
    assert product.end(signal.SIGTERM) == 0
    eventually(lambda: none_of(started), "all that it started has ended")
    assert product.run("alert", "list").returncode == (0 if kind == "sqlite" else 5)

    product.start(*arguments, "--no-demo")
    again = product.sentinel("alert", "list", "--history")["items"]
    assert {alert["id"] for alert in alerts} <= {alert["id"] for alert in again}
    started = product.processes()
    assert product.run("down").returncode == 0
    eventually(lambda: none_of(started), "all that it started has ended")
