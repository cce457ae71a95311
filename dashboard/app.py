"""What `streamlit run` starts: the pages of `shell.py`, behind `front.py`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard.front import Front

app = st.App(Path(__file__).parent / "shell.py", middleware=[Middleware(Front)])
