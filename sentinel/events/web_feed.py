"""Entries as Atom 1.0 (RFC 4287) and RSS 2.0, which feed readers subscribe to. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

import msgspec

__all__ = ["FeedEntry", "atom_of", "rss_of"]

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot have (section 2.2)."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An alert or an incident, as feed readers show it.

    Attributes:
        id: 32 hex digits
        link: address of its page
        text: a paragraph
        words: what readers filter by, such as the severity
        published: when it opened
        updated: when it changed last
    """

    id: str
    title: str
    link: str
    text: str
    words: Sequence[str]
    published: datetime
    updated: datetime


def atom_of(title: str, link: str, entries: Sequence[FeedEntry]) -> bytes:
    """Return entries as an Atom feed.

    Args:
        title: of the feed
        link: address of the page that it is about
        entries: the newest first

    Returns:
        The document in UTF-8; the same for the same entries.
    """
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "title", title)
    _add(feed, "id", f"urn:sentinel-alerts:feed:{_slug(title)}")
    _link(feed, link)
    _add(feed, "updated", max((one.updated for one in entries), default=_NEVER).isoformat())
    author = ET.SubElement(feed, f"{{{_ATOM}}}author")
    _add(author, "name", "Sentinel")
    for one in entries:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "title", one.title)
        _add(entry, "id", _urn(one))
        _link(entry, one.link)
        _add(entry, "published", one.published.isoformat())
        _add(entry, "updated", one.updated.isoformat())
        for word in one.words:
            ET.SubElement(entry, f"{{{_ATOM}}}category", term=_clean(word))
        _add(entry, "summary", one.text)
    return ET.tostring(feed, "utf-8", xml_declaration=True)


def rss_of(title: str, link: str, entries: Sequence[FeedEntry]) -> bytes:
    """Return entries as an RSS feed; arguments and result as of `atom_of`."""
    rss = ET.Element("rss", version="2.0")
    channel = ET.SubElement(rss, "channel")
    for name, text in (("title", title), ("link", link), ("description", title)):
        ET.SubElement(channel, name).text = _clean(text)
    for one in entries:
        item = ET.SubElement(channel, "item")
        ET.SubElement(item, "title").text = _clean(one.title)
        ET.SubElement(item, "link").text = _clean(one.link)
        ET.SubElement(item, "description").text = _clean(one.text)
        ET.SubElement(item, "guid", isPermaLink="false").text = _urn(one)
        ET.SubElement(item, "pubDate").text = format_datetime(one.published, usegmt=True)
        for word in one.words:
            ET.SubElement(item, "category").text = _clean(word)
    return ET.tostring(rss, "utf-8", xml_declaration=True)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = _clean(text)


def _link(parent: ET.Element, address: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}link", href=_clean(address))


def _urn(one: FeedEntry) -> str:
    digits = one.id
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"urn:uuid:{'-'.join(parts)}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
