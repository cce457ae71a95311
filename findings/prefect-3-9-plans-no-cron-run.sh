#!/usr/bin/env bash
# Prefect 3.9.1 on Python 3.11 and 3.12: a deployment with a cron schedule gets no scheduled run, and
# only the server's log says why. An interval schedule beside it is scheduled. On 3.13 both are.
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
    prefect==3.9.1 fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3 whenever==0.10.5 pendulum==3.3.0
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
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from server import call, until

log = Path(os.environ["PREFECT_HOME"]).with_name("server.log")
error = "tzinfo must be of type ZoneInfo (exactly)"
flow = call("POST", "/flows/", {"name": "check"})
ids = {
    name: call("POST", "/deployments/", {
        "name": name, "flow_id": flow["id"],
        "schedules": [{"schedule": schedule, "active": True}],
    })["id"]
    for name, schedule in {"cron": {"cron": "* * * * *"}, "interval": {"interval": 60}}.items()
}


def runs(name):
    return len(call("POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [ids[name]]}}}))


affected = sys.version_info < (3, 13)
until(90, lambda: runs("interval") and (runs("cron") or error in log.read_text()))
cron, interval, said = runs("cron"), runs("interval"), error in log.read_text()
print(f"Prefect {version('prefect')} with whenever {version('whenever')}, Python {platform.python_version()}")
print("Expected: `* * * * *` and an interval of 60 s both have scheduled runs within seconds.")
print(f"Seen: {cron} of the cron, {interval} of the interval; the server's log "
      + (f"says {error!r}." if said else "has no such error."))
if interval == 0 and not affected or (cron == 0) != affected or said != affected:
    raise SystemExit("CHANGED: this is no longer what these versions do")
PY
