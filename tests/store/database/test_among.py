"""Many values of one column as one parameter."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import event, literal, select, union_all

from sentinel.store import Store
from sentinel.store.database.among import among
from sentinel.store.database.tables import ALERT

_NAMES = ("apple", "it's", "{pear}", "")
_FRUIT = union_all(*(select(literal(one).label("name")) for one in _NAMES)).subquery()
_SOME = select(_FRUIT.c.name).where(among(_FRUIT.c.name, "names"))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], []),
        (["apple", "plum"], ["apple"]),
        (["it's", "{pear}"], ["it's", "{pear}"]),
        (("",), [""]),
        ([f"plum {number}" for number in range(70_000)], []),
    ],
)
def test_rows_have_one_of_the_values(store: Store, names: Sequence[str], found: list[str]):
    with store.read() as connection:
        assert sorted(connection.execute(_SOME, {"names": names}).scalars()) == found


def test_the_statement_is_the_same_for_any_number_of_values(store: Store):
    texts: set[str] = set()

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "fruit" in statement or "anon" in statement:
            texts.add(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    with store.read() as connection:
        for number in (1, 2, 700):
            connection.execute(_SOME, {"names": ["apple"] * number}).all()
    assert len(texts) == 1


def test_it_is_answered_by_an_index(store: Store):
    plan = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    query = select(ALERT.c.title).where(among(ALERT.c.id, "ids"))
    text = str(query.compile(store.engine, compile_kwargs={"render_postcompile": True}))
    given = '["a"]' if store.dialect == "sqlite" else ["a"]
    with store.read() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off") if plan == "EXPLAIN " else None
        shape: Any = {"ids": given} if plan == "EXPLAIN " else (given,)
        steps = "\n".join(str(row) for row in connection.exec_driver_sql(plan + text, shape))
    assert "index" in steps.lower()
    assert "scan alert" not in steps.lower()
