"""What a request of ClickHouse's HTTP interface asks for: its statement, data, format and settings.

Pure. The interface: https://clickhouse.com/docs/en/interfaces/http
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

__all__ = ["Asked", "BadRequest", "literal", "read_request"]

_NOT_SETTINGS = frozenset({
    "query", "database", "default_format", "user", "password", "session_id", "session_timeout",
    "session_check", "query_id", "compress", "decompress", "quota_key", "role", "readonly",
    "wait_end_of_query", "buffer_size", "client_protocol_version", "enable_http_compression",
    "http_zlib_compression_level", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
})  # fmt: skip
"""Parameters of the interface itself, and those that mean nothing here. A user is read-only or is
not; no request changes that."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_INSERT = re.compile(
    rb"(?is)\s*(insert\s+into\s+.+?)\s+format\s+(\w+)[ \t]*(?:;[ \t]*)?(?:\r?\n|\Z)"
)
_FORMAT = re.compile(r"(?is)\sformat\s+(\w+)\s*;?\s*\Z")


class BadRequest(ValueError):
    """The request is none of this interface; the text says why."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One statement to run.

    Attributes:
        sql: the statement, without a FORMAT clause where it inserts `data`
        format: of the data where it inserts, else of the answer
        data: rows in `format` to insert; None for every other statement
        database: that names without one mean; empty for the default
        parameters: values of `{name:Type}`, in ClickHouse's escaped form
        settings: of this statement alone
    """

    sql: str
    format: str
    data: bytes | None
    database: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]


def read_request(query: Iterable[tuple[str, str]], body: bytes, format_header: str = "") -> Asked:
    """Return what a request asks for.

    Args:
        query: the parameters of the address, and those of a form
        body: a statement, the rest of the statement in the address, or rows to insert
        format_header: of the answer, from `X-ClickHouse-Format`

    Returns:
        The statement and all that belongs to it.

    Raises:
        BadRequest: there is no statement, or a setting has no such name
    """
    given = dict(query)
    written = given.get("query", "").encode()
    found = _INSERT.match(written) or _INSERT.match(body)
    data: bytes | None = None
    if found is not None:
        data = body if found.string is written else body[found.end() :]
        sql, format_ = found.group(1).decode(), found.group(2).decode()
    else:
        sql = "\n".join(part for part in (written.decode(), _text(body)) if part.strip()).strip()
        clause = _FORMAT.search(sql)
        format_ = clause.group(1) if clause else ""
        if clause:
            sql = sql[: clause.start()]
    if not sql.strip():
        raise BadRequest("the request has no query")
    return Asked(
        sql=sql,
        format=format_ or format_header or given.get("default_format", "TabSeparated"),
        data=data,
        database=given.get("database", ""),
        parameters={name[6:]: value for name, value in given.items() if name.startswith("param_")},
        settings={name: value for name, value in given.items() if _is_setting(name)},
    )


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadRequest("the query is not UTF-8") from None


def _is_setting(name: str) -> bool:
    if name in _NOT_SETTINGS or name.startswith("param_"):
        return False
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} is the name of no setting")
    return True


def literal(value: str) -> str:
    """Return a text as a literal of ClickHouse's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
