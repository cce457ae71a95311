"""The address of a database: a SQLAlchemy URL, or a block of prefect-sqlalchemy that holds it.

The block's document is read through Prefect's API, so that prefect-sqlalchemy itself is not
needed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sentinel import Context
from sentinel.errors import ConfigurationError, NotFound

__all__ = ["Address", "address"]

_KINDS = ("sqlalchemy-connector", "database-credentials")
_BLOCK = re.compile(rf"(?:({'|'.join(_KINDS)})/)?([a-z0-9-]+)")
# What is asked here is asked one thing at a time, and with the drivers that are installed.
_PLAIN = {
    "postgresql": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",
    "sqlite+aiosqlite": "sqlite",
    "mysql+asyncmy": "mysql+pymysql",
    "mysql+aiomysql": "mysql+pymysql",
}


class Address(NamedTuple):
    """A database's URL, and the other arguments of its driver."""

    url: URL
    arguments: Mapping[str, Any]


def address(ctx: Context, source: str, what: str = "the source") -> Address:
    """Return the database that `source` names.

    Args:
        ctx: fills {secret:NAME} in a URL, and reads blocks
        source: a SQLAlchemy URL, or `sqlalchemy-connector/NAME`, `database-credentials/NAME`, or
            NAME of such a block
        what: what an error calls it

    Returns:
        Its URL with a driver that works here, and the arguments for connecting that a block has.

    Raises:
        ConfigurationError: it names none; the text is not repeated, since it may hold a password
        NotFound: there is no such block
        PrefectUnreachable: the API does not answer
    """
    named = _BLOCK.fullmatch(source)
    if named:
        url, arguments = _of_block(ctx, *named.groups())
    else:
        url, arguments = _url(ctx.filled(source), what), dict[str, Any]()
    plain = _PLAIN.get(url.drivername)
    if url.drivername == "postgresql+psycopg2" and find_spec("psycopg2") is None:
        plain = "postgresql+psycopg"
    if plain is None:
        return Address(url, arguments)
    # Another driver may not know the arguments of this one.
    return Address(url.set(drivername=plain), {})


def _of_block(ctx: Context, kind: str | None, name: str) -> Address:
    with ctx.prefect_api() as prefect:
        for one in (kind,) if kind else _KINDS:
            data = prefect.block(one, name)
            if data is not None:
                break
        else:
            raise NotFound(
                f"Prefect has no {' or '.join((kind,) if kind else _KINDS)} block {name!r}",
                hint="Name a block of prefect-sqlalchemy, or write a SQLAlchemy URL.",
            )
    arguments = cast("dict[str, Any]", data.get("connect_args") or {})
    given = data.get("connection_info") or data.get("url") or data
    if isinstance(given, str):
        return Address(_url(given, f"the block {name!r}"), arguments)
    parts = cast("dict[str, Any]", given)
    if not parts.get("driver"):
        raise ConfigurationError(
            f"the block {name!r} names no driver", hint="Give it one, for example postgresql."
        )
    port = parts.get("port")
    url = URL.create(
        drivername=parts["driver"],
        username=parts.get("username"),
        password=parts.get("password"),
        host=parts.get("host"),
        port=int(port) if port else None,
        database=parts.get("database"),
        query=parts.get("query") or {},
    )
    return Address(url, arguments)


def _url(given: str, what: str) -> URL:
    try:
        return make_url(given)
    except ArgumentError:
        raise ConfigurationError(
            f"{what} is no SQLAlchemy URL",
            hint="Write for example postgresql://user:{secret:shop-password}@host/name.",
        ) from None
