"""Alerts posted as to an Alertmanager, by Prometheus's ways, with a real Alertmanager beside.

`alerts_posted_per_second`: new alerts in batches of 64, one after another over one connection, as
Prometheus posts them. Sentinel's are durable in PostgreSQL when they are answered; Alertmanager's
are in its memory. The two take turns, and of the rounds the medians count, so that both have the
same machine.

`resend_core_share`: what posting the same alerts again every minute costs of one core. Measured is
processor time: of the API with its relay and of PostgreSQL, over `RESENDS` rounds and the one move
of their stored ends that Prometheus's ends, four minutes ahead, bring with as many rounds. It
leaves out what all of them do while nobody posts, and does not depend on who else uses the machine.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
from sqlalchemy import Engine, create_engine, text

from benchmarks.api_process import TOKEN, api_process
from benchmarks.notify_alertmanager import program
from benchmarks.table import Row
from sentinel.store import Store
from sentinel.up.ports import any_free
from sentinel.up.temporary import temporary_postgres

ALERTS = 10_000
BATCH = 64
ROUNDS = 5
RESENDS = 4
BUDGET = 5.0
"""Per cent of one core."""
_ENDS = 45.0
"""Seconds after which the first ends are due: more than posting takes on a busy machine."""
Post = Callable[[list[bytes]], float]


def run() -> list[Row]:
    """A row for the rate of new alerts, and one for what resends cost."""
    own = psutil.Process()
    with (
        tempfile.TemporaryDirectory() as folder,
        temporary_postgres() as server,
        _alertmanager(Path(folder)) as (theirs, process),
    ):
        url = server.address("postgres")
        store = Store(url)
        store.migrate()
        store.close()
        engine = create_engine(url)
        with api_process(url, f"{folder}/home") as client:
            ours = _poster(client.base_url, "/alertmanager/api/v2/alerts", TOKEN)
            rates = _rates(ours, theirs, engine)
            us = [one for one in own.children(recursive=True) if one.pid != process.pid]
            share = _share(ours, us, engine)
            their_share = _their_share(theirs, process)
        engine.dispose()
    return [
        Row(
            name="alerts_posted_per_second", value=rates[0],
            unit="new alerts/s, durable; budget: half of the peer's",
            peer="Alertmanager, in memory", peer_value=rates[1],
        ),
        Row(
            name="resend_core_share", value=share,
            unit=f"% of a core, {ALERTS:,} alerts a minute; budget {BUDGET:g}%",
            peer="Alertmanager, in memory", peer_value=their_share,
        ),
    ]  # fmt: skip


def _batches(run_: str, ends: datetime) -> list[bytes]:
    alerts: list[dict[str, Any]] = [
        {
            "labels": {
                "alertname": f"Down{number % 100}", "instance": f"host-{number}", "job": "node",
                "severity": "high", "run": run_,
            },
            "annotations": {
                "summary": f"host-{number} is down", "description": "It did not answer for 5m.",
            },
            "startsAt": "2026-11-30T12:00:00Z", "endsAt": ends.isoformat(),
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up+%3D%3D+0",
        }
        for number in range(ALERTS)
    ]  # fmt: skip
    return [json.dumps(alerts[start : start + BATCH]).encode() for start in range(0, ALERTS, BATCH)]


def _ahead(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _poster(address: httpx.URL, path: str, token: str = "") -> Post:
    """Return what posts batches one after another over one connection, and says the seconds."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"

    def post(batches: list[bytes]) -> float:
        connection = http.client.HTTPConnection(address.host, address.port or 80)
        began = time.perf_counter()
        for body in batches:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} answers {answer.status}: {said[:500]!r}")
        took = time.perf_counter() - began
        connection.close()
        return took

    return post


def _rates(ours: Post, theirs: Post, engine: Engine) -> tuple[float, float]:
    rates: tuple[list[float], list[float]] = [], []
    for number in range(-1, ROUNDS):  # the first warms both up
        for side, post in zip(rates, (ours, theirs), strict=True):
            took = post(_batches(f"new-{number}", _ahead(20)))
            side += [ALERTS / took] if number >= 0 else []
        _until(engine, "SELECT count(*) = 0 FROM posted_batch WHERE pending")
    # What was posted here is to end before the next measurement.
    _until(engine, "SELECT count(*) = 0 FROM alert WHERE status <> 'resolved'")
    return median(rates[0]), median(rates[1])


def _share(ours: Post, us: list[psutil.Process], engine: Engine) -> float:
    due = _ahead(_ENDS)
    ours(_batches("again", due))
    _until(engine, "SELECT count(*) = 0 FROM posted_batch WHERE pending")
    before = _processor_time(us)
    for number in range(RESENDS):
        ours(_batches("again", _ahead(240 + 60 * number)))
        _until(engine, "SELECT count(*) = 0 FROM posted_batch WHERE pending")
    if datetime.now(UTC) > due:
        raise RuntimeError("the ends came before the last round: the machine is too busy")
    _until(
        engine,
        "SELECT count(*) = 0 FROM alert WHERE status <> 'resolved' AND expires_at < "
        f"'{due.isoformat()}'::timestamptz + interval '1 s'",
    )
    return (_processor_time(us) - before) / (60 * RESENDS) * 100


def _their_share(theirs: Post, process: psutil.Process) -> float:
    theirs(_batches("again", _ahead(240)))
    before = _processor_time([process])
    for number in range(RESENDS):
        theirs(_batches("again", _ahead(240 + 60 * number)))
    return (_processor_time([process]) - before) / (60 * RESENDS) * 100


def _processor_time(processes: list[psutil.Process]) -> float:
    seconds = 0.0
    for one in processes:
        try:
            used = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += used.user + used.system
    return seconds


def _until(engine: Engine, query: str) -> None:
    deadline = time.monotonic() + 600
    while True:
        with engine.connect() as connection:
            if connection.execute(text(query)).scalar():
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"never true: {query}")
        time.sleep(0.5)


@contextmanager
def _alertmanager(folder: Path) -> Generator[tuple[Post, psutil.Process]]:
    """A real Alertmanager that notifies nobody."""
    binary, port = program(), any_free()
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    process = subprocess.Popen(
        [binary, f"--config.file={config}", f"--storage.path={folder / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ},
    )  # fmt: skip
    address = httpx.URL(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(address.join("/-/ready"), trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield _poster(address, "/api/v2/alerts"), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
