"""Settings of the telemetry store: where it is, what it may use, how long it keeps what it has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from sentinel.duration import Duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.settings.secure import SecureSettings
from sentinel.tenant import TENANT_PATTERN, checked_tenant

__all__ = ["TelemetrySettings"]

_ROWS = ("logs", "spans", "requests")


class TelemetrySettings(SecureSettings):
    """Where logs and spans are, and how long."""

    telemetry_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "ClickHouse with logs and spans: `http://user:password@host:8123/database`, or "
            "`https://`; empty means the one that `sentinel up` embeds under home."
        ),
    )
    telemetry_read_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "The same ClickHouse with a user that may only read; empty means that queries use "
            "SENTINEL_TELEMETRY_URL with the setting `readonly`."
        ),
    )
    telemetry_cluster: str = Field(
        default="",
        pattern="^([A-Za-z_][A-Za-z0-9_.-]*)?$",
        description=(
            "Name of the ClickHouse cluster over which tables are replicated and distributed; "
            "empty means one server."
        ),
    )
    telemetry_memory: int = Field(
        default=1_200,
        ge=300,
        description="Most memory that the embedded ClickHouse uses, in megabytes; at least 300.",
    )
    prefect_telemetry: str = Field(
        default="",
        pattern=f"^({TENANT_PATTERN})?$",
        description=(
            "Tenant under which the API copies Prefect's own logs of flow runs, and its runs as "
            "traces, to the telemetry store; empty means that it does not."
        ),
    )
    syslog: str = Field(
        default="",
        pattern=f"^({TENANT_PATTERN})?$",
        description=(
            "Tenant whose log lines the messages of syslog become that the API takes over UDP and "
            "TCP; empty means that it takes none."
        ),
    )
    syslog_host: str = Field(
        default="127.0.0.1",
        description=(
            "Where the API listens for syslog. It knows no keys: whoever reaches the port may "
            "write lines."
        ),
    )
    syslog_port: int = Field(
        default=5514, ge=0, le=65_535, description="Port for syslog, UDP and TCP."
    )
    otlp_grpc_host: str = Field(
        default="127.0.0.1", description="Where the API listens for OTLP over gRPC."
    )
    otlp_grpc_port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description=(
            "Port for OTLP over gRPC, such as 4317; 0 means that the API takes OTLP over HTTP "
            "alone. Needs the extra `grpc`; answers by TLS where SENTINEL_TLS_CERTIFICATE is set."
        ),
    )
    own_logs: str = Field(
        default="",
        pattern=f"^({TENANT_PATTERN})?$",
        description=(
            "Tenant under which API and relay send their own log lines to the telemetry store; "
            "empty means that they do not."
        ),
    )
    keep_logs: Duration = Field(
        default=parse_duration("30d"),
        ge=parse_duration("1h"),
        description="How long log lines are kept; at least 1h. Older ones are not taken.",
    )
    keep_spans: Duration = Field(
        default=parse_duration("14d"),
        ge=parse_duration("1h"),
        description="How long spans are kept; at least 1h. Older ones are not taken.",
    )
    keep_telemetry_of: str = Field(
        default="",
        description=(
            "Other lengths for single tenants, separated by commas: `acme=7d` for logs, spans and "
            "requests, or `acme=logs:7d, acme=spans:2d`, also with `requests` and `usage`; empty "
            "means none."
        ),
    )

    @field_validator("keep_telemetry_of")
    @classmethod
    def _are_lengths(cls, text: str) -> str:
        _lengths(text)
        return text

    def telemetry_kept(self, signal: str) -> tuple[timedelta, Mapping[str, timedelta]]:
        """Return how long a signal is kept.

        Args:
            signal: `logs`, `spans`, `requests`, or `usage` for counts of requests

        Returns:
            The length for all tenants, and those of tenants that have another one.
        """
        common: timedelta = getattr(self, f"keep_{signal}")
        return common, {
            tenant: length
            for (tenant, which), length in _lengths(self.keep_telemetry_of).items()
            if which == signal
        }


def _lengths(text: str) -> dict[tuple[str, str], timedelta]:
    found: dict[tuple[str, str], timedelta] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        tenant, equals, rest = part.partition("=")
        which, colon, length = rest.partition(":")
        signals = (which.strip(),) if colon else _ROWS
        if not equals or signals[0] not in (*_ROWS, "usage"):
            raise ValueError(f"{part!r} is neither TENANT=LENGTH nor TENANT=logs:LENGTH")
        for signal in signals:
            kept = parse_duration((length if colon else which).strip())
            if kept < parse_duration("1h"):
                raise ValueError(f"{part!r} is shorter than 1h")
            found[_tenant(tenant.strip()), signal] = kept
    return found


def _tenant(name: str) -> str:
    try:
        return checked_tenant(name)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
