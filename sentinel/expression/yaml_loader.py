"""PyYAML's safe loaders, which fail on what cannot be read with errors of YAML alone. Pure.

PyYAML lets the errors of Python through where a value is not of its kind: a `ValueError` of
`2026-02-30`, a `KeyError` of `!!bool x`, an `AttributeError` of `!!timestamp x`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

__all__ = ["MOST_DIGITS", "read_yaml"]

MOST_DIGITS = 300
"""Characters of a value that is no text, such as a number or a time: the time to read a number
grows with their square."""
_TEXT = "tag:yaml.org,2002:str"
_BINARY = "tag:yaml.org,2002:binary"
_MERGE = "tag:yaml.org,2002:merge"
_EQUALS = "tag:yaml.org,2002:value"
_MOST_SHOWN = 60
_MOST_BRACKETS = 100
_TOO_DEEP = "parts lie too deep within each other"
_REFUSED = (ValueError, LookupError, ArithmeticError, AttributeError, TypeError)
"""What the constructors of PyYAML raise for a value that is not of its kind."""


def _unread(node: yaml.Node, what: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)


def _short(name: str) -> str:
    return repr(name if len(name) <= _MOST_SHOWN else f"{name[:_MOST_SHOWN]}...")


class _Constructing:
    """Reads values, each with its place in the error where it cannot be read.

    A name that a mapping has twice is refused, since PyYAML takes the last one without a word.

    Attributes:
        repeated: whether names may repeat
        checked: mappings whose names were compared; once merged, what they merge repeats in them
    """

    repeated: bool
    checked: set[yaml.MappingNode]

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if not self.repeated and node not in self.checked:
            self.checked.add(node)
            self._refuse_repeated(node)
        flattening: Any = super()
        flattening.flatten_mapping(node)

    def _refuse_repeated(self, node: yaml.MappingNode) -> None:
        first: dict[Any, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            name = key.value if key.tag in {_TEXT, _EQUALS} else self.construct_object(key)
            earlier = first.setdefault(name, key)
            if earlier is not key:
                line = earlier.start_mark.line + 1
                raise _unread(key, f"{_short(key.value)} is written twice, first in line {line}")

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        is_value = isinstance(node, yaml.ScalarNode) and node.tag not in {_TEXT, _BINARY}
        if is_value and len(node.value) > MOST_DIGITS:
            raise _unread(node, f"a {_kind(node)} has at most {MOST_DIGITS} characters")
        constructing: Any = super()
        try:
            return constructing.construct_object(node, deep=deep)
        except _REFUSED:
            raise _unread(
                node, f"what is there is no {_kind(node)}; quote it if it is text"
            ) from None


def _kind(node: Any) -> str:
    return {"int": "number", "float": "number", "bool": "boolean", "timestamp": "time"}.get(
        str(node.tag).rpartition(":")[2], "value"
    )


class _Loader(_Constructing, yaml.SafeLoader):
    flow_level: int

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803 - its name
        # Of each bracket the scanner reads 1,024 characters ahead, for whether it begins a name:
        # the time to read brackets within brackets grows with the square of their number.
        scanning: Any = super()
        if self.flow_level >= _MOST_BRACKETS:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=scanning.get_mark())
        scanning.fetch_flow_collection_start(TokenClass)


_LIBYAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FAST: Any = type("_FastLoader", (_Constructing, _LIBYAML), {})


def _anything(_: yaml.Node) -> None:
    pass


def read_yaml(
    text: str,
    *,
    fast: bool = False,
    check: Callable[[yaml.Node], None] = _anything,
    repeated: bool = False,
) -> Any:
    """Read one document as YAML, safely.

    Args:
        text: of it
        fast: with libyaml where there is one, which takes a seventh of the time and has no limit
            of depth
        check: is called with the document before its values are made, and may refuse it
        repeated: takes the last of names that a mapping has twice, for what was stored when they
            were not refused

    Returns:
        Its value; None where it is empty.

    Raises:
        YAMLError: it is no YAML
        MarkedYAMLError: it lies too deep, names something twice, or has a value that is not of
            its kind, with its place and without quoting it
    """
    loader: Any = (_FAST if fast else _Loader)(text)
    loader.repeated, loader.checked = repeated, set()
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        check(node)
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.MarkedYAMLError(problem=_TOO_DEEP) from None
    finally:
        loader.dispose()
