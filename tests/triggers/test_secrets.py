"""What a check may not show is taken from Prefect's Secret blocks, on a real server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.system import Secret

from sentinel import Context
from sentinel.errors import ConfigurationError, NotFound
from sentinel.ports import PrefectDesk
from tests.prefect_server import PrefectServer
from triggers.database_up import database_up

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]


def kept(value: str) -> str:
    """The name of a new Secret block that holds this."""
    name = f"secret-{uuid4().hex[:8]}"
    made: Any = Secret  # Secret[str] would be a block type of its own
    made(value=value).save(name)
    return name


def test_a_secret_is_filled_in_where_its_name_stands(connected: PrefectServer):
    desk: PrefectDesk = connected.api
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


def test_a_secret_that_is_not_there_is_named(connected: PrefectServer):
    with pytest.raises(NotFound, match="Prefect has no Secret block 'none-such'"):
        Context(prefect=connected.api).filled("{secret:none-such}")


def test_without_a_prefect_no_secret_is_known():
    with pytest.raises(ConfigurationError, match="no Prefect API is known here"):
        Context().filled("{secret:some}")
