"""Names that group requests: the endpoint of a path, the family of a user agent. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["agent_family", "endpoint_of"]

_MOST_PARTS, _MOST = 12, 200
_ID = re.compile(
    r"\d+|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[^-_.]*\d)[0-9a-fA-F]{12,}"
    r"|(?=\D*\d)[A-Za-z0-9_=-]{20,}|[^@/]+@[^@/]+|[0-9A-HJKMNP-TV-Z]{26}"
)
"""Numbers, UUIDs, hashes, long tokens with a digit, e-mail addresses, ULIDs."""
_BROWSERS = (
    ("Edg/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung"),
    ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"), ("MSIE ", "Internet Explorer"),
)  # fmt: skip
_NAME, _LETTER, _REST = re.compile(r"[\w.-]+"), re.compile(r"[A-Za-z]"), re.compile(r"[\w-]*")
_BOT = re.compile(r"bot|crawler|spider", re.IGNORECASE)
_PRODUCT = re.compile(r"[A-Za-z][\w .+-]{0,39}")


@lru_cache(8192)
def endpoint_of(path: str) -> str:
    """Return under what a path is counted where its route is not known.

    Args:
        path: of a request

    Returns:
        The path without its query, with `{id}` for each segment that names one thing among many:
        numbers, UUIDs, hashes, long tokens, e-mail addresses. At most 12 segments are kept.
    """
    parts = path.partition("?")[0].split("/")
    named = ["{id}" if _ID.fullmatch(one) else one for one in parts[: _MOST_PARTS + 1]]
    more = "/…" if len(parts) > _MOST_PARTS + 1 else ""
    return ("/".join(named)[:_MOST] + more) or "/"


@lru_cache(8192)
def agent_family(text: str) -> str:
    """Return the family of a user agent.

    Args:
        text: of the header `User-Agent`

    Returns:
        A browser, the name of a bot, or the first product without its version; empty for none.
    """
    text = text[: _MOST * 2]
    if bot := _bot_of(text):
        return bot[:40]
    for sign, family in _BROWSERS:
        if sign in text:
            return family
    if "Safari/" in text and "Version/" in text:
        return "Safari"
    product = _PRODUCT.match(text)
    return product.group().strip() if product else ""


def _bot_of(text: str) -> str:
    # One pattern for all of it would look at a long name once from each of its letters.
    for name in _NAME.findall(text):
        signs = list(_BOT.finditer(name))
        first = _LETTER.search(name)
        if signs and first and first.start() < signs[-1].start():
            rest = _REST.match(name, signs[-1].end())
            return name[first.start() : rest.end() if rest else signs[-1].end()]
    return ""
