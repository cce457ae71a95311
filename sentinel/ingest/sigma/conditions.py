"""pySigma's tree of conditions as the clauses of an event policy.

pySigma has applied the modifiers by then, so that what is left are its types of values
(https://sigmahq.io/docs/basics/modifiers.html). Texts are compared without regard to case, as Sigma
says, unless `cased` is there; a number is also found as text, and a text that is a number as
number, since what Sigma calls 4624 is "4624" in many logs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from sentinel.errors import PolicyError

__all__ = ["ANYWHERE", "Json", "clause_of", "joined"]

Json = dict[str, Any]
ANYWHERE = "*"
"""The field of an event policy that is every value of the event."""
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_COMPARED = {
    CompareOperators.LT: "lt", CompareOperators.LTE: "lte", CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}  # fmt: skip
_FLAGS = {SigmaRegularExpressionFlag.MULTILINE: "m", SigmaRegularExpressionFlag.DOTALL: "s"}
_Parts = Sequence[str | SpecialChars | Placeholder]


def clause_of(node: object) -> Json:
    """Return the clause that a node of pySigma's tree is.

    Args:
        node: of a condition that pySigma has parsed and resolved

    Returns:
        The JSON of `sentinel.event_policies.clause.Clause`.

    Raises:
        PolicyError: an event policy cannot say that; names what
    """
    match node:
        case ConditionAND():
            return joined("all", [clause_of(one) for one in node.args])
        case ConditionOR():
            return joined("any", _merged([clause_of(one) for one in node.args]))
        case ConditionNOT():
            return {"not": clause_of(node.args[0])}
        case ConditionFieldEqualsValueExpression():
            return _field_test(node.field, node.value)
        case ConditionValueExpression():
            return _keyword(node.value)
        case _:
            raise PolicyError(f"its condition has a part that is not known: {type(node).__name__}")


def joined(how: str, clauses: Sequence[Json]) -> Json:
    """Return `all` or `any` of some clauses; a single one as itself.

    Args:
        how: all or any
        clauses: at least one

    Returns:
        One clause.
    """
    return clauses[0] if len(clauses) == 1 else {how: list(clauses)}


def _merged(clauses: Sequence[Json]) -> list[Json]:
    """Return the same with the values that one field may equal in one condition."""
    found: list[Json] = []
    places: dict[tuple[str, bool], Json] = {}
    for one in clauses:
        if one.get("operator") != "in":
            found.append(one)
            continue
        key = (one["field"], one["case_sensitive"])
        if key in places:
            places[key]["value"] += one["value"]
        else:
            places[key] = one
            found.append(one)
    return found


def _field_test(field: str, value: object) -> Json:
    match value:
        case SigmaExpansion():
            return joined("any", _merged([_field_test(field, one) for one in value.values]))
        case SigmaString():
            return _text(field, value)
        case SigmaTimestampPart():
            part = value.timestamp_part.name.lower()
            raise PolicyError(
                f"field {field!r}: the modifier {part} takes a part of a time, and an event policy "
                "compares whole values"
            )
        case SigmaNumber():
            return _among(field, [value.number, str(value.number)])
        case SigmaBool():
            return _among(field, [value.boolean, str(value.boolean).lower()])
        case SigmaRegularExpression():
            return _pattern(field, value)
        case SigmaCIDRExpression():
            return {"field": field, "operator": "cidr", "value": str(value.network)}
        case SigmaCompareExpression():
            if value.op not in _COMPARED:
                return {"not": _among(field, [value.number.number, str(value.number)])}
            return {"field": field, "operator": _COMPARED[value.op], "value": value.number.number}
        case SigmaFieldReference():
            return _reference(field, value)
        case SigmaExists():
            return {"field": field, "operator": "exists", "value": value.exists}
        case SigmaNull():
            return {"field": field, "operator": "exists", "value": False}
        case _:
            raise PolicyError(
                f"field {field!r}: a value of the kind {type(value).__name__} is not known"
            )


def _keyword(value: object) -> Json:
    """Return the test for a value that may be anywhere in the event."""
    match value:
        case SigmaExpansion():
            return joined("any", [_keyword(one) for one in value.values])
        case SigmaString():
            case = isinstance(value, SigmaCasedString)
            parts = _parts("a keyword", value)
            while parts and parts[0] is SpecialChars.WILDCARD_MULTI:
                parts = parts[1:]
            while parts and parts[-1] is SpecialChars.WILDCARD_MULTI:
                parts = parts[:-1]
            if not parts:
                raise PolicyError("a keyword without a letter is in every event")
            if len(parts) == 1 and isinstance(parts[0], str):
                return _test(ANYWHERE, "contains", parts[0], case)
            return _test(ANYWHERE, "regex", f"(?s){_glob(parts)}", case)
        case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
            return _test(ANYWHERE, "contains", str(value.number), False)
        case SigmaRegularExpression():
            return _pattern(ANYWHERE, value)
        case SigmaCIDRExpression():
            return {"field": ANYWHERE, "operator": "cidr", "value": str(value.network)}
        case _:
            raise PolicyError(
                f"a keyword of the kind {type(value).__name__} cannot be looked for in all fields"
            )


def _text(field: str, value: SigmaString) -> Json:
    case = isinstance(value, SigmaCasedString)
    parts = _parts(f"field {field!r}", value)
    many = SpecialChars.WILDCARD_MULTI
    match parts:
        case []:
            return _among(field, [""], case)
        case [str(text)]:
            values: list[Any] = [text]
            if _WHOLE.fullmatch(text):
                values.append(int(text))
            if text.lower() in ("true", "false"):
                values.append(text.lower() == "true")
            return _among(field, values, case)
        case [one] if one is many:
            return {"field": field, "operator": "exists", "value": True}
        case [str(text), last] if last is many:
            return _test(field, "startswith", text, case)
        case [first, str(text)] if first is many:
            return _test(field, "endswith", text, case)
        case [first, str(text), last] if first is many and last is many:
            # Of a list, `contains` wants an element that is the text; a pattern is looked for in
            # each element, as Sigma does.
            return _test(field, "regex", _quoted(text), case)
        case _:
            return _test(field, "regex", rf"(?s)\A{_glob(parts)}\z", case)


def _parts(where: str, value: SigmaString) -> list[str | SpecialChars]:
    found: list[str | SpecialChars] = []
    for one in value.s:
        if isinstance(one, Placeholder):
            raise _placeholder(where, one.name)
        found.append(one)
    return found


def _placeholder(where: str, name: str) -> PolicyError:
    return PolicyError(
        f"{where}: %{name}% (modifier expand) stands for values of your site, and none are given"
    )


def _glob(parts: _Parts) -> str:
    made: list[str] = []
    for one in parts:
        match one:
            case str():
                made.append(_quoted(one))
            case SpecialChars.WILDCARD_SINGLE:
                made.append(".")
            case _:
                made.append(".*")
    return "".join(made)


def _quoted(text: str) -> str:
    """Return the pattern of RE2 that is the text."""
    return "".join(
        one if one.isalnum() or one == "_" or ord(one) > 127
        else r"\x00" if one == "\0"
        else f"\\{one}"
        for one in text
    )  # fmt: skip


def _pattern(field: str, value: SigmaRegularExpression) -> Json:
    for one in value.regexp.s:
        if isinstance(one, Placeholder):
            raise _placeholder(f"field {field!r}", one.name)
    flags = "".join(sorted(_FLAGS[one] for one in value.flags if one in _FLAGS))
    source = f"(?{flags}){value.regexp.original}" if flags else value.regexp.original
    return _test(field, "regex", source, SigmaRegularExpressionFlag.IGNORECASE not in value.flags)


def _reference(field: str, value: SigmaFieldReference) -> Json:
    how = {
        (False, False): "eq", (True, False): "startswith", (False, True): "endswith",
        (True, True): "contains",
    }[value.starts_with, value.ends_with]  # fmt: skip
    return {
        "field": field, "operator": how, "value_field": value.field, "case_sensitive": False,
    }  # fmt: skip


def _among(field: str, values: list[Any], case: bool = False) -> Json:
    return _test(field, "in", values, case)


def _test(field: str, operator: str, value: Any, case: bool) -> Json:
    return {"field": field, "operator": operator, "value": value, "case_sensitive": case}
