#!/usr/bin/env bash
# redis-py: a client made by its constructor tries a command again after a lost connection, and one
# made by from_url with the same address does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check redis==8.1.0
"$folder/venv/bin/python" - <<'PY'
import socket
import threading
from importlib.metadata import version

import redis


def connections(make) -> int:
    """How often a client connects to a server that ends each connection, for one PING."""
    count = 0
    with socket.create_server(("127.0.0.1", 0)) as server:

        def end_each() -> None:
            nonlocal count
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                count += 1
                one.close()

        thread = threading.Thread(target=end_each, daemon=True)
        thread.start()
        try:
            make(server.getsockname()[1]).ping()
        except redis.ConnectionError:
            pass
        server.shutdown(socket.SHUT_RDWR)
    return count


made = connections(lambda port: redis.Redis(host="127.0.0.1", port=port))
by_url = connections(lambda port: redis.Redis.from_url(f"redis://127.0.0.1:{port}"))
print(f"redis {version('redis')}")
print("Expected: both try equally often, since both name the same server and set nothing else.")
print(f"Seen: the constructor's client connected more than once: {made > 1}; from_url's: {by_url > 1}")
if not (made > 1 and by_url == 1):
    raise SystemExit("changed: see above")
PY
