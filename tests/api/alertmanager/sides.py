"""Alertmanager and Sentinel as two sides that are asked the same, and what their answers have."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx

from tests.waiting import eventually

ALERTMANAGER = shutil.which("prometheus-alertmanager")
ROUTES = """
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1s
  routes: [{matchers: ['team="db"'], receiver: dbas}]
inhibit_rules:
  - source_matchers: ['severity="critical"']
    target_matchers: ['severity="warning"']
    equal: [inhibits]
"""
RECEIVERS = "receivers: [{name: default}, {name: dbas}]\n"
_MOMENTS = ("startsAt", "endsAt", "updatedAt")
_IDS = ("id", "silenceID", "silencedBy")


class Side:
    """One of the two.

    Args:
        client: whose base is the API
        now: its present moment
        later: lets its time go on by so many seconds
    """

    def __init__(
        self, client: httpx.Client, now: Callable[[], datetime], later: Callable[[float], object]
    ) -> None:
        self.client, self.now, self.later = client, now, later
        self.began = now()
        self._ids: dict[str, str] = {}

    def at(self, seconds: float) -> str:
        """So many seconds from now, as a request says it."""
        return (self.now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """The status, and the answer without what differs from run to run."""
        status, said = self.raw(method, path, body, **more)
        return status, self.plain(said)

    def raw(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        given = {"json": body} if body is not None else {}
        answer = self.client.request(method, f"api/v2/{path}", **given, **more)
        return answer.status_code, answer.json() if answer.text.strip() else None

    def post(self, *alerts: dict[str, Any]) -> tuple[int, Any]:
        return self.ask("POST", "alerts", list(alerts))

    def alerts(self, name: str, query: str = "") -> Any:
        return self.ask("GET", f'alerts?filter=alertname="{name}"{query}')[1]

    def plain(self, said: Any) -> Any:
        if isinstance(said, list):
            return [self.plain(one) for one in cast("list[Any]", said)]
        if not isinstance(said, dict):
            return said
        fields = cast("dict[str, Any]", said)
        return {name: self._plain(name, value) for name, value in sorted(fields.items())}

    def _plain(self, name: str, value: Any) -> Any:
        if name in _MOMENTS:
            seconds = (datetime.fromisoformat(value) - self.began).total_seconds()
            return f"{round(seconds / 10) * 10} s"  # each side takes a moment
        if name in _IDS and isinstance(value, str):
            return self._ids.setdefault(value, f"silence {len(self._ids)}")
        if name in _IDS:
            return [self._plain("id", one) for one in value]
        if name == "message":
            return value.partition(", because")[0]  # what Go's parser says is its own
        return self.plain(value)


@contextmanager
def real_alertmanager(folder: Path) -> Generator[Side]:
    """Debian's Alertmanager."""
    config = folder / "alertmanager.yml"
    config.write_text(ROUTES + RECEIVERS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(ALERTMANAGER), f"--config.file={config}", f"--storage.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/", trust_env=False) as client:
            eventually(lambda: _ready(client), "Alertmanager is ready", 20)
            yield Side(client, lambda: datetime.now(UTC), time.sleep)
    finally:
        process.terminate()
        process.wait(10)


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("-/ready").status_code == 200
    except httpx.TransportError:
        return False


def as_json(answers: Any) -> Any:
    """Answers as a file of JSON has them."""
    return json.loads(json.dumps(answers))
