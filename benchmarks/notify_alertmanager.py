"""A real Alertmanager with the alerts, routes and silences of `benchmarks.notify_pipeline`.

It gets them over its API, and sends to a webhook of ours until every alert that is not silenced
has been in a message. What counts is its own processor time from the first alert to the last. An
alert that comes after its group's first message waits for `group_interval`, so both times are set
here: on a busy machine the alerts take longer to arrive than the pipeline's `group_wait`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from benchmarks.notify_pipeline import alert_labels, document, muted, silences
from benchmarks.table import Skipped
from sentinel.up.ports import any_free

BINARY = "ALERTMANAGER"
"""Variable with the path of the program; else it is looked for in PATH."""
_NAMES = ("prometheus-alertmanager", "alertmanager")
_AT_ONCE = 1_000
_TIMES = {"group_wait": "30s", "group_interval": "10s"}
_WITHIN = 300.0


def program() -> str:
    """Return the path of the installed Alertmanager.

    Raises:
        Skipped: there is none
    """
    binary = os.environ.get(BINARY) or next(filter(None, map(shutil.which, _NAMES)), "")
    if not binary:
        raise Skipped(
            f"there is no Alertmanager. On Debian: apt-get download prometheus-alertmanager, "
            f"dpkg -x it into a folder, and set {BINARY} to usr/bin/prometheus-alertmanager there."
        )
    return binary


def alertmanager() -> tuple[int, float, str]:
    """Decide on all alerts once.

    Returns:
        How many were in its messages, the seconds of processor time that it took, its version.

    Raises:
        Skipped: it is not installed
    """
    binary = program()
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    version = (said.stdout + said.stderr).split("version ")[1].split()[0]
    wanted = sum(not muted(labels) for labels in alert_labels())
    with _webhook() as (address, heard), _running(binary, address) as (api, process):
        _silence(api)
        before = _cpu(process)
        _feed(api)
        deadline = time.monotonic() + _WITHIN
        while heard[0] < wanted:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"Alertmanager sent {heard[0]:,} of {wanted:,} alerts")
            time.sleep(0.1)
        return heard[0], _cpu(process) - before, version


def _cpu(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def _silence(api: httpx.Client) -> None:
    now = datetime.now(UTC)
    times = {
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }
    for wanted in silences():
        matchers = [{"name": n, "value": v, "isRegex": False} for n, v in wanted.items()]
        body = {"matchers": matchers, **times, "createdBy": "ann", "comment": "bench"}
        api.post("/silences", json=body).raise_for_status()


def _feed(api: httpx.Client) -> None:
    now = datetime.now(UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    every = alert_labels()
    for begin in range(0, len(every), _AT_ONCE):
        body = [{"labels": one, **times} for one in every[begin : begin + _AT_ONCE]]
        api.post("/alerts", json=body).raise_for_status()


@contextmanager
def _running(binary: str, address: str) -> Generator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hooks = [{"url": address, "send_resolved": False}]
        config = {
            **document(),
            "route": {**document()["route"], **_TIMES},
            "receivers": [{"name": "default", "webhook_configs": hooks}],
        }
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config), "utf-8")
        port = any_free()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binary, f"--config.file={folder / 'alertmanager.yml'}",
                 f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v2", timeout=60) as api:
                _until_ready(api, process)
                yield api, process
        finally:
            process.terminate()
            process.wait(30)


def _until_ready(api: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if api.get("/status").is_success:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("Alertmanager did not start")
        time.sleep(0.1)


@contextmanager
def _webhook() -> Generator[tuple[str, list[int]]]:
    """A receiver that counts the alerts in its messages, each once."""
    heard, lock, seen = [0], threading.Lock(), set[str]()

    class Hook(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                seen.update(one["fingerprint"] for one in body["alerts"])
                heard[0] = len(seen)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        server.server_close()
