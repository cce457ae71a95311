"""Filters of ElastAlert, which are queries of Elasticsearch, as clauses of an event policy. Pure.

https://elastalert2.readthedocs.io/en/latest/recipes/writing_filters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sentinel.errors import PolicyError
from sentinel.ingest.elastalert.lucene import clause_of_query
from sentinel.ingest.elastalert.texts import (
    Json,
    exact,
    exists,
    globbed,
    joined,
    matching,
    ranged,
    worded,
)

__all__ = ["EVERY", "clauses_of"]

EVERY: Json = {"not": {"field": "*", "operator": "exists", "value": False}}
"""What every event satisfies that has a value."""
DEEPEST = 12
_BOUNDS = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "from": "gte", "to": "lte"}
_PASSED = ("boost", "format", "time_zone", "_name", "relation", "case_insensitive")


def clauses_of(given: Any) -> list[Json]:
    """Translate a list of filters.

    Args:
        given: of a rule

    Returns:
        Clauses of which all must hold.

    Raises:
        PolicyError: a filter cannot be read, or an event policy cannot say that
    """
    if given is None:
        return []
    if not isinstance(given, list):
        raise PolicyError("filter: must be a list")
    return [_clause(one, 0) for one in cast("list[Any]", given)]


def _clause(given: Any, depth: int) -> Json:
    of = _mapping(given, "a filter")
    if depth > DEEPEST:
        raise PolicyError(f"filters are nested more than {DEEPEST} deep")
    if len(of) != 1:
        raise PolicyError(f"a filter has {len(of)} parts ({', '.join(map(str, of))[:80]}), not one")
    kind, inner = next(iter(of.items()))
    match kind:
        case "query" | "filter" | "constant_score":
            return _clause(inner, depth + 1)
        case "query_string" | "simple_query_string":
            return _query_string(inner)
        case "bool":
            return _bool(_mapping(inner, "bool"), depth + 1)
        case "and" | "or":
            how = "all" if kind == "and" else "any"
            return joined(how, [_clause(one, depth + 1) for one in _several(inner)])
        case "not":
            return {"not": _clause(inner, depth + 1)}
        case "match_all":
            return EVERY
        case "exists":
            return exists(str(_mapping(inner, "exists").get("field")))
        case "missing":
            return {"not": exists(str(_mapping(inner, "missing").get("field")))}
        case (
            "term" | "terms" | "match" | "match_phrase" | "range" | "wildcard" | "prefix" | "regexp"
        ):
            return _of_field(str(kind), _mapping(inner, str(kind)))
        case _:
            raise PolicyError(f"a filter of the kind {str(kind)[:60]} is not known")


def _query_string(given: Any) -> Json:
    of = _mapping(given, "query_string")
    query = of.get("query")
    if not isinstance(query, str):
        raise PolicyError("query_string: has no query")
    fields = of.get("fields") or [of.get("default_field") or ""]
    every = str(of.get("default_operator", "or")).lower() == "and"
    if not isinstance(fields, list):
        raise PolicyError("query_string: fields must be a list")
    names = ["" if one == "*" else str(one) for one in cast("list[Any]", fields)]
    return joined("any", [clause_of_query(query, name, every=every) for name in names])


def _bool(of: Mapping[str, Any], depth: int) -> Json:
    strange = set(of) - {"must", "filter", "must_not", "should", "minimum_should_match", "boost"}
    if strange:
        raise PolicyError(f"bool: {sorted(map(str, strange))[0][:60]} is not known")
    clauses = [_clause(one, depth) for kind in ("must", "filter") for one in _several(of.get(kind))]
    should = [_clause(one, depth) for one in _several(of.get("should"))]
    least = of.get("minimum_should_match", 0 if clauses else 1)
    if should and least not in (0, 1, "0", "1"):
        raise PolicyError(f"bool: minimum_should_match {least!r:.20} of several is not known")
    if should and str(least) == "1":
        clauses.append(joined("any", should))
    clauses += [{"not": _clause(one, depth)} for one in _several(of.get("must_not"))]
    return joined("all", clauses) if clauses else EVERY


def _of_field(kind: str, given: Mapping[str, Any]) -> Json:
    fields = {name: value for name, value in given.items() if name not in _PASSED}
    if len(fields) != 1:
        raise PolicyError(f"{kind}: names {len(fields)} fields, not one")
    name, value = next(iter(fields.items()))
    name = str(name)
    if kind == "range":
        return _range(name, _mapping(value, "range"))
    if isinstance(value, dict):
        inner = cast("Mapping[str, Any]", value)
        value = next((inner[key] for key in ("value", "query", kind) if key in inner), None)
        if kind == "match" and str(inner.get("operator", "or")).lower() == "and":
            kind = "match_all_words"
    if kind == "terms":
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        return exact(name, [_scalar(name, one) for one in values])
    one = _scalar(name, value)
    match kind:
        case "term":
            return exact(name, [one])
        case "match_phrase":
            return worded(name, str(one))
        case "match" | "match_all_words":
            words = str(one).split() or [""]
            how = "all" if kind == "match_all_words" else "any"
            return joined(how, [worded(name, word) for word in words])
        case "wildcard":
            return globbed(name, str(one), case=True, whole=True)
        case "prefix":
            return {"field": name, "operator": "startswith", "value": str(one)}
        case _:
            return matching(name, str(one))


def _range(name: str, given: Mapping[str, Any]) -> Json:
    bounds: dict[str, Any] = {}
    for how, bound in given.items():
        if how in _PASSED:
            continue
        if how not in _BOUNDS:
            raise PolicyError(f"range: {str(how)[:40]} is not known")
        if isinstance(bound, str) and (bound.startswith("now") or "||" in bound):
            raise PolicyError(
                f"range: {name} is compared with {bound}, and a policy with what stands"
            )
        bounds[_BOUNDS[how]] = _scalar(name, bound)
    return ranged(name, bounds)


def _scalar(name: str, given: Any) -> Any:
    if not isinstance(given, str | int | float | bool):
        raise PolicyError(f"field {name!r:.80} is compared with what is no text and no number")
    return given


def _several(given: Any) -> list[Any]:
    if given is None:
        return []
    return cast("list[Any]", given) if isinstance(given, list) else [given]


def _mapping(given: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise PolicyError(f"{what}: has names and values")
    return cast("Mapping[str, Any]", given)
