#!/usr/bin/env bash
# Prefect 3.8.8: a worker that proposes Pending for a flow run which another worker has meanwhile
# run to its end is told ACCEPT, as if the run were new. While it was pending or running, the same
# proposal is refused.
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
python -W ignore - <<'PY'
import os
import sys
import time
from importlib.metadata import version

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


def propose(run, kind, who=""):
    state = {"type": kind, "message": who}
    return call("POST", f"/flow_runs/{run}/set_state", {"state": state})["status"]


call("GET", "/health")
flow = call("POST", "/flows/", {"name": "hello"})["id"]
run = call("POST", "/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}})["id"]
# Both workers have found the run in one poll. Worker 1 is quick.
seen = {
    "worker 1 proposes Pending": propose(run, "PENDING", "worker 1"),
    "worker 2 proposes Pending while it is pending": propose(run, "PENDING", "worker 2"),
    "worker 1 runs it": propose(run, "RUNNING"),
    "worker 2 proposes Pending while it runs": propose(run, "PENDING", "worker 2"),
    "worker 1 completes it": propose(run, "COMPLETED"),
    "worker 2 proposes Pending after it has completed": propose(run, "PENDING", "worker 2"),
    "worker 2 runs it": propose(run, "RUNNING"),
}
print("prefect", version("prefect"))
print("expected: the run is granted to one worker, and to no other one once it has completed")
print("seen:")
for what, answer in seen.items():
    print(f"  {what}: {answer}")
count = call("GET", f"/flow_runs/{run}")["run_count"]
print(f"  the run has been started {count} times")
same = list(seen.values()) == ["ACCEPT", "ABORT", "ACCEPT", "ABORT", "ACCEPT", "ACCEPT", "ACCEPT"]
sys.exit(0 if same and count == 2 else "this has changed: the finding no longer holds")
PY
