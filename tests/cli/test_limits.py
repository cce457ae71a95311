"""`sentinel apikey` and `sentinel limit`, here and over HTTP with the same words."""

from __future__ import annotations

import json
from collections.abc import Generator
from io import StringIO
from pathlib import Path

import pytest

from sentinel.api import create_app, limit_sets
from sentinel.api_usage.matching import Caller
from sentinel.api_usage.simulation import PastRequest
from sentinel.cli import limit_doors
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.reading import Period
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import sqlite_copy


@pytest.fixture(params=["here", "http"])
def store(
    run: Run, tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Generator[Store]:  # fmt: skip
    """The database, which commands reach directly or over HTTP alone."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "here.db")
    store = Store(url)
    if request.param == "here":
        monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
        yield store
    else:
        given = {"home": tmp_path / "server", "api_token": TOKEN}
        app = create_app(Settings.model_validate(given), store=store, relay=False)
        with served(app, lifespan="off") as address:
            monkeypatch.setenv("SENTINEL_URL", address)
            monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
            monkeypatch.setenv("SENTINEL_DATABASE_URL", "sqlite:////nowhere/at/all.db")
            yield store
    store.close()


def test_keys_and_limits_from_their_first_to_their_last_day(
    store: Store, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def told(*arguments: str, code: int = 0) -> str:
        done, out, err = run(*arguments)
        assert done == code, err
        return out

    made = told("apikey", "create", "build server", "--consumer", "user-7", "--plan", "gold",
                "--permission", "orders:read", "--expires", "90d")  # fmt: skip
    secret = made.splitlines()[0]
    assert secret.startswith("snc_")
    assert "is of the tenant default. This is shown once" in made
    listed = told("apikey", "list")
    assert "build server" in listed
    assert secret not in listed
    monkeypatch.setattr("sys.stdin", StringIO(f"{secret}\n"))
    assert told("apikey", "verify", "--secret", "-") == (
        "The key build server of user-7 in the tenant default is valid, plan gold; "
        "permissions: orders:read.\n"
    )
    monkeypatch.setenv("SENTINEL_CONSUMER_KEY", secret)
    refused = told("apikey", "verify", "--permission", "orders:write", "--json", code=1)
    assert json.loads(refused)["state"] == "forbidden"
    new = told("apikey", "rotate", "build server", "--overlap", "2h")
    assert new.splitlines()[-1] == "The secret before is accepted for 2h."
    assert "tenant default" in told("apikey", "revoke", secret[4:12])
    assert told("apikey", "verify", code=1) == "The key is revoked.\n"
    assert "jwks has it now" in told("apikey", "rotate-signer")
    assert run("apikey", "revoke", "nobody")[0] == 3

    file = tmp_path / "limits.txt"
    file.write_text("2/minute by key\n9/hour by address\n")
    assert told("limit", "list").startswith("There are no limit sets.")
    assert told("limit", "set", "shop", str(file), "--dry-run") == (
        "Would save shop, version 1, with 2 limits.\n"
    )
    assert told("limit", "set", "shop", str(file), "-m", "launch") == (
        "Saved shop, version 1, with 2 limits.\n"
    )
    assert told("limit", "set", "shop", str(file)) == "Unchanged: shop, version 1.\n"
    assert told("limit", "show", "shop") == file.read_text()
    assert "  2/minute by key; 9/hour by address  " in told("limit", "list")
    assert "launch" in told("limit", "show", "shop", "--versions")
    assert "9-per-hour-by-address" in told("limit", "state", "shop", "--address", "203.0.113.7")
    (left,) = json.loads(told("limit", "state", "shop", "--key", "k", "--json"))["limits"]
    assert (left["remaining"], left["passed"]) == (2, True)
    file.write_text("2/minute by key\n9/eon")
    code, _, err = run("limit", "set", "shop", str(file))
    assert (code, "line 2, column 3" in err) == (2, True)
    assert told("limit", "remove", "shop") == "Removed the limit set shop of the tenant default.\n"


def test_a_file_is_checked_without_a_server(run: Run, tmp_path: Path):
    file = tmp_path / "limits.txt"
    file.write_text("2/minute by key; 9/eon\n5/hour by soul")
    code, out, err = run("limit", "check", str(file))
    assert (code, out) == (2, "2/minute counter by key named 2-per-minute-by-key\n")
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{file}:1:20", f"{file}:2:11"]
    file.write_text("2/minute")
    code, out, _ = run("limit", "check", str(file), "--json")
    assert (code, json.loads(out)["valid"]) == (0, True)


def test_limits_of_a_file_are_tried_over_the_request_log(
    store: Store, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[str, Period]] = []

    def past(
        _client: object, tenant: str, _where: object, period: Period, _most: int
    ) -> list[PastRequest]:
        asked.append((tenant, period))
        return [PastRequest(at, Caller(user=who)) for at, who in enumerate(["ann"] * 3 + ["bob"])]

    def client(_: object) -> object:
        return None

    for door in (limit_doors, limit_sets):
        monkeypatch.setattr(door, "past_requests", past)
    monkeypatch.setattr(limit_doors, "telemetry_client", client)
    monkeypatch.setattr(limit_sets, "reader_of", client)
    file = tmp_path / "limits.txt"
    file.write_text("2/minute by user\n9/hour by key dry-run\n")
    code, out, err = run("limit", "simulate", str(file), "--since", "6h", "--tenant", "acme")
    assert code == 0, err
    assert out.startswith("Of 4 requests, 1 would have been refused; to 0 no limit applies.\n")
    rows = [line.split() for line in out.splitlines()]
    assert ["2-per-minute-by-user", "4", "1"] in rows
    assert ["9-per-hour-by-key", "0", "0", "yes"] in rows
    assert ["ann", "3", "1"] in rows
    assert "no log of the past has" in out
    ((tenant, period),) = asked
    assert (tenant, period.until - period.since) == ("acme", 6 * 3600 * 10**9)
    code, out, _ = run("limit", "simulate", str(file), "--json")
    assert (code, json.loads(out)["callers"]) == (
        0, [{"caller": "ann", "requests": 3, "refused": 1}],
    )  # fmt: skip
    for wrong in (["--since", "soon"], ["--query", "status:many"]):
        code, _, err = run("limit", "simulate", str(file), *wrong)
        assert (code, wrong[0].removeprefix("--") in err) == (2, True), err
    file.write_text("2/minute\n9/eon")
    code, _, err = run("limit", "simulate", str(file))
    assert (code, "line 2, column 3" in err) == (2, True)
