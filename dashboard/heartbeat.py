"""The heart-beat of every page: the current counts, and the store's change number.

A page begins with one; the browser then asks the live API for the next, and for more data only when
the number has risen.
"""

from __future__ import annotations

from dashboard import session
from dashboard.blotter import widget
from dashboard.response_cache import BEAT_INTERVAL

__all__ = ["beat"]


def beat(page: str) -> None:
    """Show the first heart-beat; the browser asks for the others by itself.

    Args:
        page: the heading beside the counts; empty for a page that has its own heading
    """
    status = session.responses().status(session.scope())
    # A browser that the live API refuses asks for a run of the page, which gives it a new token.
    widget(
        "pulse",
        {"page": page, "every": BEAT_INTERVAL, "live_api": session.live_api(), **status},
        "wanted",
    )
