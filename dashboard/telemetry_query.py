"""The searches of the pages about telemetry as their addresses have them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from urllib.parse import quote, urlencode

from sentinel.telemetry.asked import Asked, BadParameter, ask
from sentinel.telemetry.query import FieldKind, QueryFault

__all__ = [
    "CUSTOM", "GRAMMAR", "LEVELS", "LEVEL_COLOURS", "RANGES", "address", "fault_html",
    "grammar_html", "read", "term", "with_term",
]  # fmt: skip

RANGES = ("15m", "1h", "6h", "24h", "7d", "custom")
"""Time ranges that end now, and the one that is written."""
CUSTOM = "custom"
LEVELS: Sequence[str] = ("critical", "error", "warn", "info", "debug", "trace", "unknown")
LEVEL_COLOURS = {
    "light": ("#c4261b", "#d9622b", "#c9962c", "#2b6cb0", "#8a94a6", "#b4bcc9", "#d5dae2"),
    "dark": ("#ff6b5e", "#ff9248", "#f2c14e", "#63a4ff", "#98a2b3", "#6b7686", "#46505f"),
}
"""Of `LEVELS`, as the severities of theme/sentinel.css; a chart cannot read CSS."""
_PERIOD = re.compile(r"(?<!\S)(?:since|until):\S+")
_SIGNS = frozenset(' \t\n"(),')
GRAMMAR: Mapping[str, Sequence[tuple[str, str]]] = {
    "logs": (
        ("timeout", "lines with this word"),
        ("refus*", "a part of a word"),
        ('"connection refused"', "these words, one after the other"),
        ("a b · a OR b · -a · (a OR b) c", "all, one of them, not it, groups"),
        ("service:shop,cart", "one of these values; also host, env, trace, span, event, logger"),
        ("pattern:9f86d081884c7d65", "lines of a pattern, by its id: see Patterns"),
        ("level:>=warn", "trace, debug, info, warn, error, critical"),
        ("@http.route:/buy · @status:>=500", "an attribute: its text, or a number"),
        ("since:2h until:10m", "the time range, for the whole query"),
        ("show me errors from database", "plain words that begin with a verb; the query is shown"),
    ),
    "spans": (
        ("checkout", "a word of the operation or of the status message"),
        ("service:shop operation:*pay*", "also kind, peer, http, db, host, env, trace, span"),
        ("status:error", "ok, error or unset"),
        ("duration:>250ms", "longer than; also >=, <, <="),
        ("@http.route:/buy · @retries:>2", "an attribute: its text, or a number"),
        ("a b · a OR b · -a · (a OR b) c", "all, one of them, not it, groups"),
        ("since:2h until:10m", "the time range, for the whole query"),
    ),
    "requests": (
        ("orders", "a part of the path"),
        ("consumer:user-7 service:shop", "also key, prefix, plan, address, agent, trace, refused"),
        ("method:GET endpoint:/orders/*", "the route, with * for a part of it"),
        ("status:5xx · status:404 · status:>=400", "the status of the response"),
        ("duration:>250ms", "longer than; also >=, <, <="),
        ("@x-region:eu", "a header that is kept"),
        ("a b · a OR b · -a · (a OR b) c", "all, one of them, not it, groups"),
        ("since:2h until:10m", "the time range, for the whole query"),
    ),
}
"""What can be written, and what it finds."""


def read(
    text: str, fields: Mapping[str, FieldKind], now: datetime, *, span: str, since: str, until: str,
    also: Sequence[tuple[str, str]] = (), words: bool = True,
) -> Asked:  # fmt: skip
    """Read the search of a page.

    Args:
        text: a query or, where `words`, plain words that begin with a verb
        fields: of what is searched
        now: the moment that the time range ends at
        span: one of `RANGES`; any other is an hour
        since: where the custom range begins; an hour before now where it is empty
        until: where it ends; empty for now
        also: fields, and what each must be
        words: whether plain words are read

    Returns:
        What is looked for.

    Raises:
        QueryFault: the text cannot be read
        BadParameter: the time range or a field cannot be used
    """
    chosen = span if span in RANGES else "1h"
    custom = chosen == CUSTOM
    return ask(
        text, fields, now, also=also, language="auto" if words else "query",
        since=(since.strip() or "1h") if custom else chosen, until=until.strip() if custom else "",
    )  # fmt: skip


def term(field: str, value: str) -> str:
    """Return the term of a query that a field has a value, in quotes where it needs them."""
    plain = bool(value) and not _SIGNS & set(value) and not value.startswith((">", "<"))
    if plain and "*" not in value and "\\" not in value:
        return f"{field}:{value}"
    signs = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{signs}"'


def with_term(query: str, added: str) -> str:
    """Return a query that asks for a term too; what `OR` combines stays together."""
    if added in query.split():
        return query
    rest = " ".join(_PERIOD.sub(" ", query).split()) if " OR " in query else query.strip()
    if rest and " OR " in query:
        return " ".join([f"({rest})", *_PERIOD.findall(query), added])
    return f"{rest} {added}".strip()


def address(page: str, parameters: Mapping[str, str]) -> str:
    """Return the address of a page with the parameters that are not empty."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{page}?{urlencode(given, quote_via=quote)}" if given else page


def fault_html(text: str, fault: QueryFault | BadParameter) -> str:
    """Return what is wrong with a search; of a query, with the character that is."""
    if isinstance(fault, BadParameter):
        said = escape(f"{fault.field}: {fault}")
        return f'<div class="query-fault" role="alert"><p>{said}</p></div>'
    at = fault.column - 1
    marked = (
        f"{escape(text[:at])}<mark>{escape(text[at : at + 1]) or '&nbsp;'}</mark>"
        f"{escape(text[at + 1 :])}"
    )
    return (
        f'<div class="query-fault" role="alert"><p>{escape(str(fault))}</p>'
        f"<code>{marked}</code></div>"
    )


def grammar_html(kind: str) -> str:
    """Return the table of what can be written; `kind` is a key of `GRAMMAR`."""
    rows = "".join(
        f"<dt><code>{escape(write)}</code></dt><dd>{escape(finds)}</dd>"
        for write, finds in GRAMMAR[kind]
    )
    return f'<dl class="meanings">{rows}</dl>'
