#!/usr/bin/env bash
# uvicorn on asyncio: answers on a listening socket that was given take 40 ms longer, each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check uvicorn==0.54.0 httptools==0.8.0
"$folder/venv/bin/python" - <<'PY'
import asyncio
import http.client
import platform
import socket
import threading
import time
from importlib.metadata import version

import uvicorn


async def answers(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def milliseconds(protocol):
    """Return how long the middle one of 15 requests on one connection takes."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(answers, log_level="error", lifespan="off"))
        work = lambda: asyncio.run(server.serve(sockets=[listener]))  # noqa: E731
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        caller = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1])
        took = []
        for _ in range(15):
            began = time.perf_counter()
            caller.request("GET", "/")
            caller.getresponse().read()
            took.append((time.perf_counter() - began) * 1000)
        caller.close()
        server.should_exit = True
        thread.join(10)
        return sorted(took)[7]


without, named = milliseconds(0), milliseconds(socket.IPPROTO_TCP)
print(f"uvicorn {version('uvicorn')} on asyncio of Python {platform.python_version()}, {platform.system()}")
print("Expected: the same time whether or not the listener was made with its protocol named.")
print(f"Seen: {without:.1f} ms with socket(AF_INET, SOCK_STREAM), {named:.1f} ms with IPPROTO_TCP: "
      "asyncio sets TCP_NODELAY on accepted connections only in the second case.")
if without < named + 20:
    raise SystemExit("CHANGED: both are equally quick")
PY
