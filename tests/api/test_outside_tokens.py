"""Tokens of an outside OIDC issuer, whose keys a real HTTP server gives out."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from collections.abc import Generator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwk, jwt

from sentinel.access import Grant, Role
from sentinel.access.sessions import Lifetime
from sentinel.api.issuer_keys import AGAIN_SECONDS, OutsideTokens, outside_tokens
from sentinel.api.known_keys import HELD_SECONDS
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.outside_logins import OutsideLogins
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Sessions

ALERTS = "/api/v1/alerts/alerts"
ME = "/api/v1/alerts/me"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "two", "alg": "ES256"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "one"})


class Issuer:
    """An issuer on this machine: its discovery document and keys."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSA, EC]
        self.asked: list[str] = []
        self.status = 200
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                found: dict[str, Any] = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"}
                if self.path == "/jwks":
                    found = {"keys": [one.as_dict(private=False) for one in issuer.keys]}
                body = json.dumps(found).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its name there

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def issuer() -> Generator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


class Seconds:
    """Seconds that rise when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def settings(issuer: Issuer, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "oidc_issuer": issuer.url, "oidc_audience": "sentinel",
            "oidc_roles": "ops=admin, oncall=responder", **more,
        }
    )  # fmt: skip


@pytest.fixture
def outside(
    app: FastAPI, issuer: Issuer, store: Store, seconds: Seconds
) -> Generator[OutsideTokens]:
    made = outside_tokens(settings(issuer), store)
    assert made is not None
    outside = OutsideTokens(store, made._terms, monotonic=seconds)  # pyright: ignore[reportPrivateUsage] - the terms that the settings mean
    app.state.outside = outside
    yield outside
    app.state.outside = None
    outside.close()
    made.close()


def token(issuer: Issuer, clock: FakeClock, key: Any = RSA, alg: str = "RS256", **more: Any) -> str:
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer.url, "aud": "sentinel", "sub": "u-1", "preferred_username": "ada",
        "roles": ["oncall"], "iat": now, "nbf": now, "exp": now + 300, **more,
    }  # fmt: skip
    header = {"alg": alg, "kid": more.pop("kid", key.kid)}
    given = {name: value for name, value in claims.items() if value is not None and name != "kid"}
    return jwt.encode(header, given, key, algorithms=[alg])


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def written(issuer: Issuer, clock: FakeClock, alg: str) -> str:
    """The header and claims of a token, without a signature."""
    now = int(clock.now().timestamp())
    claims = {"iss": issuer.url, "aud": "sentinel", "sub": "u", "roles": ["ops"], "exp": now + 60}
    header = {"alg": alg, "kid": "one"}
    return ".".join(encoded(json.dumps(one).encode()) for one in (header, claims))


def get(client: httpx.Client, token: str, path: str = ALERTS) -> httpx.Response:
    return client.get(path, headers={"Authorization": f"Bearer {token}"})


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
    new = jwk.RSAKey.generate_key(2048, {"kid": "new"})
    assert get(client, token(issuer, clock)).status_code == 200
    fetched = len(issuer.asked)
    issuer.keys = [RSA, new]
    for number in range(5):
        made_up = jwk.RSAKey.import_key(OTHER.as_dict(private=True) | {"kid": f"made-up-{number}"})
        assert get(client, token(issuer, clock, made_up)).status_code == 401
    assert get(client, token(issuer, clock, new)).status_code == 401
    assert len(issuer.asked) == fetched
    seconds.now += AGAIN_SECONDS
    assert get(client, token(issuer, clock, new)).status_code == 200
    assert len(issuer.asked) == 2 * fetched


@pytest.mark.usefixtures("outside")
def test_known_keys_serve_while_the_issuer_is_down(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, seconds: Seconds
):
    assert get(client, token(issuer, clock)).status_code == 200
    issuer.status = 503
    seconds.now += 10_000
    assert get(client, token(issuer, clock)).status_code == 200


def logged_in(store: Store, issuer: Issuer, subject: str, name: str) -> None:
    """Make the account of a person whom the issuer signed in at the dashboard."""
    logins = OutsideLogins(store, Sessions(store, Lifetime(timedelta(1), timedelta(1))))
    assert logins.log_in(
        issuer.url, subject, name=name, display_name=name, role=Grant(Role.RESPONDER)
    )  # fmt: skip


def acts_as(client: httpx.Client, token: str) -> str:
    answer = get(client, token, ME)
    assert answer.status_code == 200
    return answer.json()["name"]


@pytest.mark.usefixtures("outside")
def test_a_person_who_is_disabled_is_refused_within_the_bound(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store, seconds: Seconds
):
    logged_in(store, issuer, "u-1", "ada")
    given = token(issuer, clock)
    assert acts_as(client, given) == "ada"
    People(store).disable("ada", actor="eve")  # as another process does
    seconds.now += HELD_SECONDS
    answer = get(client, given)
    assert answer.status_code == 401
    assert "is disabled" in answer.json()["error"]["message"]
    assert "sentinel user enable" in answer.json()["error"]["hint"]
    # Another name in the token makes nobody somebody else.
    renamed = token(issuer, clock, preferred_username="bob")
    assert get(client, renamed).status_code == 401
    assert get(client, token(issuer, clock, sub="u-2")).status_code == 200
    People(store).enable("ada", actor="eve")
    seconds.now += HELD_SECONDS
    assert acts_as(client, renamed) == "ada"


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("claim", "subject", "name"),
    [
        ("maria", "u-1", "u-1"),
        ("Maria", "auth0|65", "auth0-65"),
        ("MARÍA", "u-1", "u-1"),
        ("maria via grafana", "u-1", "maria-via-grafana"),
        ("José", "u-1", "jose"),
        (None, "CORP\\ada", "corp-ada"),
        ("李", "u-1", "u-1"),
    ],
)
def test_nobody_acts_under_the_name_of_another_account(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store,
    claim: str | None, subject: str, name: str,
):  # fmt: skip
    password = "seven green bicycles"
    People(store).create("maria", Role.ADMIN, password=password, actor="ada")
    given = token(issuer, clock, preferred_username=claim, sub=subject)
    assert acts_as(client, given) == name


@pytest.mark.usefixtures("outside")
def test_a_subject_that_is_the_name_of_another_account_is_no_name_either(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store
):
    logged_in(store, issuer, "u-7", "maria")
    found = acts_as(client, token(issuer, clock, preferred_username=None, sub="maria"))
    assert re.fullmatch("oidc-[0-9a-f]{16}", found)


def test_without_an_issuer_a_jwt_is_a_wrong_token(
    client: httpx.Client, issuer: Issuer, clock: FakeClock
):
    answer = get(client, token(issuer, clock))
    assert answer.status_code == 401
    assert issuer.asked == []


def test_tenants_come_from_the_claim(
    app: FastAPI, client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store
):
    outside = outside_tokens(settings(issuer, oidc_tenants_claim="tenants"), store)
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
    ],
)
def test_settings_that_let_in_too_much_are_refused(
    issuer: Issuer, store: Store, given: dict[str, str], says: str
):
    with pytest.raises(ConfigurationError, match=says):
        outside_tokens(settings(issuer, **given), store)
