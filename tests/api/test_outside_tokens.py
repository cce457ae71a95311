"""Tokens of an outside OIDC issuer, whose keys a real HTTP server gives out."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwk

from sentinel.api.issuer_keys import AGAIN_SECONDS, FAILED_SECONDS, FRESH_SECONDS, outside_tokens
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from tests.api.outside_issuer import (
    EC,
    ME,
    NEW,
    OTHER,
    RSA,
    Issuer,
    Seconds,
    get,
    settings_of,
    token,
)
from tests.waiting import eventually


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def written(issuer: Issuer, clock: FakeClock, alg: str) -> str:
    """The header and claims of a token, without a signature."""
    now = int(clock.now().timestamp())
    claims = {"iss": issuer.url, "aud": "sentinel", "sub": "u", "roles": ["ops"], "exp": now + 60}
    header = {"alg": alg, "kid": "one"}
    return ".".join(encoded(json.dumps(one).encode()) for one in (header, claims))


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")])
def test_a_token_of_the_issuer_is_a_person_with_the_role_of_its_claim(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, key: Any, alg: str
):
    answer = get(client, token(issuer, clock, key, alg), ME)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["name"], found["kind"], found["role"]) == ("ada", "person", "responder")
    refused = client.get(
        "/api/v1/alerts/keys", headers={"Authorization": f"Bearer {token(issuer, clock, key, alg)}"}
    )
    assert refused.status_code == 403


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "https://elsewhere.example.org"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another-service"}, "aud"),
        ({"aud": ["another-service"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "u\n1"}, "'sub' is empty, too long or not printable"),
        ({"sub": "u" * 256}, "'sub' is empty, too long or not printable"),
        ({"roles": ["sales"]}, "'roles' means no role"),
        ({"roles": None}, "'roles' means no role"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, claims: dict[str, Any], says: str
):
    answer = get(client, token(issuer, clock, **claims))
    assert answer.status_code == 401
    assert says in answer.json()["error"]["message"]


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("claim", "shift", "status"),
    [
        ("exp", -30, 401), ("exp", -29, 200), ("exp", -3600, 401),
        ("nbf", 30, 200), ("nbf", 31, 401), ("iat", 30, 200), ("iat", 31, 401),
    ],
)  # fmt: skip
def test_times_are_validated_with_the_leeway(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, claim: str, shift: int, status: int
):
    at = int(clock.now().timestamp()) + shift
    assert get(client, token(issuer, clock, RSA, "RS256", **{claim: at})).status_code == status


@pytest.mark.usefixtures("outside")
def test_a_signature_of_another_key_is_refused(
    client: httpx.Client, issuer: Issuer, clock: FakeClock
):
    assert get(client, token(issuer, clock, OTHER)).status_code == 401
    good = token(issuer, clock)
    head, claims, _ = good.split(".")
    assert get(client, f"{head}.{claims}.").status_code == 401


@pytest.mark.usefixtures("outside")
def test_no_algorithm_is_no_signature(client: httpx.Client, issuer: Issuer, clock: FakeClock):
    plain = written(issuer, clock, "none") + "."
    answer = get(client, plain)
    assert answer.status_code == 401
    assert "cannot be verified" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("form", ["pem", "json"])
def test_the_public_key_is_no_secret_of_a_symmetric_algorithm(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, form: str
):
    public = (
        RSA.as_pem(private=False)
        if form == "pem"
        else json.dumps(RSA.as_dict(private=False)).encode()
    )
    signed = written(issuer, clock, "HS256")
    forged = f"{signed}.{encoded(hmac.digest(public, signed.encode(), 'sha256'))}"
    assert get(client, forged).status_code == 401


@pytest.mark.usefixtures("outside")
def test_an_unknown_key_makes_the_keys_be_fetched_again_at_most_once_a_minute(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, seconds: Seconds
):
    assert get(client, token(issuer, clock)).status_code == 200
    fetched = len(issuer.asked)
    issuer.keys = [RSA, NEW]
    for number in range(5):
        made_up = jwk.RSAKey.import_key(OTHER.as_dict(private=True) | {"kid": f"made-up-{number}"})
        assert get(client, token(issuer, clock, made_up)).status_code == 401
    assert get(client, token(issuer, clock, NEW)).status_code == 401
    assert len(issuer.asked) == fetched
    seconds.now += AGAIN_SECONDS
    assert get(client, token(issuer, clock, NEW)).status_code == 200
    assert len(issuer.asked) == 2 * fetched


@pytest.mark.usefixtures("outside")
def test_known_keys_serve_while_the_issuer_is_down(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, seconds: Seconds
):
    assert get(client, token(issuer, clock)).status_code == 200
    issuer.status = 503
    seconds.now += 10_000
    assert get(client, token(issuer, clock)).status_code == 200


def breaks(issuer: Issuer, how: str) -> None:
    """Let the issuer answer in a way that gives no keys."""
    if how == "down":
        issuer.status = 503
    else:
        issuer.jwks_uri = how


BROKEN = ["down", "http://keys.example.org/jwks", "https://[::1/jwks"]


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("how", BROKEN)
def test_while_the_keys_cannot_be_fetched_no_good_token_is_called_wrong(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, seconds: Seconds, how: str,
    caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    breaks(issuer, how)
    given = token(issuer, clock)
    for _ in range(2):
        answer = get(client, given)
        assert answer.status_code == 503
        assert answer.json()["error"]["message"] == "the issuer's keys could not be fetched"
        assert answer.headers["Retry-After"] == "10"
    assert caplog.text.count("were not fetched") == 1
    issuer.status, issuer.jwks_uri = 200, ""
    seconds.now += FAILED_SECONDS
    assert get(client, given).status_code == 200
    assert get(client, token(issuer, clock, NEW)).status_code == 401


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("how", BROKEN)
def test_a_failed_fetch_is_logged_while_known_keys_serve(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, seconds: Seconds, how: str,
    caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    given = token(issuer, clock)
    assert get(client, given).status_code == 200
    breaks(issuer, how)
    seconds.now += FRESH_SECONDS
    assert get(client, given).status_code == 200
    eventually(lambda: "were not fetched" in caplog.text, "the failure is logged")


def test_without_an_issuer_a_jwt_is_a_wrong_token(
    client: httpx.Client, issuer: Issuer, clock: FakeClock
):
    answer = get(client, token(issuer, clock))
    assert answer.status_code == 401
    assert issuer.asked == []


def test_tenants_come_from_the_claim(
    app: FastAPI, client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store
):
    outside = outside_tokens(settings_of(issuer, oidc_tenants_claim="tenants"), store)
    assert outside is not None
    app.state.outside = outside
    try:
        answer = get(client, token(issuer, clock, tenants=["red"]), ME)
        assert answer.json()["grants"] == [{"role": "responder", "tenants": ["red"], "teams": None}]
        answer = get(client, token(issuer, clock))
        assert "names no tenant" in answer.json()["error"]["message"]
    finally:
        outside.close()
        app.state.outside = None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"oidc_audience": ""}, "SENTINEL_OIDC_AUDIENCE is not"),
        ({"oidc_algorithms": "RS256,HS256"}, "HS256 is not allowed"),
        ({"oidc_algorithms": "none"}, "none is not allowed"),
        ({"oidc_roles": "ops=owner"}, "'ops=owner' is not VALUE=ROLE"),
        ({"oidc_jwks_url": "http://keys.example.org/jwks"}, "others on the way"),
        ({"oidc_issuer": "http://id.example.org"}, "others on the way"),
        ({"oidc_issuer": "https://[::1"}, "is no address"),
    ],
)
def test_settings_that_let_in_too_much_are_refused(
    issuer: Issuer, store: Store, given: dict[str, str], says: str
):
    with pytest.raises(ConfigurationError, match=says):
        outside_tokens(settings_of(issuer, **given), store)
