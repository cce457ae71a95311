"""The addresses of the pages: their names, their parameters, and what people mean by others. Pure.

People type addresses, and messages, bookmarks and other programs have old ones. An address that
names no page leads to the page it means; a parameter that a page does not read is said on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

__all__ = ["NO_PAGE", "PARAMETERS", "SEARCH", "meant", "unknown_parameters"]

SEARCH = "q"
"""The parameter of the search, on every page."""
NO_PAGE = "no-page"
"""The parameter that carries an address without a page to the page shown instead."""
PARAMETERS: dict[str, frozenset[str]] = {
    path: frozenset([*names.split(), "alert", NO_PAGE])
    for path, names in {
        "": "q severity mine suppressed sort group limit",
        "inbox": "q inbox-kinds inbox-severities",
        "incidents": "q incident from incident-states incident-severity",
        "on-call": "q",
        "escalations": "",
        "silences": "q from",
        "rules": "q states rule rule-tenant build",
        "routing": "",
        "channels": "delivery-period channel",
        "overview": "length",
        "analytics": "analytics-period analytics-by noise-rule noise-tenant",
        "history": "q span severities statuses opened-days",
        "compare": "q severities compared against first-days second-days",
        "audit": "q audit-actor audit-span audit-kinds audit-view audit-object audit-objects",
        "dashboards": "board team tenant wall",
        "health": "",
        "log": "q levels",
        "logs": "q time since until tenant facet",
        "traces": "q time since until tenant trace view service operation status longer",
        "services": "time since until tenant service",
        "slos": "q time tenant slo slo-tenant edit report slo-states",
        "api-usage": "q time since until tenant by order consumer endpoint quota",
        "requests": "q time since until tenant",
        "consumer-keys": "q",
        "limits": "limit-set",
        "people": "people-view person",
        "settings": "",
    }.items()
}
"""The parameters that each page reads, by its path; the live page has none."""
_STREAMLIT = ("embed", "embed_options")
_NAMES = {
    **dict.fromkeys(("live", "alert", "alerts", "group", "groups", "blotter", "index.html"), ""),
    **dict.fromkeys(("channel", "receiver", "receivers"), "channels"),
    "rule": "rules",
    **dict.fromkeys(("oncall", "schedules", "schedule", "rota"), "on-call"),
    "silence": "silences",
    **dict.fromkeys(("escalation", "policies"), "escalations"),
    **dict.fromkeys(("route", "routes"), "routing"),
    **dict.fromkeys(("users", "user", "keys", "access", "roles", "account"), "people"),
    **dict.fromkeys(("components", "doctor", "status"), "health"),
    **dict.fromkeys(("noise", "fatigue", "trends"), "analytics"),
    "messages": "inbox",
    **dict.fromkeys(("incident", "post-mortem", "post-mortems"), "incidents"),
    "system-log": "log",
    **dict.fromkeys(("dashboard", "board", "boards", "wall"), "dashboards"),
    "comparison": "compare",
    **dict.fromkeys(("trace", "tracing", "spans"), "traces"),
    **dict.fromkeys(("service", "map", "dependencies"), "services"),
    **dict.fromkeys(("usage", "api"), "api-usage"),
    **dict.fromkeys(("request", "request-log", "access-log"), "requests"),
    **dict.fromkeys(("consumers", "consumer", "consumer-key", "api-keys"), "consumer-keys"),
    "limit": "limits",
    **dict.fromkeys(("slo", "error-budget", "objectives"), "slos"),
}
"""Other names of pages, with the page they mean."""
_ITEMS = {"alert": "alert", "alerts": "alert", "group": "group", "groups": "group",
          "rules": "rule", "rule": "rule", "channels": "channel", "channel": "channel",
          "traces": "trace", "trace": "trace", "services": "service",
          "service": "service", "slos": "slo", "slo": "slo",
          "incidents": "incident", "incident": "incident"}  # fmt: skip
"""First parts of a path that name one thing in the rest, and the parameter that opens it."""
_OLD_SEARCH = re.compile(r"find|search|query|(rule|audit|log)-words")
"""Names that the search had on single pages, or that people type."""


def meant(path: str, pairs: Sequence[tuple[str, str]]) -> str | None:
    """Return the address that a request means, relative to the dashboard's base path.

    Args:
        path: of the request, decoded, under the base path, without slashes around it
        pairs: names and values of its query

    Returns:
        a path with its query; None where the address is right as it is
    """
    first, _, rest = path.partition("/")
    item = _ITEMS.get(first.lower())
    page = first.lower().removesuffix("/")
    page = _NAMES.get(page, page)
    asked = _renamed(pairs)
    if page not in PARAMETERS:
        page, rest, item = "", path, None
    if rest and item:
        asked = [(item, rest), *(pair for pair in asked if pair[0] != item)]
    elif rest:
        asked = [(NO_PAGE, rest if page == "" else path), *asked]
    if page == path and asked == list(pairs):
        return None
    return f"{page}?{urlencode(asked)}" if asked else page


def _renamed(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the query with the search under its one name; the first of several searches counts."""
    if any(name == SEARCH for name, _ in pairs):
        return list(pairs)
    renamed: list[tuple[str, str]] = []
    found = False
    for name, value in pairs:
        old = not found and _OLD_SEARCH.fullmatch(name) is not None
        found = found or old
        renamed.append((SEARCH if old else name, value))
    return renamed


def unknown_parameters(path: str, names: Sequence[str]) -> list[str]:
    """Return the parameters of an address that its page does not read.

    Args:
        path: of the page; empty for the live page
        names: of the parameters

    Returns:
        the unknown ones, in their order
    """
    known = PARAMETERS.get(path, frozenset())
    return [name for name in names if name not in known and name.lower() not in _STREAMLIT]
