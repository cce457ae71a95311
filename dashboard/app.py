"""What `streamlit run` starts: the pages, behind `index_middleware`, beside `live_api`."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from dashboard import identity, page_tokens, session
from dashboard.address_redirects import AddressRedirects
from dashboard.index_middleware import IndexMiddleware
from dashboard.live_api import LiveApi
from dashboard.login_gate import LoginGate
from dashboard.opened_page import OpenedPage
from dashboard.push_routes import MovedBrowsers
from dashboard.web_app import WebAppFiles
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.errors import SentinelError
from sentinel.host_guard import HostGuard, unknown_host
from sentinel.links import allowed_hosts, dashboard_address
from sentinel.printable import clean_log_records
from sentinel.settings import settings
from sentinel.store import Store

clean_log_records()
# Else Python drops what is below WARNING, whatever a logger's level is.
logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")


async def refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 421 to a request for a host that is not this one."""
    says = (
        f"{unknown_host(scope)} is not a name of this dashboard. Add it to "
        "SENTINEL_ALLOWED_HOSTS, if it is one.\n"
    )
    await PlainTextResponse(says, status_code=421)(scope, receive, send)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncGenerator[None]:
    """Follow the log levels that people set, with a connection of its own, until the end."""
    try:
        store = Store.of(settings())
    except SentinelError as error:  # which every page shows
        logging.getLogger("sentinel.dashboard").error("the database cannot be used: %s", error)
        yield
        return
    log_levels = LogLevelWatch(store)
    log_levels.start()
    yield
    log_levels.stop()
    store.close()


app = st.App(
    Path(__file__).parent / "pages" / "frame.py",
    lifespan=lifespan,
    middleware=[
        Middleware(
            HostGuard,
            allowed=allowed_hosts(settings(), socket.gethostname()),
            refusal=refuse_host,
        ),
        Middleware(AddressRedirects, base=session.base_path, reserved=page_tokens.FOLDER),
        Middleware(WebAppFiles, path=session.api_path),
        Middleware(MovedBrowsers, path=session.api_path, browsers=lambda: session.data().push),
        Middleware(
            LoginGate,
            path=session.api_path,
            base=session.base_path,
            sign_in=session.sign_in,
            public_url=lambda: dashboard_address(settings()),
        ),
        Middleware(
            LiveApi,
            path=session.api_path,
            responses=session.responses,
            commands=session.commands,
            proxy_user=identity.proxy_user,
            renew_login=session.renew_login,
            refusals=session.refusals,
            push=lambda: session.data().push,
        ),
        Middleware(IndexMiddleware, first_rows=OpenedPage().rows),
    ],
)
