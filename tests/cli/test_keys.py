"""`sentinel key …`."""

from __future__ import annotations

import json

import pytest

from sentinel.access.keys import KEY
from tests.cli.shell import Run


@pytest.fixture(autouse=True)
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    return migrated_url


def test_a_key_is_made_shown_rotated_and_revoked(run: Run):
    code, out, _ = run("key", "create", "grafana", "--role", "responder", "--tenant", "acme",
                       "--team", "db", "--scope", "webhooks", "--expires", "90d")  # fmt: skip
    assert code == 0
    secret, says = out.splitlines()
    assert KEY.fullmatch(secret)
    assert says.startswith("The key grafana is responder of acme for db. This is shown once")
    code, out, _ = run("key", "list")
    assert secret not in out
    assert secret[4:12] in out
    assert "responder of acme for db" in out
    code, out, _ = run("key", "rotate", "grafana", "--overlap", "2h")
    assert (code, out.splitlines()[-1]) == (0, "The secret before is accepted for 2h.")
    code, out, _ = run("key", "show", secret[4:12])
    assert out.count("until 20") == 2
    assert run("key", "revoke", "grafana") == (0, "Revoked the key grafana.\n", "")
    assert run("key", "list")[1] == "There are no API keys.\n"
    assert "revoked" in run("key", "list", "--revoked")[1]


def test_programs_get_json(run: Run):
    code, out, _ = run("key", "create", "robot", "--role", "viewer", "--json")
    made = json.loads(out)
    assert code == 0
    assert KEY.fullmatch(made["secret"])
    (listed,) = json.loads(run("key", "list", "--json")[1])["items"]
    assert listed == made["key"]
    assert listed["grants"] == [{"role": "viewer", "tenants": None, "teams": None}]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--role", "owner"], "owner"),
        (["--role", "viewer", "--scope", "metric"], "'metric' names no area"),
        (["--role", "viewer", "--tenant", "Acme"], "can be no tenant"),
        (["--role", "viewer", "--expires", "soon"], "'--expires': 'soon' is not a duration"),
    ],
)
def test_what_is_wrong_is_named(run: Run, given: list[str], says: str):
    code, _, err = run("key", "create", "robot", *given)
    assert code == 2
    assert says in err


def test_an_unknown_key_is_named(run: Run):
    code, _, err = run("key", "revoke", "nobody")
    assert code
    assert "there is no key 'nobody'" in err
