"""Settings of who is let in, and how: the outside issuer of tokens, and certificates."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from sentinel.duration import Duration, parse_duration

__all__ = ["SecureSettings"]


class SecureSettings(BaseSettings):
    """The part of `Settings` that lets people and programs in."""

    tls_certificate: Path | None = Field(
        default=None,
        description=(
            "File of the API's certificate with its chain, in PEM: the API then answers by TLS "
            "alone, version 1.2 or later. Empty means without TLS."
        ),
    )
    tls_key: Path | None = Field(
        default=None,
        description="File of the certificate's private key, in PEM; empty: in the same file.",
    )
    tls_key_password: SecretStr = Field(
        default=SecretStr(""), description="Password of that private key, if it has one."
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
        description="Audience (`aud`) that a token must name, so that no other service's is taken.",
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
            "*=viewer`, where `*` is everybody. A token that means no role is refused."
        ),
    )
    oidc_tenants_claim: str = Field(
        default="",
        description=(
            "Claim with the names of the tenants in which the role holds; empty: in all. Where it "
            "is set, a token without it is refused."
        ),
    )
