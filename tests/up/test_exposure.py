"""What `sentinel doctor` says is exposed."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.settings import Settings
from sentinel.up.exposure import exposures


def says(**given: Any) -> list[str]:
    return [one.says for one in exposures(Settings.model_validate({"_env_file": None, **given}))]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "0.0.0.0", "tls_certificate": "cert.pem"},
        {"database_url": "sqlite:///sentinel.db"},
        {"database_url": "postgresql+psycopg://a:b@127.0.0.1/sentinel"},
        {"database_url": "postgresql+psycopg:///sentinel?host=/run/postgresql"},
        {"database_url": "postgresql+psycopg://a:b@db.example.org/s?sslmode=verify-full"},
        {"oidc_issuer": "https://id.example.org", "oidc_roles": "*=viewer, ops=admin"},
    ],
)
def test_what_nobody_else_reaches_is_not_exposed(given: dict[str, Any]):
    assert says(**given) == []


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"host": "0.0.0.0"}, "the API listens on 0.0.0.0 without TLS"),
        (
            {"host": "0.0.0.0", "tls_certificate": "c", "dashboard_behind_login": True},
            "the dashboard listens on 0.0.0.0 without TLS",
        ),
        (
            {"database_url": "postgresql+psycopg://a:secret@db.example.org/s?sslmode=prefer"},
            "PostgreSQL on db.example.org may be reached without TLS",
        ),
        (
            {"oidc_issuer": "https://id.example.org", "oidc_roles": "* = admin"},
            "everybody with a token of https://id.example.org may change rules",
        ),
    ],
)
def test_what_is_exposed_is_named_without_its_secrets(given: dict[str, Any], what: str):
    (found,) = says(**given)
    assert what in found
    assert "secret" not in found
