#!/usr/bin/env bash
# Prefect: a run that completes in a state with a name of its own emits no prefect.flow-run.Completed,
# so an Automation that waits for that event never hears of the run.
set -euo pipefail
folder=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null || true
    rm -rf "$folder"
}
trap end EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    prefect==3.8.8 fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3
export PATH="$folder/venv/bin:$PATH" NO_COLOR=1
port=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$folder/home" PREFECT_API_URL="http://127.0.0.1:$port/api"
export PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_SERVER_API_PORT="$port"
prefect server start --host 127.0.0.1 --port "$port" > "$folder/server.log" 2>&1 &
server=$!
cat > "$folder/server.py" <<'PY'
"""Asks the server. On SQLite it answers 503 while it writes itself, so what gets that is repeated."""
import os
import time

import httpx

API = httpx.Client(base_url=os.environ["PREFECT_API_URL"], timeout=30)


def call(method, path, body=None):
    for _ in range(120):
        try:
            answer = API.request(method, path, json=body)
        except httpx.ConnectError:  # it is starting
            answer = None
        if answer is not None and answer.status_code != 503:
            answer.raise_for_status()
            return answer.json() if answer.content else None
        time.sleep(1)
    raise SystemExit("the Prefect server did not answer for two minutes")


def until(seconds, found):
    """What `found` returns as soon as that is true, else after so many seconds."""
    end = time.monotonic() + seconds
    while not (seen := found()) and time.monotonic() < end:
        time.sleep(1)
    return seen


call("GET", "/health")
PY
export PYTHONPATH="$folder"
python -W ignore - <<'PY'
import time
from importlib.metadata import version

from server import call, until

flow = call("POST", "/flows/", {"name": "check"})
states = {"plain": {"type": "COMPLETED"}, "named": {"type": "COMPLETED", "name": "Firing"}}
ids = {}
for name, last in states.items():
    ids[name] = call("POST", "/flow_runs/", {"flow_id": flow["id"], "name": name})["id"]
    for state in ({"type": "PENDING"}, {"type": "RUNNING"}, last):
        call("POST", f"/flow_runs/{ids[name]}/set_state", {"state": state})


def ends():
    """(the event's name, the type in its label) for each run that ended."""
    found = call("POST", "/events/filter", {"filter": {}, "limit": 50})["events"]
    return {
        one["resource"]["prefect.resource.name"]: (
            one["event"], one["resource"]["prefect.state-type"]
        )
        for one in found
        if one["resource"].get("prefect.state-type") == "COMPLETED"
    }


until(60, lambda: len(ends()) == len(states))
seen = ends()
print(f"Prefect {version('prefect')}, two runs in a state of type COMPLETED, one of them named Firing")
print("Expected: both emit prefect.flow-run.Completed, as their type says.")
for name in states:
    print(f"Seen: the {name} one emits {seen[name][0]}, with prefect.state-type {seen[name][1]}")
if seen != {
    "plain": ("prefect.flow-run.Completed", "COMPLETED"),
    "named": ("prefect.flow-run.Firing", "COMPLETED"),
}:
    raise SystemExit("CHANGED: this is no longer what Prefect does")
PY
