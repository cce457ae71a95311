"""The plan of one start: ports, databases, addresses, and the environment of every process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sentinel.duration import format_duration
from sentinel.links import dashboard_address, host_in_url, public_address
from sentinel.settings import UP_CHOSE, UP_PREFECT, Settings, set_by
from sentinel.up import ports
from sentinel.up.home import TELEMETRY_PASSWORD, Home

__all__ = ["Options", "Plan", "make_plan", "root_of_code"]

TOKEN = "api-token"  # noqa: S105 - the name of the file, which `sentinel.api` knows too
TELEMETRY_READ_PASSWORD = "telemetry-read-password"  # noqa: S105 - the name of the file
"""Name of the file with the password of whoever reads the embedded telemetry store."""
PREFECT_LOGIN = "prefect-login"
"""Name of the file that has the auth string of the Prefect server that we start."""
_SERVER_LOGIN = "PREFECT_SERVER_API_AUTH_STRING"


@dataclass(frozen=True)
class Options:
    """What the person asked for on the command line.

    Args:
        demo: deploy the demo rules
        sqlite: use SQLite instead of the embedded PostgreSQL
        rules: the `prefect.yaml` to roll out; None means ours
    """

    demo: bool = True
    sqlite: bool = False
    rules: Path | None = None


@dataclass(frozen=True)
class Plan:
    """One start, decided before anything runs.

    Attributes:
        home: where things are kept
        host: address that the API listens on, and the dashboard where it may
        given_prefect: a Prefect API that somebody else runs, or empty
        given_database: URL of our database where somebody else runs it, or empty
        given_prefect_database: the same for Prefect's
        given_login: the auth string that a person chose for the Prefect server we start, or empty
        sqlite: embedded databases are SQLite
        public_port: of the public pages; 0 where they have no address and are not served
        chosen: variables of addresses and of the login that no person set
        telemetry_port: of the embedded telemetry store; 0 where another is given or its libraries
            are not installed
    """

    home: Home
    settings: Settings
    options: Options
    host: str
    api_port: int
    dashboard_port: int
    prefect_port: int
    postgres_port: int
    given_prefect: str
    given_database: str
    given_prefect_database: str
    given_login: str
    sqlite: bool
    public_port: int = 0
    chosen: tuple[str, ...] = ()
    telemetry_port: int = 0

    @property
    def wants_postgres(self) -> bool:
        """Whether an embedded PostgreSQL is needed at all."""
        ours = not self.given_database
        prefects = not self.given_prefect and not self.given_prefect_database
        return not self.sqlite and (ours or prefects)

    @property
    def prefect_api(self) -> str:
        """URL of the Prefect API."""
        return self.given_prefect or f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def prefect_login(self) -> str:
        """The auth string of the Prefect server that we start; empty where one is given.

        Without one its API lets in every user of this machine, with the secrets of all blocks.
        """
        if self.given_prefect:
            return ""
        return self.given_login or self.home.secret(PREFECT_LOGIN, "sentinel:")

    @property
    def prefect_origins(self) -> list[str]:
        """The origins of web pages that may call the Prefect server that we start: its own UI."""
        parts = urlsplit(self.prefect_ui)
        own = [f"http://{host}:{self.prefect_port}" for host in ("127.0.0.1", "localhost")]
        return list(dict.fromkeys([*own, f"{parts.scheme}://{parts.netloc}"]))

    @property
    def prefect_ui(self) -> str:
        """URL of the Prefect UI."""
        return self.settings.prefect_ui_url or self.prefect_api.removesuffix("/api")

    @property
    def api(self) -> str:
        """URL of the API, as seen from this machine."""
        return f"{self.settings.scheme}://{host_in_url(self.host)}:{self.api_port}"

    @property
    def dashboard(self) -> str:
        """URL of the dashboard."""
        return dashboard_address(self.settings, self.dashboard_port)

    @property
    def public_pages(self) -> str:
        """URL of the public pages, as seen from this machine; empty where they are not served."""
        host = host_in_url(self.settings.public_host)
        return f"{self.settings.scheme}://{host}:{self.public_port}" if self.public_port else ""

    def shared(self, database_url: str) -> dict[str, str]:
        """The variables that make a process part of this instance."""
        made = {
            "SENTINEL_HOME": str(self.home.root),
            "SENTINEL_DATABASE_URL": database_url,
            "SENTINEL_HOST": self.host,
            "SENTINEL_API_PORT": str(self.api_port),
            "SENTINEL_DASHBOARD_PORT": str(self.dashboard_port),
            "SENTINEL_PREFECT_PORT": str(self.prefect_port),
            "SENTINEL_PREFECT_API_URL": self.prefect_api,
            "SENTINEL_PREFECT_UI_URL": self.prefect_ui,
            "SENTINEL_DASHBOARD_URL": self.dashboard,
            "SENTINEL_API_TOKEN": self.settings.api_token.get_secret_value()
            or self.home.secret(TOKEN),
            "SENTINEL_WORK_POOL": self.settings.work_pool,
            "PREFECT_API_URL": self.prefect_api,
            UP_CHOSE: ",".join(self.chosen),
            UP_PREFECT: "" if self.given_prefect else self.prefect_api,
        }
        made |= self._telemetry()
        for field in ("keep_logs", "keep_spans"):
            made[f"SENTINEL_{field.upper()}"] = format_duration(getattr(self.settings, field))
        made["SENTINEL_KEEP_TELEMETRY_OF"] = self.settings.keep_telemetry_of
        for field in ("tls_certificate", "tls_key"):
            if file := getattr(self.settings, field):
                made[f"SENTINEL_{field.upper()}"] = str(Path(file).absolute())
        for field in ("allowed_hosts", "allowed_networks"):
            if given := getattr(self.settings, field):
                made[f"SENTINEL_{field.upper()}"] = given
        if address := public_address(self.settings):
            made["SENTINEL_PUBLIC_URL"] = address
            made["SENTINEL_PUBLIC_HOST"] = self.settings.public_host
            made["SENTINEL_PUBLIC_PORT"] = str(self.public_port)
        if login := self.prefect_login or self.settings.prefect_auth_string.get_secret_value():
            made["SENTINEL_PREFECT_AUTH_STRING"] = login
            made["PREFECT_API_AUTH_STRING"] = login
        if not self.given_prefect:
            made["PREFECT_HOME"] = str(self.home.prefect)
            made["PREFECT_PROFILES_PATH"] = str(self.home.prefect / "profiles.toml")
        return made

    def _telemetry(self) -> dict[str, str]:
        """The addresses of the embedded telemetry store; nothing where it is not embedded."""
        if not self.telemetry_port:
            return {}
        password, reading = map(self.home.secret, (TELEMETRY_PASSWORD, TELEMETRY_READ_PASSWORD))
        host = f"127.0.0.1:{self.telemetry_port}"
        return {
            "SENTINEL_TELEMETRY_URL": f"http://sentinel:{password}@{host}",
            "SENTINEL_TELEMETRY_READ_URL": f"http://reader:{reading}@{host}",
        }

    def environment(
        self, database_url: str, inherited: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return the whole environment of the processes that this start runs.

        Args:
            database_url: of our database
            inherited: where it starts from; this process's environment unless given

        Returns:
            Variables by name.
        """
        base = dict(os.environ if inherited is None else inherited)
        if not self.given_prefect:
            # They would send the person's own credentials to the server that we start.
            for name in ("PREFECT_API_KEY", "PREFECT_PROFILE"):
                base.pop(name, None)
        base["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", "")])
        base["PYTHONUNBUFFERED"] = "1"
        base["PREFECT_LOGGING_COLORS"] = "false"
        base["PREFECT_CLI_COLORS"] = "false"
        base["PREFECT_CLI_PROMPT"] = "false"
        base.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        base.setdefault("DO_NOT_TRACK", "1")
        return base | self.shared(database_url)


def root_of_code() -> Path:
    """The folder that `sentinel`, `dashboard` and the rest are in."""
    return Path(__file__).resolve().parents[2]


def _chosen(settings: Settings, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that `Plan.shared` sets and no person did: addresses and the login."""
    names = {
        "prefect_api_url": ("SENTINEL_PREFECT_API_URL", "PREFECT_API_URL"),
        "prefect_ui_url": ("SENTINEL_PREFECT_UI_URL",),
    }
    found = [
        one for name, all_of_it in names.items() if not set_by(name, variables) for one in all_of_it
    ]
    login = settings.prefect_auth_string.get_secret_value()
    if not login and not any(map(variables.get, ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY"))):
        found += ["SENTINEL_PREFECT_AUTH_STRING", "PREFECT_API_AUTH_STRING"]
    return tuple(found)


def _telemetry_port(settings: Settings) -> int:
    """Return a free port where the telemetry store is to be embedded and can be; else 0."""
    if settings.telemetry_url.get_secret_value():
        return 0
    installed = all(find_spec(name) is not None for name in ("chdb", "clickhouse_connect"))
    return ports.any_free() if installed else 0


def make_plan(
    settings: Settings, options: Options, environ: Mapping[str, str] | None = None
) -> Plan:
    """Decide everything that can be decided before something runs.

    Args:
        settings: of this process
        options: of the command line
        environ: this process's environment unless given

    Returns:
        The plan; its ports are free at this moment.

    Raises:
        ConfigurationError: a port that was asked for is taken, or an address is invalid
    """
    public_address(settings)  # refused before anything runs
    variables = os.environ if environ is None else environ
    promised: list[int] = []

    def port(field: str, host: str) -> int:
        chosen = ports.choose(
            getattr(settings, field),
            setting=f"SENTINEL_{field.upper()}",
            explicit=field in settings.model_fields_set,
            host=host,
            taken=promised,
        )
        promised.append(chosen)
        return chosen

    given_prefect = settings.prefect_api_url or variables.get("PREFECT_API_URL", "")
    given_prefect_database = variables.get(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        variables.get("PREFECT_API_DATABASE_CONNECTION_URL", ""),
    )
    return Plan(
        home=Home(settings.resolved_home()),
        settings=settings,
        options=options,
        host=settings.host,
        api_port=port("api_port", settings.host),
        dashboard_port=port("dashboard_port", settings.dashboard_host),
        prefect_port=settings.prefect_port if given_prefect else port("prefect_port", "127.0.0.1"),
        postgres_port=ports.any_free(),
        given_prefect=given_prefect.rstrip("/"),
        given_database=settings.database_url,
        given_prefect_database=given_prefect_database,
        given_login=variables.get(_SERVER_LOGIN, ""),
        public_port=port("public_port", settings.public_host) if settings.public_url else 0,
        sqlite=options.sqlite or settings.database == "sqlite",
        telemetry_port=_telemetry_port(settings),
        chosen=_chosen(settings, variables),
    )
