"""Settings: environment variables beginning with `SENTINEL_`, and a `.env` file beside them.

What a person saves on the dashboard's page *Settings* (`KEPT`) is in a file under home, which is
read where neither the environment nor `.env` says anything.

Credentials of outside systems are never settings; they live in Prefect blocks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sentinel.duration import Duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.settings.archive import ArchiveSettings
from sentinel.settings.incidents import IncidentSettings
from sentinel.settings.intake import IntakeSettings
from sentinel.settings.mailbox import MailboxSettings
from sentinel.settings.messages import MessageSettings
from sentinel.settings.own_limits import OwnLimitSettings
from sentinel.settings.plugins import PluginSettings
from sentinel.settings.private_file import write_private
from sentinel.settings.public import PublicSettings
from sentinel.settings.request_log import RequestLogSettings
from sentinel.settings.secure import SecretFiles
from sentinel.settings.standby import StandbySettings
from sentinel.settings.suite import SuiteSettings
from sentinel.settings.telemetry import TelemetrySettings

__all__ = [
    "KEPT",
    "UP_CHOSE",
    "UP_PREFECT",
    "Settings",
    "keep_settings",
    "kept_file",
    "kept_settings",
    "set_by",
    "settings",
]

KEPT = ("prefect_api_url", "prefect_ui_url")
"""Settings that a person may save on the dashboard's page."""
UP_CHOSE = "SENTINEL_UP_CHOSE"
"""A variable with the names of others, divided by commas: `sentinel up` gives them to its parts,
and no person set them."""
UP_PREFECT = "SENTINEL_UP_PREFECT"
"""A variable with the URL of the Prefect API that `sentinel up` starts; empty if one is given."""
_FILE = "settings.json"
_UNREADABLE = "{} cannot be read: {}"
_CORRECT = "Correct the file, or delete it."
_OTHER_NAMES = {"prefect_api_url": ("PREFECT_API_URL",)}


class _KeptSource(PydanticBaseSettingsSource):
    """What a person saved on the dashboard's page, weaker than the environment and `.env`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return no value: all are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values by name."""
        home = self.current_state.get("home") or Settings.model_fields["home"].default
        return {
            name: value
            for name, value in kept_settings(Path(home)).items()
            if not any(os.environ.get(other) for other in _OTHER_NAMES.get(name, ()))
        }


class Settings(
    PublicSettings, StandbySettings, MessageSettings, MailboxSettings, TelemetrySettings,
    IncidentSettings, IntakeSettings, PluginSettings, RequestLogSettings,
    OwnLimitSettings, ArchiveSettings, SuiteSettings,
):  # fmt: skip
    """Everything that a platform owner may set. Each field is `SENTINEL_` and its name."""

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
    allowed_hosts: str = Field(
        default="",
        description=(
            "Further names under which API, dashboard and public pages are reached, separated by "
            "commas; empty means none; "
            "`*.example.org` is every name below, `*` every name. Always allowed are localhost, "
            "addresses, this machine's name, SENTINEL_HOST and the host of "
            "SENTINEL_DASHBOARD_URL. A request for another name is refused (421), since a web page "
            "can give its own name the address of this machine (DNS rebinding)."
        ),
    )
    allowed_networks: str = Field(
        default="",
        description=(
            "Networks that webhook and Slack channels may reach although they are not public, "
            "separated by commas, as `10.1.0.0/16, 127.0.0.1`; `*` is every address; empty means "
            "public addresses alone, so that no channel asks what only this machine can reach."
        ),
    )
    dashboard_behind_login: bool = Field(
        default=False,
        description=(
            "The dashboard has accounts (`sentinel user create`), or a proxy in front of it has a "
            "login. Only then does the dashboard listen on SENTINEL_HOST; else it listens on "
            "loopback only, since without an account everybody who reaches it may do everything."
        ),
    )
    dashboard_user_header: str = Field(
        default="",
        pattern="^[A-Za-z0-9-]*$",
        description=(
            "Header in which a proxy with a login names the user, such as X-Forwarded-User. The "
            "proxy must remove the header that a browser sends, and nothing else may reach the "
            "dashboard's port, since the dashboard trusts it. Where this is empty, everybody "
            "acts as SENTINEL_USER."
        ),
    )
    dashboard_login_lease: Duration = Field(
        default=parse_duration("30s"),
        ge=parse_duration("10s"),
        description=(
            "How long a page accepts commands after the proxy last named its user, where "
            "SENTINEL_DASHBOARD_USER_HEADER is set; at least 10s. An open page asks the proxy "
            "every two seconds."
        ),
    )
    api_port: int = Field(default=8400, ge=0, le=65535, description="Port of Sentinel's API.")
    api_processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description=(
            "How many processes answer the API's requests, on one port. They share nothing but the "
            "database; more than there are processor cores is of no use."
        ),
    )
    dashboard_port: int = Field(default=8501, ge=0, le=65535, description="Dashboard's port.")
    prefect_port: int = Field(
        default=4200, ge=0, le=65535, description="Port of the Prefect server `up` starts."
    )
    prefect_api_url: str = Field(
        default="",
        description=(
            "Prefect API that Sentinel talks to; empty means PREFECT_API_URL, else the one saved "
            "on the dashboard's page Settings, else ours."
        ),
    )
    prefect_auth_string: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "What that Prefect API asks for, `user:password`; empty means PREFECT_API_AUTH_STRING, "
            "else PREFECT_API_KEY. `sentinel up` sets it to that of its own server."
        ),
    )
    prefect_ui_url: str = Field(
        default="",
        description=(
            "Where people open Prefect; empty means the address saved on the dashboard's page "
            "Settings, else beside its API."
        ),
    )
    dashboard_url: str = Field(
        default="", description="Where people open the dashboard; empty means host and port."
    )
    url: str = Field(
        default="",
        description="Address of a Sentinel API on another machine, which commands about alerts "
        "use instead of the database here: `http://sentinel.example:8400`.",
    )
    token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token or API key for the API at `url`."
    )
    api_token: SecretStr = Field(
        default=SecretStr(""),
        description="Bearer token of the API; empty means one that `up` makes under home.",
    )
    login_key: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Key that signs the tokens of logins, at least 32 characters, the same for all API "
            "processes; empty means one that the API makes under home."
        ),
    )
    session_idle: Duration = Field(
        default=parse_duration("12h"),
        ge=parse_duration("1m"),
        description=(
            "How long a login lasts without a request; at least 1m. An open page of the dashboard "
            "counts as use, since it asks every two seconds."
        ),
    )
    session_length: Duration = Field(
        default=parse_duration("7d"),
        ge=parse_duration("1m"),
        description="How long a login lasts in all, however much it is used; at least 1m.",
    )
    work_pool: str = Field(default="sentinel", description="Work pool that deployments use.")
    user: str = Field(
        default="", description="User that acts in the dashboard and CLI; empty means the login."
    )
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
        description="A wake that is not served within this long is sent to Prefect again.",
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings are read, the strongest first."""
        kept = _KeptSource(settings_cls)
        return init_settings, SecretFiles(settings_cls), env_settings, dotenv_settings, kept

    keep_audit: Duration | None = Field(
        default=None,
        description=(
            "How long rows of the audit trail are kept; older ones are "
            "deleted only where SENTINEL_AUDIT_KEY is set."
        ),
    )
    audit_key: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Secret that signs how far the audit trail was deleted by SENTINEL_KEEP_AUDIT; "
            "empty means that nothing is deleted. `sentinel audit verify` needs the same one."
        ),
    )

    access_review_every: Duration = Field(
        default=parse_duration("90d"),
        ge=parse_duration("1d"),
        description=(
            "How often a person is to review who may do what (`sentinel access certify`); "
            "`sentinel doctor` warns once it is longer ago."
        ),
    )

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for one in filter(None, (part.strip() for part in text.split(","))):
            if one != "*":
                ip_network(one, strict=False)
        return text

    @property
    def dashboard_host(self) -> str:
        """Return the address that the dashboard listens on."""
        return self.host if self.dashboard_behind_login else "127.0.0.1"

    def resolved_home(self) -> Path:
        """Return `home` as an absolute path."""
        return self.home.expanduser().resolve()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()


def kept_settings(home: Path) -> dict[str, str]:
    """Read what a person saved on the dashboard's page.

    Args:
        home: folder of this machine's instance

    Returns:
        values by the names of `KEPT`; empty where nothing was saved

    Raises:
        ConfigurationError: the file cannot be read, or is no JSON object of texts
    """
    path = kept_file(home)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(_UNREADABLE.format(path, error), hint=_CORRECT) from error
    if not isinstance(found, dict):
        raise ConfigurationError(_UNREADABLE.format(path, "it is no object"), hint=_CORRECT)
    values = cast("dict[str, object]", found)
    if odd := [name for name, value in values.items() if not isinstance(value, str)]:
        raise ConfigurationError(_UNREADABLE.format(path, f"{odd[0]} is no text"), hint=_CORRECT)
    return {name: str(values[name]) for name in KEPT if values.get(name)}


def keep_settings(home: Path, values: Mapping[str, str]) -> None:
    """Save settings for the next start and for other processes that start here.

    Args:
        home: folder of this machine's instance; made where it is missing
        values: by the names of `KEPT`; an empty text removes what was saved

    Raises:
        ConfigurationError: the file cannot be written
    """
    path = kept_file(home)
    kept = {name: value for name in KEPT if (value := values.get(name, "").strip())}
    try:
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_private(path, json.dumps(kept, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Make the folder writable, or set SENTINEL_HOME to another one.",
        ) from error


def kept_file(home: Path) -> Path:
    """Return the file of the settings that were saved on the dashboard's page."""
    return home.expanduser().resolve() / _FILE


def set_by(name: str, environ: Mapping[str, str] | None = None) -> str:
    """Return what sets a setting, stronger than what is saved on the dashboard's page.

    Args:
        name: of `KEPT`
        environ: this process's environment unless given

    Returns:
        for people: the variable, and that it is in `.env` where it is; empty where nobody set it
    """
    variables = os.environ if environ is None else environ
    chosen = variables.get(UP_CHOSE, "").split(",")
    variable = f"SENTINEL_{name.upper()}"
    for one in (variable, *_OTHER_NAMES.get(name, ())):
        if variables.get(one) and one not in chosen:
            return one
    in_file = bool(DotEnvSettingsSource(Settings)().get(name)) and variable not in chosen
    return f"{variable} in .env" if in_file else ""
