"""What `make run` starts, for real, on free ports: the way a newcomer meets it."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.system.product import Product, none_of
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


# On PostgreSQL tests/system starts it, and goes further: to Ctrl-C and a killed supervisor.
@pytest.mark.parametrize("kind", [pytest.param("postgresql", marks=pytest.mark.long), "sqlite"])
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
    _prefect_asks_for_a_login(product)

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


def _prefect_asks_for_a_login(product: Product) -> None:
    """Whoever reaches its API could read the secrets of all blocks."""
    count = f"{product.record().environment['PREFECT_API_URL']}/flows/count"
    assert httpx.post(count, json={}).status_code == 401
    assert httpx.post(count, json={}, headers=product.prefect_headers()).status_code == 200
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in httpx.options(count, headers=preflight).headers
    login = product.home.root / "prefect-login"
    assert product.record().places["Prefect login"] == str(login)
    assert login.read_text().strip() in product.run("env").stdout
