"""What a check may not show is taken from Prefect's Secret blocks, on a real server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from pydantic import SecretStr

from sentinel import Context
from sentinel.errors import ConfigurationError, NotFound
from sentinel.prefect_client.port import PrefectPort
from tests.prefect_server import PrefectServer
from triggers._addresses import address
from triggers.database_up import database_up
from triggers.row_count import row_count

pytestmark = pytest.mark.prefect


def kept(value: str) -> str:
    """The name of a new Secret block that holds this."""
    name = f"secret-{uuid4().hex[:8]}"
    made: Any = Secret  # Secret[str] would be a block type of its own
    made(value=value).save(name)
    return name


def test_a_secret_is_filled_in_where_its_name_stands(connected: PrefectServer):
    desk: PrefectPort = connected.api
    ctx = Context(prefect=desk)
    name = kept("p@ss/word")
    assert ctx.filled(f"{{secret:{name}}}") == "p@ss/word"
    url = ctx.filled(f"postgresql://app:{{secret:{name}}}@db/shop")
    assert url == "postgresql://app:p%40ss%2Fword@db/shop"
    assert ctx.filled("nothing {to} fill") == "nothing {to} fill"


def test_a_whole_address_may_be_a_secret(connected: PrefectServer):
    ctx = Context(prefect=connected.api)
    name = kept("sqlite:///:memory:")
    (reading,) = database_up.check(ctx=ctx, databases={"shop": f"{{secret:{name}}}"}).readings
    assert reading.value is not None


class Connector(Block):
    """What prefect-sqlalchemy's SqlAlchemyConnector keeps, under its name."""

    _block_type_name = "SQLAlchemy Connector"
    _block_type_slug = "sqlalchemy-connector"

    connection_info: dict[str, Any] | SecretStr
    connect_args: dict[str, Any] | None = None


class Credentials(Block):
    """What its DatabaseCredentials keep, under their name."""

    _block_type_name = "Database Credentials"
    _block_type_slug = "database-credentials"

    driver: str | None = None
    host: str | None = None
    port: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    database: str | None = None
    url: str | None = None


def saved(block: Block) -> str:
    name = f"source-{uuid4().hex[:8]}"
    block.save(name)
    return name


def test_a_source_may_be_a_block_of_prefect_sqlalchemy(connected: PrefectServer, tmp_path: Path):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER)")
        shop.execute("INSERT INTO orders VALUES (1), (2)")
        shop.commit()
    ctx = Context(prefect=connected.api)
    parts = saved(Connector(connection_info={"driver": "sqlite+aiosqlite", "database": str(file)}))
    whole = saved(Connector(connection_info=SecretStr(f"sqlite+pysqlite:///{file}")))
    older = saved(Credentials(url=f"sqlite:///{file}"))
    for source in (f"sqlalchemy-connector/{parts}", parts, whole, f"database-credentials/{older}"):
        (reading,) = row_count.check(ctx=ctx, source=source, tables=["orders"]).readings
        assert reading.value == 2
    (reading,) = database_up.check(ctx=ctx, databases={"shop": parts}).readings
    assert reading.value is not None


def test_a_blocks_parts_become_an_address_and_its_drivers_are_ours(connected: PrefectServer):
    ctx = Context(prefect=connected.api)
    name = saved(
        Credentials(
            driver="postgresql+asyncpg", host="db", port="5433", username="app",
            password=SecretStr("p@ss"), database="shop",
        )
    )  # fmt: skip
    url = address(ctx, f"database-credentials/{name}").url
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg://app:p%40ss@db:5433/shop"
    )


def test_a_block_that_is_not_there_is_named(connected: PrefectServer):
    ctx = Context(prefect=connected.api)
    with pytest.raises(NotFound, match="no sqlalchemy-connector block 'none-such'"):
        address(ctx, "sqlalchemy-connector/none-such")
    with pytest.raises(ConfigurationError, match="names no driver"):
        address(ctx, saved(Credentials(host="db")))


def test_a_secret_that_is_not_there_is_named(connected: PrefectServer):
    with pytest.raises(NotFound, match="Prefect has no Secret block 'none-such'"):
        Context(prefect=connected.api).filled("{secret:none-such}")


def test_without_a_prefect_no_secret_is_known():
    with pytest.raises(ConfigurationError, match="no Prefect API is known here"):
        Context().filled("{secret:some}")
