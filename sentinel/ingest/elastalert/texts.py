"""Conditions on one field, as queries of Elasticsearch mean them. Pure.

What is analysed there (`match`, `query_string`) is looked for as words without regard to case, what
is not (`term`, a field that ends in `.keyword`) is compared whole.
"""

from __future__ import annotations

import re
from typing import Any

from sentinel.event_policies.fields import ANYWHERE

__all__ = [
    "Json",
    "exact",
    "exists",
    "field_name",
    "globbed",
    "joined",
    "matching",
    "ranged",
    "worded",
]

Json = dict[str, Any]
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_BEFORE = r"(?:^|[^\pL\pN_])"
_AFTER = r"(?:[^\pL\pN_]|$)"


def field_name(name: str) -> str:
    """Return the field of an event that a field of an index is.

    Args:
        name: such as `host.keyword`

    Returns:
        The same without `.keyword` or `.raw`, which are other indexes of one field.
    """
    return re.sub(r"\.(keyword|raw)$", "", name)


def _is_whole(name: str) -> bool:
    return field_name(name) != name


def joined(how: str, clauses: list[Json]) -> Json:
    """Return `all` or `any` of some clauses; a single one as itself."""
    return clauses[0] if len(clauses) == 1 else {how: clauses}


def exists(name: str) -> Json:
    """Return the condition that a field is there."""
    return {"field": field_name(name), "operator": "exists", "value": True}


def exact(name: str, values: list[Any]) -> Json:
    """Return the condition that a field is one of some values, also where it is a number as text.

    Args:
        name: of the field
        values: texts, numbers or booleans

    Returns:
        The clause.
    """
    found: list[Any] = []
    for value in values:
        found += _spellings(value)
    return {"field": field_name(name), "operator": "in", "value": found, "case_sensitive": True}


def _spellings(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [value, str(value).lower()]
    if isinstance(value, int | float):
        return [value, str(value)]
    text = str(value)
    if _NUMBER.fullmatch(text):
        return [text, float(text) if "." in text else int(text)]
    if text in ("true", "false"):
        return [text, text == "true"]
    return [text]


def worded(name: str, text: str) -> Json:
    """Return the condition that a field has some words, one after the other.

    Args:
        name: of the field; empty for every field
        text: words, or a value

    Returns:
        The clause.
    """
    if _is_whole(name):
        return exact(name, [text])
    words = [_quoted(word) for word in text.split()] or [""]
    source = _BEFORE + r"[^\pL\pN_]+".join(words) + _AFTER
    clause = _pattern(name, source, case=False)
    others = [one for one in _spellings(text) if not isinstance(one, str)]
    if not others or not name:
        return clause
    return joined("any", [exact(name, others), clause])


def globbed(name: str, text: str, *, case: bool, whole: bool) -> Json:
    """Return the condition that a field is like a text with wildcards.

    Args:
        name: of the field; empty for every field
        text: with `*` and `?`; a backslash takes their meaning from them
        case: whether A differs from a
        whole: whether all of the field must be like it, or a part between words

    Returns:
        The clause.
    """
    parts: list[str] = []
    for found in re.finditer(r"\\(.)|(\*)|(\?)|([^\\*?]+)", text, re.DOTALL):
        escaped, many, one, plain = found.groups()
        parts.append(".*" if many else "." if one else _quoted(escaped or plain))
    if whole or _is_whole(name):
        return _pattern(name, rf"(?s)\A{''.join(parts)}\z", case=case)
    return _pattern(name, f"(?s){_BEFORE}{''.join(parts)}{_AFTER}", case=case)


def _pattern(name: str, source: str, *, case: bool) -> Json:
    return {
        "field": field_name(name) or ANYWHERE, "operator": "regex", "value": source,
        "case_sensitive": case,
    }  # fmt: skip


def matching(name: str, source: str) -> Json:
    """Return the condition that all of a field matches a pattern of Lucene.

    Args:
        name: of the field; empty for every field
        source: of the pattern

    Returns:
        The clause.
    """
    return _pattern(name, rf"\A(?:{source})\z", case=True)


def ranged(name: str, bounds: dict[str, Any]) -> Json:
    """Return the condition that a field lies between bounds.

    Args:
        name: of the field
        bounds: by gt, gte, lt and lte; numbers, or texts such as moments

    Returns:
        The clause.
    """
    clauses: list[Json] = []
    for how, bound in bounds.items():
        value: Any = bound
        if isinstance(bound, str) and _NUMBER.fullmatch(bound):
            value = float(bound) if "." in bound else int(bound)
        clauses.append({"field": field_name(name), "operator": how, "value": value})
    return joined("all", clauses) if clauses else exists(name)


def _quoted(text: str) -> str:
    """Return the pattern of RE2 that is the text."""
    return "".join(
        one if one.isalnum() or one == "_" or ord(one) > 127
        else r"\x00" if one == "\0"
        else f"\\{one}"
        for one in text
    )  # fmt: skip
