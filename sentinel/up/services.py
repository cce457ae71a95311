"""How each process of the product is started: Prefect's server and worker, API, dashboard."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sentinel.settings import Settings
from sentinel.up.home import TELEMETRY_PASSWORD, Home
from sentinel.up.plan import TELEMETRY_READ_PASSWORD, Plan, root_of_code
from sentinel.up.processes import Service

__all__ = [
    "SERVER",
    "api",
    "dashboard",
    "dashboard_command",
    "prefect_server",
    "public_pages",
    "rollout",
    "telemetry",
    "telemetry_of",
    "worker",
]

# For every schedule that it reads Prefect lists all time zones, which walks the machine's folder of
# them: 7 ms of CPU a deployment, 1.3 ms where only the package is asked.
_ZONES = {"PYTHONTZPATH": ""} if find_spec("tzdata") is not None else {}
SERVER = {
    **_ZONES,
    # What a flow run leaves behind is kept for a week: two hundred rules a minute are 288,000
    # rows a day, and an alert keeps what matters of its run.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "604800",
    # A rule every minute means sixty rows of runs an hour ahead; ten minutes are plenty.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT10M",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "20",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "60",
    # Loops that serve what we do not use: paused flows, cancelled infrastructure.
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "30",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


def prefect_server(plan: Plan, environment: Mapping[str, str], database_url: str) -> Service:
    """Describe the process of the Prefect server.

    Args:
        plan: of this start
        environment: of our processes; a server setting that a person made there stands
        database_url: of Prefect's own database, with an async driver

    Returns:
        How to start it.
    """
    own = {
        name: value
        for name, value in environment.items()
        if name != "PREFECT_API_DATABASE_CONNECTION_URL"
    }
    # Prefect's own defaults: no login, and every web page may read what its API answers.
    closed = {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(plan.prefect_origins)}
    secret = {"PREFECT_SERVER_API_AUTH_STRING": plan.prefect_login}
    return Service(
        name="prefect",
        command=[
            *_python("prefect", "server", "start"),
            *("--host", "127.0.0.1", "--port", str(plan.prefect_port)),
        ],
        environment=SERVER
        | closed
        | own
        | secret
        | {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url},
        log=plan.home.log("prefect"),
        patience=15.0,
    )


def rollout(plan: Plan, environment: Mapping[str, str], file: Path) -> Service:
    """Block types and deployments, by a process that ends when it is done."""
    return Service(
        name="rollout",
        command=_python("sentinel.up.prewarm", "rollout", str(file)),
        environment=_ZONES | dict(environment),
        log=plan.home.log("rollout"),
    )


def worker(plan: Plan, environment: Mapping[str, str]) -> Service:
    """Our worker on our pool."""
    # What has begun may end, within the time that Ctrl-C may take.
    drain = {"SENTINEL_WORKER_DRAIN": "12s"}
    return Service(
        name="worker",
        command=[
            *_python("sentinel.up.prewarm", "worker", "--type", "sentinel"),
            *("--pool", plan.settings.work_pool),
            # The same name at every start, so that the UI does not collect dead workers.
            *("--name", socket.gethostname()),
            *("--no-create-pool-if-not-found", "--install-policy", "never"),
        ],
        environment=drain | dict(environment) | {"TMPDIR": str(plan.home.temporary)},
        log=plan.home.log("worker"),
        patience=18.0,
    )


def api(plan: Plan, environment: Mapping[str, str]) -> Service:
    """The API with the relay in it."""
    return Service(
        name="api",
        command=_python("sentinel.cli", "api"),
        environment=environment,
        log=plan.home.log("api"),
    )


def public_pages(plan: Plan, environment: Mapping[str, str]) -> Service:
    """The server of the pages that links in messages open."""
    return Service(
        name="public-pages",
        command=_python("sentinel.cli", "public-pages"),
        environment=environment,
        log=plan.home.log("public-pages"),
    )


def telemetry(plan: Plan, environment: Mapping[str, str], descriptor: int) -> Service:
    """Describe the process of the embedded telemetry store.

    Args:
        plan: of this start
        environment: of our processes
        descriptor: of the socket that it accepts from

    Returns:
        How to start it.
    """
    return telemetry_of(plan.home, plan.settings.telemetry_memory, environment, descriptor)


def telemetry_of(
    home: Home, megabytes: int, environment: Mapping[str, str], descriptor: int
) -> Service:
    """Describe the process of the telemetry store that is embedded in a home.

    Args:
        home: whose data and passwords
        megabytes: of memory that it may use
        environment: of our processes
        descriptor: of the socket that it accepts from

    Returns:
        How to start it.
    """
    # Not on the command line, which every user of this machine can read.
    passwords = {
        "SENTINEL_TELEMETRY_PASSWORD": home.secret(TELEMETRY_PASSWORD),
        "SENTINEL_TELEMETRY_READ_PASSWORD": home.secret(TELEMETRY_READ_PASSWORD),
    }
    return Service(
        name="telemetry",
        command=[
            *_python("sentinel.telemetry_server", str(home.telemetry)),
            *("--fd", str(descriptor), "--memory", str(megabytes * 1_000_000)),
            *("--backups", str(home.telemetry_backups)),
        ],
        environment=dict(environment) | passwords,
        log=home.log("telemetry"),
        patience=15.0,
        inherits=(descriptor,),
    )


def dashboard(plan: Plan, environment: Mapping[str, str]) -> Service:
    """The Streamlit server of the dashboard."""
    return Service(
        name="dashboard",
        command=dashboard_command(plan.settings, plan.dashboard_port),
        environment=environment,
        log=plan.home.log("dashboard"),
    )


def dashboard_command(chosen: Settings, port: int) -> list[str]:
    """Return the command line of the dashboard.

    Args:
        chosen: the address to listen on, and the certificate
        port: to listen on

    Returns:
        Program and arguments.
    """
    settings = {
        "server.address": chosen.dashboard_host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        # Measured: a full collection after every refresh took half a core for 20 sessions.
        "runner.postScriptGC": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    if certificate := chosen.tls_certificate:
        settings |= {
            "server.sslCertFile": str(certificate),
            "server.sslKeyFile": str(chosen.tls_key or certificate),
        }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    run = _python("dashboard.secured") if certificate else _python("streamlit")
    return [*run, "run", str(root_of_code() / "dashboard" / "app.py"), *flags]


def dashboard_of(settings: Settings) -> list[str]:
    """The command line of the dashboard that the settings describe."""
    return dashboard_command(settings, settings.dashboard_port)


def sqlite_of_prefect(home: Home) -> str:
    """URL of Prefect's database where PostgreSQL is not used."""
    return f"sqlite+aiosqlite:///{home.prefect / 'prefect.db'}"


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
