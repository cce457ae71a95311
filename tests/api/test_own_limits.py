"""The API limits its own callers by the middleware that other applications use."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.api import create_app
from sentinel.api.own_limits import key_of
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.api_usage.limit_states import LimitStates
from tests.api.served import TOKEN
from tests.databases import sqlite_copy


def settings(tmp_path: Path, limits: str) -> Settings:
    given = {"home": tmp_path, "api_token": TOKEN, "api_limits": limits}
    return Settings.model_validate({**given, "trusted_proxies": "127.0.0.1"})


def test_keys_and_addresses_have_their_own_allowance_and_probes_none(
    tmp_path: Path, migrated_sqlite: Path
):
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "limited.db"))
    limits = "2/minute by key; 5/minute by address"
    app = create_app(settings(tmp_path, limits), store=store, relay=False)

    async def asked(*requests: tuple[str, dict[str, str]]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path, headers=headers) for path, headers in requests]

    path, mine = "/api/v1/keys", {"Authorization": f"Bearer {TOKEN}"}
    others = [{"Authorization": f"Bearer snt_{n}"} for n in range(4)]
    elsewhere = {**mine, "X-Forwarded-For": "203.0.113.9"}
    answers = asyncio.run(
        asked((path, mine), (path, mine), (path, mine), *[(path, one) for one in others],
              (path, elsewhere), *[("/health", mine)] * 9)
    )  # fmt: skip
    statuses = [one.status_code for one in answers]
    assert statuses[:3] == [200, 200, 429]
    assert answers[1].headers["RateLimit"].startswith('"2-per-minute-by-key";r=0;t=')
    refused = answers[2].json()["error"]
    assert (refused["code"], answers[2].headers["X-Request-Id"]) == (
        "too_many_requests", refused["request_id"],
    )  # fmt: skip
    assert int(answers[2].headers["Retry-After"]) > 0
    # Whoever tries one secret after another is stopped by address; the key is used up anywhere.
    assert statuses[3:8] == [401, 401, 401, 429, 429]
    assert set(statuses[8:]) == {200}
    store.close()


def test_a_secret_is_counted_by_its_hash_and_a_session_by_its_cookie():
    def of(*headers: tuple[bytes, bytes]) -> str:
        scope: dict[str, Any] = {"headers": list(headers)}
        return key_of(scope)

    one = of((b"authorization", b"Bearer a"))
    assert len(one) == 32
    assert one != of((b"authorization", b"Bearer b"))
    session = of((b"cookie", b"theme=dark; sentinel_session=x"))
    assert session
    assert session == of((b"cookie", b"sentinel_session=x; theme=light"))
    # Nobody has a further allowance by writing the same secret in another way.
    ways = (b"bearer a", b"BEARER  a", b"GenieKey a")
    assert {of((b"authorization", way)) for way in ways} == {one}
    assert of((b"cookie", b"sentinel_session=decoy; sentinel_session=x")) == session
    assert of((b"cookie", b'sentinel_session="x"')) == session
    assert of((b"cookie", b"a=b"), (b"cookie", b"sentinel_session=x")) == session
    assert of() == of((b"cookie", b"theme=dark")) == ""


def test_limits_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="SENTINEL_API_LIMITS: line 1, column 4"):
        create_app(settings(tmp_path, "10/eon"), relay=False)


def test_the_api_counts_apart_from_the_limit_sets_of_the_tenant(
    tmp_path: Path, migrated_sqlite: Path
):
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "apart.db"))
    app = create_app(settings(tmp_path, "1/hour by address"), store=store, relay=False)
    address = "203.0.113.9"
    asks = LimitSet(parse_limits("1/hour by address"), "default").asks(Caller(address=address))
    assert LimitStates(store).decide(asks).allowed

    async def asked() -> int:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get("/api/v1/keys")).status_code

    assert [asyncio.run(asked()) for _ in range(2)] == [401, 429]
    store.close()
