"""The API over a million alerts at 100 connections, beside a bare FastAPI route in the same run.

Two processes answer, as on a machine of two cores; the clients, PostgreSQL and the relay compute on
the same cores. The clients ask in equal parts for lists of 50 alerts and for single alerts,
acknowledge alerts, each once, and send events, each with an id of its own. 20,000 of the alerts are
open, in 40 groups; the others are their history. Then all ask for the first page of the list alone,
in turn with a route that answers the same bytes from memory, in as many processes of uvicorn.

`api_requests_per_second` is what all four kinds reach together, and the rows below it say how long
95 of 100 requests of each kind took at most. `api_list_of_bare` is the list alone; its ratio is the
figure. The processor time is that of the API's processes and of PostgreSQL, without the clients: a
busy machine changes it less than it changes the rates.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.api_history import add_history
from benchmarks.api_process import TOKEN, api_process
from benchmarks.table import Row
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres

ALERTS = int(os.environ.get("SENTINEL_BENCH_ALERTS", "1_000_000"))
RULES, SERIES = 40, 500
PROCESSES = 2
CLIENTS = 100
ROUNDS, SECONDS = 3, 6.0
LIST_ROUNDS, LIST_SECONDS = 3, 3.0
ROOT = Path(__file__).parent.parent
BASE = "/api/v1/alerts"
LIST = f"{BASE}/alerts?limit=50"
KINDS = ("list", "alert", "acknowledge", "event")
_EVENT = json.dumps(
    {
        "id": "#", "timestamp": "2026-01-31T12:00:00Z", "action": "user.login",
        "outcome": "failure", "actor": {"name": "ada", "ip": "192.0.2.7"},
    }
)  # fmt: skip


def run() -> list[Row]:
    """Requests a second, their tails and their processor time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(temporary_postgres())
        url = server.address("sentinel")
        _fill(url, folder)
        client = stack.enter_context(api_process(url, str(folder / "home"), processes=PROCESSES))
        port = _port_of(client)
        kinds = _kinds(client)
        first = client.get(LIST).content
        bare = stack.enter_context(_bare(folder, first))
        database = _listening(int(server.address("sentinel").rpartition(":")[2].partition("/")[0]))
        ours, theirs = [_listening(port), database], [_listening(bare)]
        load = os.getloadavg()[0]
        # Each alert is acknowledged once, so every round gets some of its own.
        acknowledged = [kinds["acknowledge"][n :: ROUNDS + 1] for n in range(ROUNDS + 1)]
        ask(port, {**kinds, "acknowledge": acknowledged[ROUNDS]}, 2.0)
        mixed = [
            _measured(ours, port, {**kinds, "acknowledge": acknowledged[number]}, SECONDS)
            for number in range(ROUNDS)
        ]
        lists: list[dict[str, Any]] = []
        bares: list[dict[str, Any]] = []
        for _ in range(LIST_ROUNDS + 1):
            lists.append(_measured(ours, port, {"list": [["GET", LIST, ""]]}, LIST_SECONDS))
            bares.append(_measured(theirs, bare, {"list": [["GET", "/bare", ""]]}, LIST_SECONDS))
    return _rows(mixed, lists[1:], bares[1:], load)


def _rows(
    mixed: list[dict[str, Any]], lists: list[dict[str, Any]], bares: list[dict[str, Any]],
    load: float,
) -> list[Row]:  # fmt: skip
    def row(
        name: str, unit: str, some: list[dict[str, Any]], figure: str, factor: float = 1
    ) -> Row:
        return Row(
            name=name, unit=unit, value=statistics.median(one[figure] for one in some) * factor,
            peer="a bare FastAPI route",
            peer_value=statistics.median(one[figure if figure in one else "all"] for one in bares)
            * factor,
        )  # fmt: skip

    return [
        row("api_requests_per_second", "requests/s", mixed, "rate"),
        row("api_requests_p95", "ms", mixed, "all", 1000),
        *(row(f"api_{kind}_p95", "ms", mixed, kind, 1000) for kind in KINDS),
        row("api_requests_processor_time", "ms/request", mixed, "spent", 1000),
        row("api_list_of_bare", "requests/s", lists, "rate"),
        row("api_list_processor_time", "ms/request", lists, "spent", 1000),
        Row(name="api_load_average_before", unit="processes", value=load, peer="cores",
            peer_value=os.cpu_count() or 1),
        Row(name="api_load_average", unit="processes", peer="before it",
            value=statistics.median(one["load"] for one in mixed), peer_value=load),
    ]  # fmt: skip


def _fill(url: str, folder: Path) -> None:
    seed = Path(__file__).with_name("api_seed.py")
    command = [sys.executable, "-P", str(seed), url, str(RULES), str(SERIES)]
    subprocess.run(command, cwd=folder, check=True)
    store = Store(url)
    try:
        add_history(store, ALERTS)
        # A system that lived through this history has summed it up as it went. Here the relay would
        # do so once, during the rounds, and take half a core for that.
        if not store.rollups.upkeep().hours:
            raise AssertionError("the history was not summed up")
    finally:
        store.close()


def _kinds(client: httpx.Client) -> dict[str, list[list[str]]]:
    """Return the requests of each kind, as `benchmarks.api_clients` takes them."""
    ids: list[str] = []
    cursor = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        asked = {"status": "open", "limit": 500, **more}
        page = client.get(f"{BASE}/alerts", params=asked).raise_for_status().json()
        ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    older = client.get(f"{BASE}/alerts", params={"status": "resolved", "limit": 500}).json()
    queries = ("", "&status=open", "&order=live", "&severity=critical", "&rule=disk-7")
    seen = [*ids, *(item["id"] for item in older["items"])]
    return {
        "list": [["GET", f"{LIST}{query}", ""] for query in queries],
        "alert": [["GET", f"{BASE}/alerts/{one}", ""] for one in seen],
        "acknowledge": [["PUT", f"{BASE}/{one}/acknowledge", "{}"] for one in ids],
        "event": [["POST", f"{BASE}/process-event", _EVENT]],
    }


def _port_of(client: httpx.Client) -> int:
    port = client.base_url.port
    if port is None:
        raise AssertionError(client.base_url)
    return port


@contextmanager
def _bare(folder: Path, content: bytes) -> Generator[int]:
    """Serve `content` by the bare route, as uvicorn does by default; gives the port."""
    (folder / "bytes").write_bytes(content)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "benchmarks.api_bare:app", "--port", str(port),
         "--workers", str(PROCESSES), "--no-access-log", "--log-level", "warning"],
        cwd=ROOT, env={**os.environ, "SENTINEL_BENCH_BYTES": str(folder / "bytes")},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/bare", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listening(port: int) -> psutil.Process:
    """Return the eldest process below this one that listens on `port`."""
    return next(
        one for one in psutil.Process().children(recursive=True)
        if any(c.laddr.port == port and c.status == "LISTEN"
               for c in one.net_connections() if c.laddr)
    )  # fmt: skip


def _measured(
    processes: list[psutil.Process], port: int, kinds: dict[str, list[list[str]]], seconds: float
) -> dict[str, float]:
    before = sum(map(processor_time, processes))
    answer = ask(port, kinds, seconds)
    spent = sum(map(processor_time, processes)) - before
    took: dict[str, list[float]] = answer["took"]
    together = [one for some in took.values() for one in some]
    return {
        "load": os.getloadavg()[0],
        "rate": len(together) / answer["seconds"],
        "spent": spent / len(together),
        "all": p95(together),
        **{kind: p95(some) for kind, some in took.items()},
    }


def p95(took: list[float]) -> float:
    """Return the seconds that 95 of 100 stay under."""
    return sorted(took)[int(len(took) * 0.95)]


def processor_time(process: psutil.Process) -> float:
    """Return the seconds that a process and those below it have computed."""
    spent = 0.0
    for one in (process, *process.children(recursive=True)):
        # What ended meanwhile, such as a worker of PostgreSQL, is in the figures of its parent.
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            spent += times.user + times.system
    own = process.cpu_times()
    return spent + own.children_user + own.children_system


def ask(
    port: int, kinds: dict[str, list[list[str]]], seconds: float, clients: int = CLIENTS
) -> dict[str, Any]:
    """Have clients ask for `kinds`, as `benchmarks.api_clients` says; return what it writes."""
    asked = {
        "port": port, "token": TOKEN, "kinds": kinds,
        "once": [name for name in kinds if name == "acknowledge"],
        "clients": clients, "seconds": seconds,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_clients"], input=json.dumps(asked), cwd=ROOT,
        env=os.environ, text=True, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)
