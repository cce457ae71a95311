#!/usr/bin/env bash
# Prefect: editing an Automation, even its description, drops what its proactive trigger waits for.
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
from datetime import UTC, datetime
from importlib.metadata import version
from uuid import uuid4

from server import call, until

flow = call("POST", "/flows/", {"name": "page"})
deployment = call("POST", "/deployments/", {"name": "page", "flow_id": flow["id"]})["id"]


def automation(name):
    body = {
        "name": name, "enabled": True,
        "trigger": {
            "type": "event", "posture": "Proactive", "for_each": ["prefect.resource.id"],
            "after": ["alert.opened"], "expect": ["alert.acknowledged"], "within": 20,
        },
        "actions": [{
            "type": "run-deployment", "source": "selected", "deployment_id": deployment,
            "parameters": {"by": name},
        }],
    }
    return body, call("POST", "/automations/", body)["id"]


def paged():
    runs = call("POST", "/flow_runs/filter", {})
    return sorted(run["parameters"]["by"] for run in runs)


automation("untouched")
body, edited = automation("edited")
time.sleep(3)  # the server reads its Automations anew
call("POST", "/events", [{
    "id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": "alert.opened",
    "resource": {"prefect.resource.id": "alert.1"},
}])
time.sleep(5)
call("PUT", f"/automations/{edited}", {**body, "description": "Pages whoever is on call."})
until(60, paged)
time.sleep(20)  # as long again as the deadline
seen = paged()
print(f"Prefect {version('prefect')}: two equal Automations run a deployment when an alert is not")
print("acknowledged within 20 s; after 5 s one of them is given a description.")
print("Expected: both run it.")
print(f"Seen: {' and '.join(seen)} ran it.")
if seen != ["untouched"]:
    raise SystemExit("CHANGED: this is no longer what Prefect does")
PY
