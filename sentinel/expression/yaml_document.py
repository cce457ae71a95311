"""YAML of people: read whole and safely, whatever aliases make of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, cast

import yaml

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_loader import read_yaml
from sentinel.printable import has_controls

__all__ = ["MOST_LETTERS", "MOST_PARTS", "loaded", "written"]

MOST_LETTERS = 2_000_000
"""Characters of a document, also when it is written out: each text as often as aliases of YAML
repeat it, and two for each part on each level, as it is indented."""
MOST_PARTS = 500_000
"""Names and values of a document, each as often as aliases of YAML repeat it."""
_WIDTH = 100
_QUOTED = re.compile(r"(alias|anchor|handle|tag) ['\"].*", re.DOTALL)
"""What PyYAML quotes of a document in an error, which may be a secret that begins with * or !."""


def loaded(text: str, where: str, hint: str, *, known: bool = False) -> dict[str, Any]:
    """Read a document as YAML.

    Args:
        text: of it
        where: what errors call it
        hint: how a document begins, for what is no names and values
        known: whether it was read before; then libyaml reads it where there is one, which takes a
            seventh of the time and has no limit of depth, and it is not measured once more; names
            may repeat, since earlier versions stored such documents

    Returns:
        Its names and values.

    Raises:
        ConfigurationError: it is no YAML, too large, or no names and values; the message quotes
            no value
    """
    if len(text) > MOST_LETTERS:
        raise ConfigurationError(
            f"{where}: {len(text):,} characters are too many; {MOST_LETTERS:,} are allowed"
        )
    try:
        if known:
            given = read_yaml(text, fast=True, repeated=True)
        else:
            given = read_yaml(text, check=_bounding(where))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where}: no YAML: {_problem(error)}") from None
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"{where}: no YAML with names and values",
            hint=hint,
        )
    return cast("dict[str, Any]", given)


def written(given: Any) -> str:
    """Return names and values as YAML that is read back as the same.

    PyYAML writes letters of all scripts only where control characters stand as they are, too, and
    reads U+0085 of such a text as a space. A text that has one is escaped as a whole.

    Args:
        given: names, lists, texts and numbers

    Returns:
        The text, with a line end; names keep their order.
    """
    text = yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=_WIDTH)
    if has_controls(text):
        text = yaml.safe_dump(given, sort_keys=False, width=_WIDTH)
    return text


def _problem(error: yaml.YAMLError) -> str:
    """Return what is wrong with a text that is no YAML, and where, without quoting it."""
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "")
    said = _QUOTED.sub(r"\1", said) or "it cannot be read"
    mark = getattr(error, "problem_mark", None)
    return f"{said}, line {mark.line + 1}, column {mark.column + 1}" if mark is not None else said


def _bounding(where: str) -> Callable[[yaml.Node], None]:
    """Return what refuses a document that aliases make endless, or larger than anybody writes.

    It looks at the nodes, before PyYAML merges mappings (`<<`), which repeats them, too.

    Args:
        where: what errors call it

    Returns:
        The check of `read_yaml`; it raises `ConfigurationError`.
    """

    def check(document: yaml.Node) -> None:
        parts, letters = _size(document, {})
        if parts >= MOST_PARTS:
            raise ConfigurationError(
                f"{where}: there are more than {MOST_PARTS:,} parts, or an alias (*) that holds "
                "itself",
                hint="Write out what YAML's aliases repeat, and leave out what is not needed.",
            )
        if letters > MOST_LETTERS:
            raise ConfigurationError(
                f"{where}: written out without aliases (*), it has more than {MOST_LETTERS:,} "
                "characters",
                hint="Leave out what is not needed.",
            )

    return check


_Size = tuple[int, int]


def _size(node: yaml.Node, known: dict[int, _Size]) -> _Size:
    """Return the parts of a node, and its characters when it is written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1, len(node.value)
    key = id(node)
    if key not in known:
        known[key] = (MOST_PARTS, 0)  # what holds itself is endless
        parts, letters = 1, 0
        for one in _within(node):
            more, longer = _size(one, known)
            parts, letters = parts + more, letters + longer + 2 * more
        known[key] = (min(parts, MOST_PARTS), min(letters, MOST_LETTERS + 1))
    return known[key]


def _within(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return cast("list[yaml.Node]", node.value)
