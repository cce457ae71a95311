"""Two APIs with a relay each, PostgreSQL with a standby: each is killed under load, and in pairs.

No alert whose post was answered is lost, everybody is told, and nothing is told twice but by what
was being sent when its sender was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.store import Store
from tests.api.served import TOKEN
from tests.prefect_server import free_port
from tests.system.replicated import replicated
from tests.waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("whole")]

BACK = 30.0
"""Seconds after which Sentinel must be back."""


class Api:
    """A process of the API with its relay, which may be killed and started again.

    Args:
        database: URL
        home: folder of its log
        emergency: address that alerts are sent to while Prefect is away
        code: folder of another version of the packages; None for this one
    """

    def __init__(self, database: str, home: Path, emergency: str, code: Path | None = None) -> None:
        self.port = free_port()
        self._home = home
        self._environment = {
            **os.environ, "SENTINEL_DATABASE_URL": database, "SENTINEL_HOME": str(home),
            "SENTINEL_API_PORT": str(self.port), "SENTINEL_API_TOKEN": TOKEN,
            "SENTINEL_EMERGENCY_URL": emergency, "PREFECT_API_URL": "http://127.0.0.1:9/api",
        }  # fmt: skip
        if code is not None:
            self._environment["PYTHONPATH"] = str(code)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._home / f"{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "sentinel.api"], env=self._environment,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)

    def said(self) -> str:
        return (self._home / f"{self.port}.log").read_text("utf-8", "replace")[-3000:]


class Told:
    """What the receiver took: which alerts were named, and what came twice without saying so."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.twice: list[str] = []
        self.alerts: set[str] = set()
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.take(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: dict[str, Any]) -> None:
        named = sorted(one["labels"]["alertname"] for one in body["alerts"])
        key = f"{body['dedup_key']} {body['firing']} {body['resolved']} {named}"
        self.times[key] += 1
        if self.times[key] > 1 and "may repeat" not in body["reason_text"]:
            self.twice.append(body["reason_text"])
        self.alerts |= {*named}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Sender:
    """Posts alerts to both APIs in turn, each again until one has taken it."""

    def __init__(self, apis: list[Api]) -> None:
        self._apis = apis
        self.taken: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        turns = count()
        with httpx.Client(trust_env=False, timeout=10, headers=headers) as client:
            for number in count():
                name = f"Alert{number:05}"
                body = [{"labels": {"alertname": name, "severity": "critical"}}]
                while not self._stop.is_set():
                    port = self._apis[next(turns) % len(self._apis)].port
                    url = f"http://127.0.0.1:{port}/alertmanager/api/v2/alerts"
                    try:
                        if client.post(url, json=body).status_code == 200:
                            self.taken.append(name)
                            break
                    except httpx.TransportError:
                        pass
                    time.sleep(0.2)  # the next attempt, as any sender makes one
                if self._stop.wait(1.5):
                    return

    @contextmanager
    def sending(self) -> Generator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(60)


def test_what_is_killed_under_load_loses_no_alert_and_leaves_nobody_untold():
    told = Told()
    with tempfile.TemporaryDirectory() as folder, replicated(Path(folder) / "postgres") as servers:
        Path(folder).chmod(0o711)
        with closing(Store(servers.url)) as store:
            store.migrate()
            store.receivers.set("default", ["sentinel-webhook/ops"])
        apis = [Api(servers.url, Path(folder), told.url) for _ in range(2)]
        try:
            for api in apis:
                api.start()
            sender = Sender(apis)

            def goes_on(after: str) -> None:
                before = len(sender.taken)
                eventually(lambda: len(sender.taken) > before + 2, f"posts are taken {after}",
                           BACK, said=lambda: apis[0].said() + apis[1].said())  # fmt: skip
                last = sender.taken[-1]
                eventually(lambda: last in told.alerts, f"{last} is told {after}", BACK,
                           said=lambda: apis[0].said() + apis[1].said())  # fmt: skip

            with sender.sending():
                eventually(lambda: len(sender.taken) > 5, "the APIs have started")
                goes_on("at first")
                for api in apis:
                    api.kill()
                    goes_on(f"without the API on {api.port}")
                    api.start()
                    eventually(lambda port=api.port: answers(port), "it is there again")
                for api in apis:
                    api.kill()
                for api in apis:
                    api.start()
                eventually(lambda: any(answers(api.port) for api in apis), "one is there again")
                goes_on("after both were killed")
                eventually(lambda: all(answers(api.port) for api in apis), "both are there again")
                servers.primary.kill()
                apis[0].kill()
                servers.promote()
                goes_on("by the standby and one API")
            eventually(
                lambda: told.alerts >= set(sender.taken), "all alerts are told", BACK,
                said=lambda: _untold(servers.url, {*sender.taken} - told.alerts) + apis[1].said(),
            )  # fmt: skip
            with closing(Store(servers.url)) as store:
                listed = {one.title for one in all_alerts(store)}
            assert {name for name in sender.taken if name not in listed} == set()
            assert told.twice == []
            assert max(told.times.values()) <= 2
        finally:
            for api in apis:
                api.kill()
            told.close()


def _untold(url: str, names: set[str]) -> str:
    """Say why nobody was told of these alerts."""
    with closing(Store(url)) as store:
        return "\n".join(
            f"{one.title}: {one.status}, {store.notification_log.explain_alert(one.id)}"
            for one in all_alerts(store) if one.title in names
        ) or f"there is no {sorted(names)}"  # fmt: skip


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def all_alerts(store: Store) -> Generator[Any]:
    after = None
    while True:
        page = store.alerts.page(limit=500, after=after)
        yield from page.items
        if page.next is None:
            return
        after = page.next
