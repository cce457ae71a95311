#!/usr/bin/env bash
# slack_sdk: SocketModeClient.close() never returns where it is called while the client begins to
# receive from its connection: its receiver then sets back the mark by which close() ends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    slack_sdk==3.47.0 websockets==16.1.1
"$folder/venv/bin/python" - <<'PY'
import logging
import os
import sys
import threading
from importlib.metadata import version

from slack_sdk.socket_mode import SocketModeClient
from websockets.sync.server import serve

logging.getLogger("websockets").setLevel(logging.CRITICAL)  # the client closes without a frame
server = serve(lambda connection: [None for _ in connection], "127.0.0.1", 0)
threading.Thread(target=server.serve_forever, daemon=True).start()
begins, closing = threading.Event(), threading.Event()


class Slow(logging.Handler):
    """A log that is written slowly: what it says of the receiver comes back once close() runs."""

    def emit(self, record: logging.LogRecord) -> None:
        if "Starting to receive" in record.getMessage():
            begins.set()
            closing.wait(30)


def ends(*, slowly: bool) -> bool:
    log = logging.Logger("slack", logging.INFO)
    log.addHandler(Slow() if slowly else logging.NullHandler())
    client = SocketModeClient(app_token="xapp-1", logger=log, auto_reconnect_enabled=False)
    client.wss_uri = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/?ticket=1"
    client.connect()
    if slowly:
        begins.wait(30)
    closes = threading.Thread(target=client.close, daemon=True)
    closes.start()
    while not client.current_session_state.terminated or client.is_connected():
        closes.join(0.01)
    closing.set()
    closes.join(20)
    return not closes.is_alive()


print(f"slack_sdk {version('slack_sdk')}")
print("Expected: close() returns, whenever it is called.")
slowly, usual = ends(slowly=True), ends(slowly=False)
print(f"Seen: called while the client begins to receive, it {'returns' if slowly else 'waits'}.")
print(f"Seen: called otherwise, it {'returns' if usual else 'waits'}.")
if slowly or not usual:
    print("CHANGED: close() of slack_sdk")
sys.stdout.flush()
os._exit(1 if slowly or not usual else 0)  # the threads that wait would keep the process
PY
