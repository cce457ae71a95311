"""The heart-beat of every page: the figures of now, and the number that tells of news.

The page begins with it; the browser then asks for it at the door, and for more only when the
number has risen.
"""

from __future__ import annotations

from dashboard import session
from dashboard.blotter import widget
from dashboard.response_cache import EVERY

__all__ = ["beat"]


def beat(page: str) -> None:
    """The first one; the others come by themselves.

    Args:
        page: the heading with the figures of now; empty for a page that has its own
    """
    now = session.sheets().now()
    # A browser that is refused at the door says that it wants a run, which gives it a new pass.
    widget("pulse", {"page": page, "every": EVERY, "door": session.door(), **now}, "wanted")
