"""Run the application with uvicorn, in one process or in several."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.process import BaseProcess
from typing import Any

import uvicorn
from fastapi import FastAPI

from sentinel.api.app import create_app
from sentinel.api.own_token import check_bind, configured_login_key, token
from sentinel.api.relay_thread import RelayThread
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.errors import SentinelError
from sentinel.links import Addresses
from sentinel.printable import clean_log_records, printable
from sentinel.serving.idle_connections import PromptProtocol
from sentinel.settings import Settings, settings
from sentinel.settings.tls import tls_options
from sentinel.store import Store

__all__ = ["application_of_one", "main"]

SILENT_SECONDS = 60
"""After this long without an answer, a process is taken for stuck and replaced. uvicorn's five
seconds are less than a busy machine takes to import the application."""

SWITCH_SECONDS = 0.001
"""How long a thread computes while another waits to. A transaction waits so after each of its
messages, with locks held, while the event loop is busy; Python's default is five times as long."""


def main(*, relay: bool = True) -> int:
    """Serve the API until a signal stops it.

    Args:
        relay: run the relay in a thread of this process

    Returns:
        The exit code of the process: 0, or 2 if a setting is invalid.
    """
    _log_to_stderr()
    chosen = settings()
    try:
        check_bind(chosen)
        tls_options(chosen)
        if chosen.api_processes > 1:
            _serve_together(chosen, relay=relay)
        else:
            app = create_app(chosen, relay=relay)
            _build_routes(app)
            _spare_collections()
            sys.setswitchinterval(SWITCH_SECONDS)
            uvicorn.run(app, **_options(chosen))
    except SentinelError as error:
        print(printable(f"sentinel: {error}"), file=sys.stderr)
        return 2
    return 0


def _serve_together(chosen: Settings, *, relay: bool) -> None:
    """Run the relay here, and several processes that answer; one that ends is started again."""
    # An invalid setting ends this process, and not each of those, again and again.
    token(chosen)
    configured_login_key(chosen)
    Addresses.of(chosen)
    store = Store.of(chosen)
    thread = RelayThread(store, chosen) if relay else None
    if thread is not None:
        thread.start()
    log_levels = LogLevelWatch(store)
    log_levels.start()
    try:
        uvicorn.run(
            "sentinel.api.serve:application_of_one",
            factory=True,
            workers=chosen.api_processes,
            timeout_worker_healthcheck=SILENT_SECONDS,
            **_options(chosen),
        )
    finally:
        log_levels.stop()
        if thread is not None:
            thread.stop()
        store.close()


def application_of_one() -> FastAPI:
    """Build the application of one of several processes; their parent runs the relay.

    Returns:
        The application, without the relay.

    Raises:
        ConfigurationError: a setting is invalid
    """
    _log_to_stderr()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    app = create_app(settings(), relay=False)
    _build_routes(app)
    _spare_collections()
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def _build_routes(app: FastAPI) -> None:
    """Have FastAPI build what it knows of each route, before anybody asks.

    It does so when it first looks for one, and the first request, with all that come meanwhile,
    would wait for most of a second of computing.
    """
    nowhere: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "root_path": "",
        "headers": [],
    }
    for route in app.routes:
        route.matches({**nowhere})


def _spare_collections() -> None:
    """Leave what is here for good out of garbage collections, which stop all requests."""
    gc.collect()
    gc.freeze()


def _end_with(parent: BaseProcess) -> None:
    # A parent that is killed cannot stop its children, which would keep the port.
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _log_to_stderr() -> None:
    clean_log_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Alembic logs a line for each read of the schema's revision, that is for each health check.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _options(chosen: Settings) -> dict[str, Any]:
    return {
        "host": chosen.host,
        "port": chosen.api_port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 5,
        "http": PromptProtocol,
        **tls_options(chosen),
    }
