"""Toasts survive a run that follows at once, as of a part that refreshes by itself."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import toasts


def _page() -> None:
    import streamlit as st

    from dashboard.toasts import queue_toast, show_toasts

    show_toasts("frame")
    if st.session_state.pop("refuse", False):
        queue_toast("Not saved: no", "error")
    show_toasts("part")


def test_a_part_sends_its_toast_again_while_the_browser_may_have_missed_it(
    monkeypatch: pytest.MonkeyPatch,
):
    now = [100.0]
    monkeypatch.setattr(toasts, "monotonic", lambda: now[0])
    page = AppTest.from_function(_page)
    page.session_state["refuse"] = True
    for seconds, count in ((0.0, 1), (0.3, 1), (1.6, 1), (0.2, 0), (0.1, 0)):
        now[0] += seconds
        page.run()
        assert [one.value for one in page.toast] == ["Not saved: no"] * count
    assert not page.exception
