"""Tokens of logins: what they claim is validated, whatever they say of themselves."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from sentinel.access.login_tokens import AUDIENCE, ISSUER, LENGTH, issue, session_of

KEY = "k" * 40
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": "maria", "sid": "f00", "iat": AT, "nbf": AT,
    "exp": AT + 900,
}  # fmt: skip


def signed(key: str = KEY, alg: str = "HS256", **other: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | other).items() if value is not None}
    return jwt.encode({"alg": alg}, claims, OctKey.import_key(key), algorithms=[alg])


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_names_its_session_for_a_quarter_of_an_hour():
    token = issue(KEY, "f00", "maria", NOW)
    assert session_of(KEY, token, NOW) == "f00"
    assert session_of(KEY, token, NOW + LENGTH - timedelta(seconds=1)) == "f00"
    assert session_of(KEY, token, NOW + LENGTH) is None
    assert session_of(KEY, token, NOW - timedelta(seconds=1)) is None
    assert session_of("another key, as long as that one", token, NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        {"aud": "another-api"}, {"aud": None}, {"iss": "https://issuer.example"}, {"iss": None},
        {"exp": None}, {"exp": str(AT + 900)}, {"exp": AT}, {"nbf": AT + 1}, {"iat": AT + 1},
        {"iat": None}, {"sid": None}, {"sid": ["f00"]}, {"sid": 7},
    ],
)  # fmt: skip
def test_each_claim_must_be_there_and_be_right(other: dict[str, Any]):
    assert session_of(KEY, signed(), NOW) == "f00"
    assert session_of(KEY, signed(**other), NOW) is None


def test_the_token_does_not_choose_its_algorithm():
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(CLAIMS)}."
    rsa = RSAKey.generate_key(2048)
    of_rsa = jwt.encode({"alg": "RS256"}, CLAIMS, rsa, algorithms=["RS256"])
    for token in (unsigned, of_rsa, signed(alg="HS512", key="k" * 64)):
        assert session_of(KEY, token, NOW) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "snt_key", "x" * 5000, "a.b.\ud800"])
def test_what_is_no_token_names_no_session(text: str):
    assert session_of(KEY, text, NOW) is None
