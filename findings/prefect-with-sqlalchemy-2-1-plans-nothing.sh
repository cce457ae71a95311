#!/usr/bin/env bash
# Prefect 3.8.8 allows SQLAlchemy 2.1, with which its scheduler never plans a run: the server starts
# and answers as usual, and only its log holds the error.
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
    prefect==3.8.8 fastapi==0.150.0 sqlalchemy==2.1.9 pydantic==2.14.3
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
import os
from importlib.metadata import version
from pathlib import Path

from server import call, until

log = Path(os.environ["PREFECT_HOME"]).with_name("server.log")
error = "Can't evaluate bulk DML statement"
flow = call("POST", "/flows/", {"name": "check"})
deployment = call("POST", "/deployments/", {
    "name": "check", "flow_id": flow["id"],
    "schedules": [{"schedule": {"interval": 60}, "active": True}],
})
paused = deployment["paused"]
until(90, lambda: call("POST", "/flow_runs/filter", {}) or error in log.read_text())
runs, said = len(call("POST", "/flow_runs/filter", {})), error in log.read_text()
health = call("GET", "/health")
print(f"Prefect {version('prefect')} with SQLAlchemy {version('SQLAlchemy')}, which it allows")
print("Expected: a deployment of one run a minute has planned runs within seconds.")
print(f"Seen: {runs} runs; health answers {health}; the server's log "
      + (f"says {error!r}." if said else "does not say why."))
if runs or not said or health is not True or paused:
    raise SystemExit("CHANGED: this is no longer what these versions do")
PY
