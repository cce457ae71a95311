"""The process of the embedded telemetry store: `python -m sentinel.telemetry_server FOLDER`.

Passwords come in the environment and not on the command line, which all users of a machine can
read: SENTINEL_TELEMETRY_PASSWORD and SENTINEL_TELEMETRY_READ_PASSWORD.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from sentinel.errors import ConfigurationError
from sentinel.printable import clean_log_records, printable
from sentinel.telemetry_server.engine import Engine, EngineLimits, StatementFailed
from sentinel.telemetry_server.http import READER, WRITER, application

__all__ = ["main"]


def main() -> int:
    """Serve until a signal stops it.

    Returns:
        The exit code of the process.
    """
    clean_log_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(prog="sentinel.telemetry_server", description=__doc__)
    parser.add_argument("folder", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="a socket that listens already")
    where.add_argument("--port", type=int, help="to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on with --port")
    parser.add_argument("--memory", type=int, default=EngineLimits().memory, help="bytes")
    parser.add_argument("--backups", type=Path, help="the folder that backups may be in")
    given = parser.parse_args()
    try:
        passwords = {WRITER: _secret("PASSWORD"), READER: _secret("READ_PASSWORD")}
        engine = Engine(given.folder, EngineLimits(memory=given.memory), given.backups)
    except (ConfigurationError, StatementFailed, RuntimeError, ImportError, OSError) as error:
        print(printable(f"sentinel: the telemetry store cannot start: {error}"), file=sys.stderr)
        return 2
    listener = (
        socket.socket(fileno=given.fd) if given.fd is not None else _listen(given.host, given.port)
    )
    # Accepted connections inherit it. asyncio sets it only where the listener names its protocol:
    # without, the second part of each answer waits 40 ms for the client's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    options = uvicorn.Config(
        application(engine, passwords), log_config=None, access_log=False, server_header=False,
        lifespan="off", timeout_graceful_shutdown=5,
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(uvicorn.Server(options).serve(sockets=[listener]))
    finally:
        engine.close()
    return 0


def _secret(name: str) -> str:
    """Return a password.

    Returns:
        The password, which no process that this one starts is given.

    Raises:
        ConfigurationError: none is set
    """
    found = os.environ.pop(f"SENTINEL_TELEMETRY_{name}", "")
    if not found:
        raise ConfigurationError(f"SENTINEL_TELEMETRY_{name} is not set")
    return found


def _listen(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(128)
    return made


if __name__ == "__main__":
    sys.exit(main())
