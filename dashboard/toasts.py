"""Toasts that callbacks queue, and that a part of the page shows."""

from __future__ import annotations

from time import monotonic

import msgspec
import streamlit as st

__all__ = ["queue_toast", "show_toasts"]

TOASTS, HELD = "toasts", "toasts-shown"
AGAIN = 2.0
"""For so many seconds a toast is sent again, less than the four that it is on the screen for."""


class Toast(msgspec.Struct, frozen=True):
    """A toast that was shown: by which part of the page, and until when it is sent again."""

    words: str
    icon: str
    part: str
    until: float


def queue_toast(words: str, icon: str) -> None:
    """Have `words` shown as a toast by the next part of the page that calls `show_toasts`.

    A callback may show nothing itself: in a part that refreshes by itself, what it shows
    replaces the top of the page.
    """
    st.session_state.setdefault(TOASTS, []).append((words, icon))


def show_toasts(part: str) -> None:
    """Show the toasts that callbacks queued; the icon `error` stays for ten seconds.

    Streamlit's page never draws a toast whose run is followed by another one too soon, as by the
    refresh of a part. So the same part sends it again with its next runs; the browser draws a
    toast that it shows already, which it knows by its place and its words, no second time. What
    was said of an earlier action is not sent again once there is something newer.

    Args:
        part: the part of the page that calls this, by a name that no other has
    """
    now = monotonic()
    kept: list[Toast] = [
        Toast(words, icon, part, now + AGAIN) for words, icon in st.session_state.pop(TOASTS, [])
    ] or [one for one in st.session_state.get(HELD, ()) if one.until > now]
    st.session_state[HELD] = kept
    for one in kept:
        if one.part == part:
            st.toast(
                one.words, icon=f":material/{one.icon}:",
                duration="long" if one.icon == "error" else "short",
            )  # fmt: skip
