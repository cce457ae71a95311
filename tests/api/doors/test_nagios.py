"""Passive results of Nagios and Icinga by their own clients: NRDP, Icinga's API and lines."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.store import Store
from sentinel.store.access.keys import Keys

# Imported untyped: neither has types.
nrdpy: Any = import_module("nrdpy")
icinga: Any = import_module("icinga2apic.client")
XML = "<checkresults><checkresult type='host'><hostname>h</hostname>{}</checkresult></checkresults>"
NO_KEY = {"Authorization": ""}


@pytest.fixture
def key(store: Store) -> str:
    """A key that reaches the tenant `shop` alone."""
    keys = Keys(store)
    return keys.create("probes", Role.RESPONDER, actor="ada", tenants=["shop"]).secret.text


def alerts(client: httpx.Client) -> list[tuple[Any, ...]]:
    found = client.get("/api/v1/alerts/alerts").json()["items"]
    return [
        (one["rule"], one["tenant"], one["labels"], one["severity"], one["status"], one["title"])
        for one in found
    ]


def test_clients_of_nrdp_and_icinga_open_and_resolve_alerts(
    url: str, key: str, client: httpx.Client
):
    nrdp = nrdpy.NRDP(f"{url}/nagios/nrdp/", key)
    up, disk = nrdpy.HostResult("db-1", output="UP"), nrdpy.ServiceResult("db-1", "disk")
    # Its constructors take no state: findings/nrdpy-constructors-take-no-state.sh.
    up.state, disk.state, disk.output = 0, 2, "DISK CRITICAL - /: 97%"
    disk.add_perf_data("/", 97, "%", 90, 95)
    assert nrdp.submit([up, disk])
    told = "nagios", "shop", {"host": "db-1", "check": "disk"}
    assert alerts(client) == [(*told, "critical", "open", "CRITICAL: DISK CRITICAL - /: 97%")]

    actions = icinga.Client(f"{url}/icinga/", "probes", key).actions
    said = actions.process_check_result("Service", "db-1!disk", 0, "DISK OK", ["/=40%;90;95"])
    assert said["results"][0]["code"] == 200
    assert [one[4] for one in alerts(client)] == ["resolved"]


def test_lines_open_alerts_and_name_what_is_wrong(client: httpx.Client):
    answer = client.post("/nagios/nsca", content="db-1\tdisk\t1\tfilling\nnonsense")
    assert answer.status_code == 422
    assert "1" in answer.text
    assert [one[5] for one in alerts(client)] == ["filling"]


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"cmd": "submitcheck"}, 401, "BAD TOKEN"),
        ({"cmd": "submitcheck", "token": "wrong"}, 401, "BAD TOKEN"),
        ({"cmd": "submitcmd", "token": "KEY"}, 400, "is not taken"),
        ({"cmd": "submitcheck", "token": "KEY"}, 400, "NO DATA"),
        ({"cmd": "submitcheck", "token": "KEY", "XMLDATA": "<a>"}, 422, "no XML"),
        ({"cmd": "submitcheck", "token": "KEY", "JSONDATA": "[]"}, 422, "checkresults"),
        ({"cmd": "submitcheck", "token": "KEY", "XMLDATA": XML.format("")}, 422, "items"),
        (
            {"cmd": "submitcheck", "token": "KEY", "XMLDATA": XML.format("<state>0</state>")},
            200, "1 checks processed",
        ),
    ],
)  # fmt: skip
def test_nrdp_is_answered_in_its_own_form(
    client: httpx.Client, key: str, form: dict[str, str], status: int, said: str
):
    given = {name: key if text == "KEY" else text for name, text in form.items()}
    answer = client.post("/nagios/nrdp/", data=given, headers=NO_KEY)
    assert answer.status_code == status, answer.text
    assert said in answer.text
    word = "0" if status == 200 else "-1"
    if "JSONDATA" in form:
        assert answer.json()["result"]["status"] == int(word)
    else:
        assert f"<status>{word}</status>" in answer.text


def test_a_form_of_many_fields_is_refused_before_its_token_is_looked_up(client: httpx.Client):
    answer = client.post("/nagios/nrdp", content="a&" * 51 + "token=x", headers=NO_KEY)
    assert (answer.status_code, "at most 50 fields" in answer.text) == (400, True)


def test_a_token_in_the_address_opens_nothing(client: httpx.Client, key: str):
    answer = client.post(f"/nagios/nrdp/?token={key}", data={"cmd": "submitcheck"}, headers=NO_KEY)
    assert answer.status_code in (401, 422)
    assert alerts(client) == []


def test_icinga_is_told_in_its_form_what_is_wrong(client: httpx.Client):
    answer = client.post("/icinga/v1/actions/process-check-result", json={"exit_status": 0})
    assert (answer.status_code, answer.json()["error"]) == (400, 400.0)
    assert "name the object" in answer.json()["status"]


def test_performance_data_and_heartbeats_are_kept(client: httpx.Client):
    client.post("/nagios/nsca", content="db-1\tload\t0\tfine | load1=0.5;5;10").raise_for_status()
    for name, labels in (
        ("nagios_perfdata", {"host": "db-1", "check": "load", "metric": "load1"}),
        ("heartbeat", {"job": "nagios:db-1:load"}),
    ):
        found = client.get("/api/v1/alerts/metrics/samples", params={"name": name}).json()
        assert [one["labels"] for one in found["series"]] == [labels]
