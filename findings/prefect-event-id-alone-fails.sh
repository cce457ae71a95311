#!/usr/bin/env bash
# Prefect: {{ event.id }} alone in a parameter of an Automation makes its action fail, where the same
# inside a longer text works; the failure is an event named InvalidJinja, and no run.
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

templates = {
    "{{ event.id }}": False,
    "{{ event.occurred }}": False,
    "id {{ event.id }}": True,
    "{{ event.id | string }}": True,
    "{{ event.resource.id }}": True,
}
flow = call("POST", "/flows/", {"name": "page"})
deployment = call("POST", "/deployments/", {"name": "page", "flow_id": flow["id"]})["id"]
for template in templates:
    call("POST", "/automations/", {
        "name": template, "enabled": True,
        "trigger": {"type": "event", "posture": "Reactive", "expect": ["alert.opened"], "within": 0},
        "actions": [{
            "type": "run-deployment", "source": "selected", "deployment_id": deployment,
            "parameters": {"template": "{% raw %}" + template + "{% endraw %}", "text": template},
        }],
    })
time.sleep(3)  # the server reads its Automations anew
call("POST", "/events", [{
    "id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": "alert.opened",
    "resource": {"prefect.resource.id": "alert.1"},
}])


def runs():
    return [run["parameters"]["template"] for run in call("POST", "/flow_runs/filter", {})]


def failures():
    wanted = {"filter": {"event": {"name": ["prefect.automation.action.failed"]}}}
    return [one["payload"]["reason"] for one in call("POST", "/events/filter", wanted)["events"]]


until(60, lambda: len(runs()) + len(failures()) >= len(templates))
time.sleep(5)
ran, reasons = runs(), failures()
print(f"Prefect {version('prefect')}, an Automation that runs a deployment with one parameter")
print("Expected: every field of an event can be that parameter.")
for template in templates:
    print(f"Seen: {template:26}", "a run" if template in ran else "no run")
print(f"      {len(reasons)} events prefect.automation.action.failed say:", *set(reasons))
if {one: one in ran for one in templates} != templates or len(reasons) != 2:
    raise SystemExit("CHANGED: this is no longer what Prefect does")
PY
