"""What `streamlit run` starts: the pages, behind `index_middleware`, beside `live_api`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard import session
from dashboard.index_middleware import Front
from dashboard.live_api import Door

app = st.App(
    Path(__file__).parent / "pages" / "frame.py",
    middleware=[
        Middleware(
            Door,
            place=session.place,
            sheets=session.sheets,
            desk=session.desk,
            signed_in=session.signed_in,
            vouched=session.vouched,
        ),
        Middleware(Front),
    ],
)
