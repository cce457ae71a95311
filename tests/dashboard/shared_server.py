"""The dashboard for tests that share one: what people run, and a way to give it another database.

    python -m tests.dashboard.shared_server dashboard/app.py --server.port 8501

does what `streamlit run` does. At `PLACE` it takes the settings of the next test and forgets all
that it has of the last one.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.settings import settings

__all__ = ["PLACE"]

PLACE = "/for-tests/begin"


class Begin:
    """Middleware that begins a test."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at `PLACE`; pass on everything else."""
        if scope["type"] != "http" or scope["path"] != PLACE:
            await self._app(scope, receive, send)
            return
        given: dict[str, str] = json.loads(await Request(scope, receive).body())
        from dashboard import session

        last = session._store() if self._begun else None  # pyright: ignore[reportPrivateUsage] - no page may have it
        for name in [name for name in os.environ if name.startswith(("SENTINEL_", "PREFECT_"))]:
            del os.environ[name]
        os.environ.update(given)
        settings.cache_clear()
        st.cache_resource.clear()
        if last is not None:
            last.close()
        self._begun = True
        await Response()(scope, receive, send)


class App(st.App):
    """An application that begins tests, whatever else it does."""

    def __init__(self, script_path: Any, *, lifespan: Any, middleware: list[Middleware]) -> None:
        # The lifespan follows the log levels of one database, and tests bring others.
        super().__init__(script_path, middleware=[Middleware(Begin), *middleware])


if __name__ == "__main__":
    from streamlit.web.cli import main

    st.App = App
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    main()
