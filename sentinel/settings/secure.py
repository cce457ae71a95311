"""Settings of who is let in, and how: the outside issuer of tokens, certificates, secret files.

Any secret may be given as a file: `SENTINEL_API_TOKEN_FILE=/run/secrets/api-token`, as containers
have them, or as `vault:MOUNT/PATH#FIELD`, so that it stands in no environment and in no `.env`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secret_file import read_secret_file
from sentinel.settings.vault import SCHEME, read_from_vault

__all__ = ["HOLD_PASSWORDS", "SecretFiles", "SecureSettings", "given_secret", "secret_names"]

HOLD_PASSWORDS = frozenset({"database_url"})
"""Settings that may hold a password although they are no secret as a whole."""


class SecretFiles(PydanticBaseSettingsSource):
    """The secrets that stand in files (`SENTINEL_<NAME>_FILE`) or in Vault; the variable wins."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return no value: all are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Read the files, and ask Vault.

        Returns:
            The secrets by the names of their settings.

        Raises:
            ConfigurationError: a file or a secret of Vault cannot be read, or holds no secret
        """
        given = _given()
        names = secret_names(self.settings_cls)
        found = {name: _found(f"SENTINEL_{name.upper()}", given) for name in names}
        return {name: value for name, value in found.items() if value is not None}


def secret_names(settings: type[BaseSettings]) -> list[str]:
    """Return the names of the settings that are secrets, or may hold a password."""
    return [
        name
        for name, field in settings.model_fields.items()
        if field.annotation is SecretStr or name in HOLD_PASSWORDS
    ]


def given_secret(variable: str) -> str:
    """Return a secret that the environment or `.env` gives: itself, as a file or in Vault.

    Args:
        variable: such as SENTINEL_TOKEN

    Returns:
        The secret; empty where none is given.

    Raises:
        ConfigurationError: it cannot be read
    """
    given = _given()
    found = _found(variable, given)
    return (given.get(variable) or "") if found is None else found


def _given() -> dict[str, str | None]:
    return {**dotenv_values(".env"), **os.environ}


def _found(variable: str, given: Mapping[str, str | None]) -> str | None:
    """Return a secret that stands elsewhere; None where the variable has it, or nothing does."""
    value, file = given.get(variable), given.get(f"{variable}_FILE")
    if value:
        return read_from_vault(variable, value, given) if value.startswith(SCHEME) else None
    return read_secret_file(f"{variable}_FILE", Path(file)) if file else None


class SecureSettings(BaseSettings):
    """The part of `Settings` that lets people and programs in."""

    tls_certificate: Path | None = Field(
        default=None,
        description=(
            "File of the certificate of API and dashboard, with its chain, in PEM: both then "
            "answer by TLS alone, version 1.2 or later; none means without TLS."
        ),
    )
    tls_key: Path | None = Field(
        default=None,
        description="File of the certificate's private key, in PEM; none means in the same file.",
    )
    tls_key_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of that private key; empty means that it has none.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1, ::1",
        description=(
            "Addresses and networks of the proxies before the API and the dashboard, separated by "
            "commas. Failed logins are limited and recorded by the client's address, which a "
            "trusted proxy names in `X-Forwarded-For`; the header of anybody else is ignored."
        ),
    )
    oidc_issuer: str = Field(
        default="",
        description=(
            "Issuer of tokens (JWT) that the API accepts beside its own keys, exactly as the "
            "claim `iss` has it, such as https://id.example.org/realms/ops; empty means none."
        ),
    )
    oidc_audience: str = Field(
        default="",
        description=(
            "Audience (`aud`) that a token must name, so that no other service's is taken; empty "
            "means none, which an issuer does not allow."
        ),
    )
    oidc_jwks_url: str = Field(
        default="",
        description="Where the issuer's public keys are; empty: its discovery document says it.",
    )
    oidc_algorithms: str = Field(
        default="RS256,ES256,PS256,Ed25519,EdDSA",
        description="Allowed algorithms of signatures, separated by commas; asymmetric ones only.",
    )
    oidc_leeway: Duration = Field(
        default=parse_duration("30s"),
        le=parse_duration("5m"),
        description="How far the clocks of the issuer and this machine may differ; at most 5m.",
    )
    oidc_name_claim: str = Field(
        default="preferred_username",
        description="Claim with the name that timelines record; without it, `sub` is the name.",
    )
    oidc_role_claim: str = Field(
        default="roles", description="Claim with the roles or groups of whoever has the token."
    )
    oidc_roles: str = Field(
        default="",
        description=(
            "Which role each value of that claim means: `sentinel-admins=admin, oncall=responder, "
            "*=viewer`, where `*` is everybody. A token that means no role is refused; empty "
            "means that all are."
        ),
    )
    oidc_client_id: str = Field(
        default="",
        description=(
            "Id under which the issuer knows the dashboard; with it, people log in there. Register "
            "the address of the dashboard with `/sentinel/oidc-callback`; empty means no such "
            "login."
        ),
    )
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of that client; empty for a public client, which has none (PKCE).",
    )
    oidc_login_name: str = Field(
        default="single sign-on",
        max_length=60,
        description="How the login page names the issuer: `Log in with …`.",
    )
    oidc_tenants_claim: str = Field(
        default="",
        description=(
            "Claim with the names of the tenants in which the role holds; empty: in all. Where it "
            "is set, a token without it is refused."
        ),
    )

    @property
    def scheme(self) -> str:
        """Return `https` where API and dashboard have a certificate, else `http`."""
        return "http" if self.tls_certificate is None else "https"

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        for one in filter(None, (part.strip() for part in text.split(","))):
            ip_network(one, strict=False)
        return text
