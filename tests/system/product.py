"""The product as `make run` starts it, on free ports and in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import yaml

from sentinel.prefect_client.transport import authentication
from sentinel.store import Store
from sentinel.up.home import Home
from sentinel.up.instance import Record, read
from tests.prefect_server import ROOT, free_port
from tests.waiting import eventually

T = TypeVar("T")

__all__ = ["Product", "none_of", "prefect_asks_for_a_login"]


def none_of(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(map(_lives, processes))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def prefect_asks_for_a_login(record: Record, home: Home) -> None:
    """Whoever reaches its API could read the secrets of all blocks."""
    count = f"{record.environment['PREFECT_API_URL']}/flows/count"
    assert httpx.post(count, json={}).status_code == 401
    headers = authentication(record.environment)
    assert httpx.post(count, json={}, headers=headers).status_code == 200
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in httpx.options(count, headers=preflight).headers
    assert record.places["Prefect login"] == str(home.root / "prefect-login")


class Product:
    """`sentinel up` as a child process, and the doors that a user has."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.output = folder / "up.txt"
        public = str(free_port())
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENTINEL_"))},
            "SENTINEL_HOME": str(self.home.root),
            "SENTINEL_API_PORT": str(free_port()),
            "SENTINEL_DASHBOARD_PORT": str(free_port()),
            "SENTINEL_PREFECT_PORT": str(free_port()),
            "SENTINEL_PUBLIC_PORT": public,
            "SENTINEL_PUBLIC_URL": f"http://127.0.0.1:{public}",
            "SENTINEL_ALLOWED_NETWORKS": "127.0.0.0/8",
            "COLUMNS": "160",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it and wait until it says that everything runs."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sentinel.cli", "up", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        pid = self._process.pid  # not of an earlier one, which may have been killed
        self.eventually(
            lambda: (one := self.record()).ready and one.pid == pid, "everything starts", within=480
        )

    def says(self, text: str) -> None:
        """Wait until it has said so to whoever started it."""
        self.eventually(lambda: text in self.output.read_text(), f"it says {text}")

    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """All that it has started."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def eventually(self, look: Callable[[], T], what: str, within: float = 240) -> T:
        """As `eventually`, and says at once where the product has ended."""

        def checked() -> T:
            assert self._process is not None
            assert self._process.poll() is None, self.output.read_text()[-3000:]
            return look()

        return eventually(checked, what, within)

    def clicks(self, what: str, rule: str) -> None:
        """Have a person build or delete a rule in its dashboard."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.system.rule_clicks", what, rule],
            env={**self.environment, **self.record().environment}, cwd=ROOT,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]

    def end(self, number: signal.Signals) -> int:
        """Send a signal; gives the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(240)

    def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        return self.end(signal.SIGINT)

    def record(self) -> Record:
        """What runs."""
        return read(self.home) or Record(pid=0, started=0)

    def child(self, name: str) -> psutil.Process:
        """The process of one part."""
        (found,) = [one for one in self.record().children if one.name == name]
        return psutil.Process(found.pid)

    def store(self) -> Store:
        """The shared database."""
        return Store(self.record().environment["SENTINEL_DATABASE_URL"])

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`sentinel …` in another terminal, which knows its home and nothing else."""
        return subprocess.run(
            [sys.executable, "-m", "sentinel.cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def sentinel(self, *arguments: str) -> Any:
        """`sentinel … --json`, read."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def is_well(self) -> None:
        """Wait until `sentinel doctor` has nothing to say."""
        self.eventually(lambda: self.run("doctor").returncode == 0, "the doctor is content", 300)

    def api(self, method: str, path: str, **more: Any) -> Any:
        """A call of Sentinel's API."""
        environment = self.record().environment
        answer = httpx.request(
            method,
            f"http://127.0.0.1:{environment['SENTINEL_API_PORT']}{path}",
            headers={"Authorization": f"Bearer {environment['SENTINEL_API_TOKEN']}"},
            timeout=30,
            **more,
        )
        assert answer.is_success, answer.text
        return answer.json()

    def prefect(self, path: str, **body: Any) -> list[dict[str, Any]]:
        """A question to Prefect's API: every page of a filter's answer."""
        found: list[dict[str, Any]] = []
        while True:
            answer = httpx.post(
                f"{self.record().environment['PREFECT_API_URL']}{path}",
                json={**body, "limit": 200, "offset": len(found)},
                headers=self.prefect_headers(),
                timeout=30,
            )
            answer.raise_for_status()
            page: list[dict[str, Any]] = answer.json()
            found += page
            if len(page) < 200:
                return found

    def prefect_headers(self) -> dict[str, str]:
        """What Prefect's API asks for."""
        return authentication(self.record().environment)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Prefect's events of one name."""
        answer = httpx.post(
            f"{self.record().environment['PREFECT_API_URL']}/events/filter",
            json={"filter": {"event": {"name": [name]}}, "limit": 50},
            headers=self.prefect_headers(),
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["events"]

    def deploy(self, folder: Path, deployment: dict[str, Any]) -> None:
        """Roll out by the command that a data engineer types."""
        file = folder / "prefect.yaml"
        file.write_text(yaml.safe_dump({"name": "system", "deployments": [deployment]}))
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file",
             str(file)],
            cwd=ROOT,
            env={**self.environment, **self.record().environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def make_webhook(self, name: str, url: str, secret: str) -> None:
        """Save a block of a signed webhook, as a person does in Prefect's UI."""
        code = (
            "import sys; from blocks.webhook import SignedWebhook;"
            "name, url, secret = sys.argv[1:];"
            "SignedWebhook(url=url, secret=secret).save(name, overwrite=True)"
        )
        subprocess.run(
            [sys.executable, "-c", code, name, url, secret],
            env={**self.environment, **self.record().environment},
            check=True,
            timeout=60,
        )

    def tracebacks(self) -> dict[str, str]:
        """Every log that has a traceback, from there on."""
        found: dict[str, str] = {}
        for log in sorted(self.home.logs.iterdir()):
            written = log.read_text(errors="replace")
            place = written.find("Traceback (most recent call last)")
            if place >= 0:
                found[log.name] = written[max(0, place - 500) : place + 2500]
        return found
