"""What `streamlit run` starts: the pages, behind `index_middleware`, beside `live_api`."""

from __future__ import annotations

import socket
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard import page_tokens, session
from dashboard.address_redirects import AddressRedirects
from dashboard.host_guard import HostGuard
from dashboard.index_middleware import IndexMiddleware
from dashboard.live_api import LiveApi
from sentinel.links import allowed_hosts
from sentinel.printable import clean_log_records
from sentinel.settings import settings

clean_log_records()

app = st.App(
    Path(__file__).parent / "pages" / "frame.py",
    middleware=[
        Middleware(HostGuard, allowed=allowed_hosts(settings(), socket.gethostname())),
        Middleware(AddressRedirects, base=session.base_path, reserved=page_tokens.FOLDER),
        Middleware(
            LiveApi,
            path=session.api_path,
            responses=session.responses,
            commands=session.commands,
            proxy_user=session.proxy_user,
            renew_login=session.renew_login,
        ),
        Middleware(IndexMiddleware),
    ],
)
