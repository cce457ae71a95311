"""The API under load: beside a bare route (`api_load`), an earlier build, and an earlier check.

Beside the earlier build, 20 and then 100 clients ask for lists, single alerts, statistics and rules
in equal parts, each client one request at a time, on PostgreSQL with 20,000 open alerts of 40
rules. The peer is the build of `PEER`, cloned from this repository's history and installed by its
own lock file. Each build has a database of its own, filled by its own code; rounds alternate
between the two. `api_mix_requests_per_second` is their rate; the other rows are its tail, and the
processor time of the API's processes per request, which a busy machine changes less.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg
from psycopg import sql

from benchmarks import api_access, api_load
from benchmarks.api_load import ask, p95, processor_time
from benchmarks.api_process import api_process
from benchmarks.table import Row, Skipped
from sentinel.up.postgres import Postgres
from sentinel.up.temporary import temporary_postgres

PEER = "0a9da0f581b830d55a8610379cdb55da5ccc1c1c"
RULES, SERIES = 40, 500
CLIENTS = (20, 100)
ROUNDS = 3
SECONDS = 3.0
ROOT = Path(__file__).parent.parent


@dataclass
class _Build:
    """One of the two builds, and what was measured of it by number of clients."""

    name: str
    port: int
    process: psutil.Process
    kinds: dict[str, list[list[str]]]
    rates: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    tails: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    spent: dict[int, list[float]] = field(default_factory=dict[int, list[float]])


def run() -> list[Row]:
    """Requests a second, their tail and their processor time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = _install(folder / "peer")
        server = stack.enter_context(temporary_postgres())
        builds: list[_Build] = []
        for name, python in (("ours", sys.executable), ("peer", peer)):
            _create_database(server, name)
            url = server.address(name)
            builds.append(stack.enter_context(_running(name, python, url, folder / f"home-{name}")))
        for clients in CLIENTS:
            for build in builds:
                ask(build.port, build.kinds, 2.0, clients)
            for number in range(ROUNDS):
                # Each goes first in turn, so that what drifts on the machine is nobody's.
                for build in builds if number % 2 else reversed(builds):
                    _measure(build, clients)
        ours, theirs = builds
    mixed = [row for clients in CLIENTS for row in _rows(clients, ours, theirs)]
    return [*api_load.run(), *mixed, *api_access.run()]


def _rows(clients: int, ours: _Build, theirs: _Build) -> list[Row]:
    more = "" if clients == CLIENTS[0] else f"_{clients}_clients"
    return [
        Row(
            name=f"{name}{more}",
            unit=unit,
            value=statistics.median(getattr(ours, kind)[clients]) * factor,
            peer=f"the build of {PEER[:7]}",
            peer_value=statistics.median(getattr(theirs, kind)[clients]) * factor,
        )
        for name, kind, unit, factor in (
            ("api_mix_requests_per_second", "rates", "requests/s", 1),
            ("api_mix_p95", "tails", "ms", 1000),
            ("api_mix_processor_time", "spent", "ms/request", 1000),
        )
    ]


def _install(folder: Path) -> str:
    """Return the interpreter of the earlier build, installed into `folder`."""
    clone = ["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)]
    out = ["git", "-C", str(folder), "checkout", "--quiet", PEER]
    for command in (clone, out):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"the earlier build {PEER[:7]} is not in this history: {done.stderr}")
    made = subprocess.run(["make", "install"], cwd=folder, capture_output=True, text=True)
    if made.returncode:
        raise Skipped(f"the earlier build cannot be installed: {made.stderr[-500:]}")
    return str(folder / ".venv/bin/python")


def _create_database(server: Postgres, name: str) -> None:
    # `postgresql+psycopg://` is SQLAlchemy's form; the driver itself reads `postgresql://`.
    address = server.address("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@contextmanager
def _running(name: str, python: str, url: str, home: Path) -> Generator[_Build]:
    seed = Path(__file__).with_name("api_seed.py")
    subprocess.run([python, "-P", seed, url, str(RULES), str(SERIES)], cwd=home.parent, check=True)
    with api_process(url, str(home), python=python) as client:
        port = client.base_url.port
        if port is None:
            raise AssertionError(client.base_url)
        listening = next(
            one for one in psutil.Process().children(recursive=True)
            if any(c.laddr.port == port and c.status == "LISTEN" for c in one.net_connections())
        )  # fmt: skip
        yield _Build(name, port, listening, _kinds(client))


def _kinds(client: httpx.Client) -> dict[str, list[list[str]]]:
    """Return what is asked for, as `benchmarks.api_clients` takes it."""
    base = "/api/v1/alerts"
    ids: list[str] = []
    cursor = ""
    while cursor is not None and len(ids) < 2000:
        page = client.get(
            f"{base}/alerts", params={"limit": 500, **({"cursor": cursor} if cursor else {})}
        ).json()
        ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    lists = ["", "?status=open", "?order=live", "?severity=critical", "?rule=disk-7&limit=20"]
    paths = {
        "lists": [f"{base}/alerts{query}" for query in lists],
        "alerts": [f"{base}/alerts/{one}" for one in ids],
        "statistics": [f"{base}/statistics"],
        "rules": [f"{base}/rules"],
    }
    return {kind: [["GET", path, ""] for path in some] for kind, some in paths.items()}


def _measure(build: _Build, clients: int) -> None:
    before = processor_time(build.process)
    answer = ask(build.port, build.kinds, SECONDS, clients)
    took = [one for some in answer["took"].values() for one in some]
    build.rates.setdefault(clients, []).append(len(took) / answer["seconds"])
    build.tails.setdefault(clients, []).append(p95(took))
    spent = processor_time(build.process) - before
    build.spent.setdefault(clients, []).append(spent / len(took))
