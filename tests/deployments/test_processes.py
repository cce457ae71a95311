"""What the containers run, as processes: the entry point, the commands and the probes as written.

No container engine is needed. Names of hosts become this machine's address, ports become free
ones, and the folders of secrets and of state become folders of the test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from tests.databases import database
from tests.deployments.manifests import ROOT, compose
from tests.prefect_server import free_port
from tests.waiting import eventually

pytestmark = [
    pytest.mark.long,
    pytest.mark.prefect,
    pytest.mark.xdist_group("whole"),
    pytest.mark.skipif(sys.platform != "linux", reason="Docker Compose is a wheel for Linux"),
]

PORTS = {"prefect": 4200, "telemetry": 8123, "api": 8400, "dashboard": 8501, "worker": 8080}


class Containers:
    """The services of `compose.yaml` as processes of this machine."""

    def __init__(self, folder: Path, databases: dict[str, str]) -> None:
        self._folder = folder
        self._services: dict[str, Any] = compose("compose.yaml")["services"]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {name: free_port() for name in PORTS}
        self.secrets = folder / "secrets"
        subprocess.run(["sh", ROOT / "deployments" / "make-secrets", self.secrets], check=True,
                       capture_output=True)  # fmt: skip
        for name, url in databases.items():
            (self.secrets / name).chmod(0o600)
            (self.secrets / name).write_text(url)
        for name in ("telemetry-url", "telemetry-read-url"):
            text = (self.secrets / name).read_text()
            (self.secrets / name).chmod(0o600)
            (self.secrets / name).write_text(self.here(text))

    def here(self, text: str) -> str:
        """A command, variable or probe for this machine."""
        for name, port in PORTS.items():
            text = text.replace(f"http://{name}:{port}", f"http://127.0.0.1:{self.ports[name]}")
            text = text.replace(f"@{name}:{port}", f"@127.0.0.1:{self.ports[name]}")
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[name]}")
            text = text.replace(f"localhost:{port}", f"localhost:{self.ports[name]}")
        return text.replace("/run/secrets", str(self.secrets))

    def start(self, name: str) -> None:
        """Start the process of a service as its container would."""
        service = self._services[name]
        home = self._folder / name
        home.mkdir()
        given = {key: self.here(value) for key, value in service["environment"].items()}
        port = {
            "prefect": "PREFECT_SERVER_API_PORT", "api": "SENTINEL_API_PORT",
            "dashboard": "SENTINEL_DASHBOARD_PORT", "worker": "PREFECT_WORKER_WEBSERVER_PORT",
        }  # fmt: skip
        if name in port:
            given[port[name]] = str(self.ports[name])
        command = [
            self.here(part).replace("/var/lib/sentinel", str(home)).replace(
                str(PORTS["telemetry"]), str(self.ports["telemetry"])
            ).replace("0.0.0.0", "127.0.0.1")
            for part in service["command"]
        ]  # fmt: skip
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [ROOT / "deployments" / "container" / "entrypoint", *command],
                env=self._environment(home) | given | {"SENTINEL_HOST": "127.0.0.1"},
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _environment(self, home: Path) -> dict[str, str]:
        """The variables of the image."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "PYTHONUNBUFFERED": "1",
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_PROFILES_PATH": str(home / "prefect" / "profiles.toml"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "SENTINEL_HOME": str(home),
        }

    def healthy(self, name: str) -> None:
        """Wait until the probe of the service succeeds."""
        kind, *probe = self._services[name]["healthcheck"]["test"]
        assert kind == "CMD"

        def probed() -> bool:
            assert self._running[name].poll() is None, self.said(name)
            done = subprocess.run(
                [self.here(part) for part in probe], env=self._environment(self._folder),
                capture_output=True, check=False,
            )  # fmt: skip
            return done.returncode == 0

        eventually(probed, f"{name} is healthy", 240, said=lambda: self.said(name))

    def done(self, name: str) -> None:
        """Wait until a service that ends has ended well."""
        assert self._running.pop(name).wait(300) == 0, self.said(name)

    def said(self, name: str) -> str:
        """The end of a service's log."""
        return (self._folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def stop(self) -> dict[str, int]:
        """Stop everything as a container engine does; gives the exit codes."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        codes: dict[str, int] = {}
        for name, process in self._running.items():
            try:
                codes[name] = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
        self._running.clear()
        return codes


@pytest.fixture
def containers(postgres_url: str, tmp_path: Path) -> Generator[Containers]:
    """The services, none of them started."""
    with database(postgres_url) as own, database(postgres_url) as prefects:
        as_async = make_url(prefects).set(drivername="postgresql+asyncpg")
        made = Containers(
            tmp_path,
            {
                "database-url": own,
                "prefect-database-url": as_async.render_as_string(hide_password=False),
            },
        )
        try:
            yield made
        finally:
            made.stop()


def test_the_containers_are_one_product(containers: Containers):
    containers.start("telemetry")
    containers.start("prefect")
    containers.healthy("prefect")
    containers.start("prepare")
    containers.done("prepare")
    assert "Block types: registered" in containers.said("prepare")
    for name in ("worker", "api", "dashboard"):
        containers.start(name)
    for name in ("telemetry", "worker", "api", "dashboard"):
        containers.healthy(name)

    token = (containers.secrets / "api-token").read_text()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{containers.ports['api']}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,  # the first batch makes the tables of the telemetry store
    ) as api:
        found = eventually(
            lambda: (
                one if (one := api.get("/api/v1/alerts/health").json())["status"] == "ok" else None
            ),
            "every component is well",
        )
        assert set(found["components"]) == {"database", "schema", "prefect", "relay"}
        line = {"service_name": "shop", "level": "INFO", "message": "from a container"}
        sent = api.post("/api/logs/ingest", json=line)
        assert sent.is_success, sent.text
        # A rule of the shipped prefect.yaml runs on the worker: its run ends, and is recorded.
        eventually(
            lambda: [
                rule for rule in api.get("/api/v1/alerts/rules").json()["items"]
                if rule.get("evaluated_at")
            ],
            "a rule was evaluated", 180,
        )  # fmt: skip

    assert set(containers.stop().values()) <= {0, -signal.SIGTERM, 143}
