"""Setting of the limits of the API itself."""

from __future__ import annotations

from pydantic import Field, SecretStr

from sentinel.settings.secure import SecureSettings

__all__ = ["OwnLimitSettings"]


class OwnLimitSettings(SecureSettings):
    """What callers of the API itself may use."""

    api_limits: str = Field(
        default="",
        max_length=10_000,
        description=(
            "Limits of the API itself, as `6000/minute bucket by key lease 100; 600/minute by "
            "address on /api/v1/alerts/login`, or `set:NAME` for a limit set of the tenant "
            "`default`; empty means none. Probes, `/metrics` and what takes alerts, events, "
            "heartbeats and telemetry are never limited by them."
        ),
    )
    limits_redis_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Redis that counts limits, as `redis://:password@host:6379/0`, or `rediss://`; empty "
            "means the shared database. Needs the extra `redis`; not a Redis Cluster."
        ),
    )
