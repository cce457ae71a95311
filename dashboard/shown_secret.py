"""A secret that was just made: kept in one session, and shown until it is stored elsewhere."""

from __future__ import annotations

from datetime import timedelta
from html import escape

import streamlit as st

from dashboard import session

__all__ = ["ShownSecret"]

_SHOWN_FOR = timedelta(minutes=10)


class ShownSecret:
    """The newest secret of one kind of key.

    Args:
        kind: begins the keys of its widgets
        use: HTML that says how the secret is sent
    """

    def __init__(self, kind: str, use: str) -> None:
        self._kind, self._use = kind, use
        self._state = f"{kind}-just-made"

    def keep(self, name: str, secret: str) -> None:
        """Keep a new secret in this session alone.

        Args:
            name: of its key
            secret: the text
        """
        until = session.data().now() + _SHOWN_FOR
        st.session_state[self._state] = (name, secret, until)

    def show(self) -> None:
        """Show the secret, if there is one and its ten minutes are not over."""
        name, secret, until = st.session_state.get(self._state, ("", "", None))
        if not secret:
            return
        if session.data().now() >= until:
            self._forget()
            return
        with st.container(key=f"{self._kind}-secret-shown", border=True):
            st.html(f"<div><b>The secret of {escape(name)}</b>, shown this once: nobody can read "
                    f"it again. {self._use}</div>")  # fmt: skip
            st.code(secret, language=None)
            st.button("Done", key=f"{self._kind}-stored", type="primary", on_click=self._forget)

    def _forget(self) -> None:
        st.session_state.pop(self._state, None)
