"""Queries in Lucene's syntax as clauses of an event policy, parsed by luqum. Pure.

https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import luqum.parser  # pyright: ignore[reportMissingTypeStubs] - it has none
from luqum.exceptions import ParseError  # pyright: ignore[reportMissingTypeStubs] - it has none

from sentinel.errors import PolicyError
from sentinel.ingest.elastalert.texts import (
    Json,
    exists,
    globbed,
    joined,
    matching,
    ranged,
    worded,
)

__all__ = ["clause_of_query"]

_PARSER: Any = vars(luqum.parser)["parser"]
MOST_LETTERS = 20_000
DEEPEST = 40
_SIGNS = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|&&|\|\||(?<![^\s(])!(?=\S)', re.DOTALL)
_WORDS = {"&&": " AND ", "||": " OR ", "!": " NOT "}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?]")
_FROM_NOW = re.compile(r"now\b|.*\|\|")


def clause_of_query(query: str, default: str = "", *, every: bool = False) -> Json:
    """Translate a query.

    Args:
        query: such as `status:[500 TO 599] AND NOT host:web*`
        default: the field of words that name none; empty for every field
        every: whether words beside each other must all be there; otherwise one of them

    Returns:
        The clause.

    Raises:
        PolicyError: it cannot be parsed, or an event policy cannot say that
    """
    if len(query) > MOST_LETTERS:
        raise PolicyError(f"a query of {len(query):,} characters; {MOST_LETTERS:,} are allowed")
    # luqum knows AND, OR and NOT, and takes Lucene's signs for words.
    spelled = _SIGNS.sub(lambda found: _WORDS.get(found[0], found[0]), query)
    try:
        tree: Any = _PARSER.parse(spelled)
    except ParseError as error:
        raise PolicyError(f"the query {query!r:.200} cannot be parsed: {error}") from None
    return _Translated(default, every).clause(tree, default, 0)


class _Translated:
    """Translates the nodes of luqum's tree."""

    def __init__(self, default: str, every: bool) -> None:
        self._default = default
        self._every = every

    def clause(self, node: Any, field: str, depth: int) -> Json:
        if depth > DEEPEST:
            raise PolicyError(f"a query is nested more than {DEEPEST} deep")
        inner = depth + 1
        match type(node).__name__:
            case "AndOperation":
                return joined("all", [self.clause(one, field, inner) for one in node.children])
            case "OrOperation":
                return joined("any", [self.clause(one, field, inner) for one in node.children])
            case "UnknownOperation" | "BoolOperation":
                return self._beside(node.children, field, inner)
            case "Not" | "Prohibit":
                return {"not": self.clause(node.a, field, inner)}
            case "Plus":
                return self.clause(node.a, field, inner)
            case "Group" | "FieldGroup" | "Boost":
                return self.clause(node.expr, field, inner)
            case "SearchField":
                return self._field(node, inner)
            case "Word":
                return self._word(node.value, field)
            case "Phrase":
                return worded(field, _plain(node.value[1:-1]))
            case "Regex":
                return matching(field, node.value[1:-1].replace("\\/", "/"))
            case "Range":
                return self._range(node, field)
            case "From" | "To":
                low = type(node).__name__ == "From"
                how = (
                    ("gte" if node.include else "gt") if low else ("lte" if node.include else "lt")
                )
                return _bounded(field, {how: _bound(node.a)})
            case "Fuzzy" | "Proximity":
                raise PolicyError("a query with ~ (fuzzy or near) cannot be compared with an event")
            case other:
                raise PolicyError(f"a query has a part that is not known: {other}")

    def _beside(self, nodes: Sequence[Any], field: str, depth: int) -> Json:
        """Join clauses without an operator: + must be there, - must not, of the others one."""
        must, some, never = list[Json](), list[Json](), list[Json]()
        for node in nodes:
            kind = type(node).__name__
            clause = self.clause(node, field, depth)
            of = never if kind in ("Prohibit", "Not") else must if kind == "Plus" else some
            of.append(clause)
        if some and self._every:
            must += some
        elif some and not must:
            must = [joined("any", some)]
        return joined("all", [*must, *never])

    def _field(self, node: Any, depth: int) -> Json:
        name = _plain(str(node.name))
        inner = node.expr
        if name == "_exists_":
            return exists(_plain(str(inner)))
        if name == "*":
            name = ""
        if "*" in name:
            raise PolicyError(f"a query asks fields by the pattern {name}; name them")
        if type(inner).__name__ == "SearchField":
            raise PolicyError(f"the query has {name}:{inner}: put what has a colon in quotes")
        if name in ("_id", "_index", "_type"):
            raise PolicyError(f"{name} is of Elasticsearch, and no field of an event")
        return self.clause(inner, name, depth)

    @staticmethod
    def _word(value: str, field: str) -> Json:
        if value == "*":
            return exists(field) if field else {"not": {"field": "*", "operator": "exists",
                                                        "value": False}}  # fmt: skip
        if _WILD.search(value):
            return globbed(field, value, case=False, whole=False)
        return worded(field, _plain(value))

    @staticmethod
    def _range(node: Any, field: str) -> Json:
        low, high = _bound(node.low), _bound(node.high)
        bounds: dict[str, Any] = {}
        if low != "*":
            bounds["gte" if node.include_low else "gt"] = low
        if high != "*":
            bounds["lte" if node.include_high else "lt"] = high
        return _bounded(field, bounds)


def _bounded(field: str, bounds: dict[str, Any]) -> Json:
    if not field:
        raise PolicyError("a query has a range without a field")
    for bound in bounds.values():
        if _FROM_NOW.match(bound):
            raise PolicyError(
                f"a query compares with {bound}, and an event policy with what stands"
            )
    return ranged(field, bounds)


def _bound(node: Any) -> str:
    # -5 of a range is parsed as what must not be there.
    if type(node).__name__ == "Prohibit":
        return f"-{_bound(node.a)}"
    text = str(node).strip()
    return _plain(text[1:-1] if text.startswith('"') else text)


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
