"""Settings: environment variables beginning with `SENTINEL_`, and a `.env` file beside them.

Credentials of outside systems are never settings; they live in Prefect blocks.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentinel.duration import Duration, parse_duration

__all__ = ["Settings", "settings"]


class Settings(BaseSettings):
    """Everything a platform owner may set. Each field is `SENTINEL_` and its name."""

    model_config = SettingsConfigDict(
        env_prefix="SENTINEL_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(
        default=Path(".sentinel"),
        description="Where one machine keeps its embedded databases, logs and process ids.",
    )
    database_url: str = Field(
        default="",
        description=(
            "SQLAlchemy URL of the shared database: postgresql+psycopg://… or sqlite:///…; "
            "empty means the one that `sentinel up` embeds under home, else SQLite under home."
        ),
    )
    database: str = Field(
        default="auto",
        pattern="^(auto|postgresql|sqlite)$",
        description="Which embedded database `sentinel up` starts: auto, postgresql or sqlite.",
    )
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    dashboard_behind_login: bool = Field(
        default=False,
        description=(
            "Something before the dashboard, such as a proxy, asks people who they are. Only then "
            "does it listen on SENTINEL_HOST; else on this machine only, as it asks nobody."
        ),
    )
    dashboard_user_header: str = Field(
        default="",
        pattern="^[A-Za-z0-9-]*$",
        description=(
            "Header in which a proxy with a login names who is signed in, such as "
            "X-Forwarded-User; it must take away one that a browser sends, and nothing else may "
            "reach the dashboard's port, as it is believed there. Where this is empty, everybody "
            "acts as SENTINEL_USER."
        ),
    )
    dashboard_login_lease: Duration = Field(
        default=parse_duration("30s"),
        ge=parse_duration("10s"),
        description=(
            "How long after the proxy last named its person a page still takes what changes "
            "something, where SENTINEL_DASHBOARD_USER_HEADER is set; at least 10s. A page that is "
            "open has itself named every two seconds."
        ),
    )
    api_port: int = Field(default=8400, ge=0, le=65535, description="Port of Sentinel's API.")
    dashboard_port: int = Field(default=8501, ge=0, le=65535, description="Dashboard's port.")
    prefect_port: int = Field(
        default=4200, ge=0, le=65535, description="Port of the Prefect server `up` starts."
    )
    prefect_api_url: str = Field(
        default="",
        description="Prefect API that Sentinel talks to; empty means PREFECT_API_URL, else ours.",
    )
    prefect_ui_url: str = Field(
        default="", description="Where people open Prefect; empty means beside its API."
    )
    dashboard_url: str = Field(
        default="", description="Where people open the dashboard; empty means host and port."
    )
    api_token: SecretStr = Field(
        default=SecretStr(""),
        description="Bearer token of the API; empty means one that `up` makes under home.",
    )
    work_pool: str = Field(default="sentinel", description="Work pool that deployments use.")
    user: str = Field(default="", description="Who acts in the dashboard and CLI; empty: login.")
    reopen_within: Duration = Field(
        default=parse_duration("15m"),
        description="A recurrence this soon after a resolve reopens the same alert.",
    )
    hold_after_manual_resolve: Duration = Field(
        default=parse_duration("5m"),
        description="How long a person's resolve stands while the condition still holds.",
    )
    wake_again_after: Duration = Field(
        default=parse_duration("5s"),
        description="A wake that nobody served for this long is sent to Prefect again.",
    )
    standby_after: Duration = Field(
        default=parse_duration("15s"),
        description="What is due and unclaimed for this long is told by the relay itself.",
    )
    dead_man_url: SecretStr = Field(
        default=SecretStr(""),
        description="Pinged once a minute while all is well, so that silence can page somebody.",
    )
    retention: Duration = Field(
        default=parse_duration("90d"), description="How long resolved alerts are kept."
    )
    keep_samples: Duration = Field(
        default=parse_duration("7d"),
        description="How long samples of metrics are kept as they came; older ones are refused.",
    )
    keep_minutes: Duration = Field(
        default=parse_duration("30d"),
        description="How long a value for every minute of a metric is kept.",
    )
    keep_hours: Duration = Field(
        default=parse_duration("400d"),
        description="How long a value for every hour of a metric is kept.",
    )
    keep_events: Duration = Field(
        default=parse_duration("7d"),
        description="How long events are kept, and for how long an id that comes again is known.",
    )

    @property
    def dashboard_host(self) -> str:
        """Address that the dashboard listens on."""
        return self.host if self.dashboard_behind_login else "127.0.0.1"

    def resolved_home(self) -> Path:
        """`home` as an absolute path."""
        return self.home.expanduser().resolve()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
