"""The status pages of a tenant on the page of services, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from sentinel.links import safe_link, status_address
from sentinel.printable import counted
from sentinel.store.services.status_pages import StoredPage

__all__ = ["status_pages_html"]


def status_pages_html(
    pages: Sequence[StoredPage], public: str, subscribers: Mapping[str, int]
) -> str:
    """Return the status pages of a tenant as a list.

    Args:
        pages: that whoever looks may see
        public: address of the public pages; empty for none
        subscribers: how many each page has, by its name

    Returns:
        HTML; empty where there are no pages.
    """
    if not pages:
        return ""
    rows = "".join(
        f"<li>{_linked(one, public)}: {_count(one)}, read by "
        f"{_readers(one)}{_people(subscribers.get(one.definition.name, 0))}"
        f"{'' if one.written_at else ', not written yet'}</li>"
        for one in pages
    )
    return f'<h2 class="section">Status pages</h2><ul class="small">{rows}</ul>'


def _people(count: int) -> str:
    if not count:
        return ""
    return ", 1 subscriber" if count == 1 else f", {count:,} subscribers"


def _count(one: StoredPage) -> str:
    count = len(one.definition.components)
    return counted(count, "component")


def _linked(one: StoredPage, public: str) -> str:
    title = escape(one.definition.title)
    link = safe_link(status_address(public, one.definition.name))
    if link is None:
        return title
    return f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">{title} ↗</a>'


def _readers(one: StoredPage) -> str:
    if one.definition.public:
        return "everybody"
    return "whoever has its token" if one.has_token else "nobody before it has a token"
