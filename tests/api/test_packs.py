"""The packs that ship are listed and read over HTTP."""

from __future__ import annotations

import httpx

from sentinel.client import Client, packs
from sentinel.rollout.files import packs as shipped
from sentinel.rollout.files import read_files
from tests.api.served import TOKEN

URL = "/api/v1/alerts/packs"


def test_every_pack_that_ships_is_listed_and_read(url: str):
    with Client(url, TOKEN) as sentinel:
        found = sentinel.do(packs.packs()).items
        assert [one.name for one in found] == sorted(shipped())
        for one in found:
            there = read_files([shipped()[one.name]])
            whole = sentinel.do(packs.pack(one.name))
            assert [rule.name for rule in whole.rules] == [entry.name for entry in there]
            assert (one.rules, one.description) == (len(there), whole.description)
            assert not one.installed


def test_a_pack_says_what_its_rules_check_and_whether_they_run(client: httpx.Client):
    pack = client.get(f"{URL}/backups").json()
    assert pack["description"].startswith("Backups in folders that this machine can read.")
    assert pack["rules"][0] == {
        "name": "backup-failed", "trigger": "backup_fresh", "severity": "high", "scheduled": False,
        "description": "A backup that is old, missing, torn or much smaller than before will not "
        "help.",
    }  # fmt: skip
    assert any(rule["scheduled"] for rule in client.get(f"{URL}/machine").json()["rules"])


def test_a_name_that_is_no_pack_is_refused_with_those_that_are(client: httpx.Client):
    refused = client.get(f"{URL}/nonesuch")
    assert refused.status_code == 404
    assert "machine" in refused.json()["error"]["hint"]
    for name in ("..%2Fprefect", "Machine"):
        assert client.get(f"{URL}/{name}").status_code in (404, 422)
