"""PromQL parsed by promql-parser, with what cannot be worked out here refused by name. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
import promql_parser

from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import Matcher, matcher
from sentinel.labels.string_literal import unquoted
from sentinel.metrics.promql.aggregating import AGGREGATIONS
from sentinel.metrics.promql.binary import ARITHMETIC, COMPARING, SETS
from sentinel.metrics.promql.instant import OF_TIME, OF_VALUE, WITH_NUMBERS
from sentinel.metrics.promql.over_time import EXTRAPOLATED, OVER_TIME
from sentinel.metrics.promql.values import NAME, PromqlError

__all__ = [
    "Selector", "bare", "inner_nodes", "metrics_of", "parsed", "selector_of", "texts_of", "walked",
]  # fmt: skip

MOST_LETTERS = 10_000
DEEPEST = 60
FUNCTIONS = frozenset((
    *OVER_TIME, *EXTRAPOLATED, *OF_VALUE, *OF_TIME, *WITH_NUMBERS, "predict_linear",
    "quantile_over_time", "absent", "absent_over_time", "histogram_quantile", "label_join",
    "label_replace", "pi", "scalar", "sort", "sort_desc", "time", "timestamp", "vector",
))  # fmt: skip
"""The functions that can be called."""
OPERATORS = (*ARITHMETIC, *COMPARING, *SETS)
_CODE = "sentinel-regex-"
_STRING = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)"""
_STRINGS = re.compile(
    rf"#[^\n]*|(?P<how>=~|!~)\s*(?P<regex>{_STRING})|(?P<text>{_STRING})", re.DOTALL
)
_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


class Selector(msgspec.Struct, frozen=True):
    """Which series an expression asks for.

    Attributes:
        metric: its name
        pairs: name, operator and text of each matcher, without that of the name
    """

    metric: str
    pairs: tuple[tuple[str, str, str], ...] = ()

    @property
    def matchers(self) -> tuple[str, ...]:
        """The matchers as `sentinel.labels.matchers` reads them."""
        return tuple(
            f"{n}{how}{json.dumps(text, ensure_ascii=False)}" for n, how, text in self.pairs
        )


@lru_cache(maxsize=2000)
def parsed(expr: str) -> Any:
    """Parse an expression.

    Args:
        expr: in PromQL

    Returns:
        Its tree, of classes of promql_parser.

    Raises:
        PromqlError: it cannot be parsed, or has a part that cannot be worked out; names it
    """
    if len(expr) > MOST_LETTERS:
        raise PromqlError(f"{len(expr):,} characters; {MOST_LETTERS:,} are allowed")
    if _depth(expr) > DEEPEST:
        raise PromqlError(f"it is nested more than {DEEPEST} deep")
    try:
        tree = _tree(expr)
    except ValueError as error:
        raise PromqlError(f"no PromQL: {' '.join(str(error).split())}") from None
    for node, _ in walked(tree):
        _check(node)
    return tree


def _tree(expr: str) -> Any:
    r"""Parse what Prometheus takes and promql-parser 0.12 reads otherwise.

    It takes `\` for an escape in backquotes, too, and compiles regexes with Rust's regex crate,
    which refuses some of RE2's, such as `[\w-.]+`; those are parsed in code, and `selector_of`
    decodes them.

    Returns:
        The tree.

    Raises:
        ValueError: it is no PromQL
    """
    expr = _STRINGS.sub(_without_backquotes, expr)
    try:
        return promql_parser.parse(expr)
    except ValueError as error:
        if "illegal regex" not in str(error):
            raise
    return promql_parser.parse(_STRINGS.sub(_coded, expr))


def _without_backquotes(found: re.Match[str]) -> str:
    text = found["regex"] or found["text"] or ""
    if not text.startswith("`"):
        return found[0]
    plain = text[1:-1].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{found["how"] or ""}"{plain}"'


def _coded(found: re.Match[str]) -> str:
    if found["how"] is None:
        return found[0]
    return f'{found["how"]}"{_CODE}{unquoted(found["regex"]).encode().hex()}"'


def _depth(expr: str) -> int:
    """Return how deep brackets and signs are nested, texts included, before a parser recurses."""
    deepest = depth = 0
    for letter in expr:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest


def walked(tree: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """Yield a node and all within it.

    Args:
        tree: of promql_parser
        depth: of the node

    Yields:
        Nodes with their depth.

    Raises:
        PromqlError: it is too deep
    """
    if depth > 200:
        raise PromqlError("it has more than 200 operators in a row")
    yield tree, depth
    for one in inner_nodes(tree):
        yield from walked(one, depth + 1)


def inner_nodes(node: Any) -> list[Any]:
    """Return the nodes right within a node.

    Args:
        node: of promql_parser

    Returns:
        Its operands, arguments or selector.
    """
    match type(node).__name__:
        case "BinaryExpr":
            return [node.lhs, node.rhs]
        case "AggregateExpr":
            return [node.expr, *([] if node.param is None else [node.param])]
        case "Call":
            return list(node.args)
        case "UnaryExpr" | "ParenExpr" | "SubqueryExpr":
            return [node.expr]
        case "MatrixSelector":
            return [node.vector_selector]
        case _:
            return []


def _check(node: Any) -> None:
    match type(node).__name__:
        case "Call":
            if node.func.name not in FUNCTIONS:
                raise PromqlError(f"the function {node.func.name}() is not known")
        case "AggregateExpr":
            if str(node.op) not in AGGREGATIONS:
                raise PromqlError(f"the aggregation {node.op} is not known")
        case "BinaryExpr":
            if str(node.op) not in OPERATORS:
                raise PromqlError(f"the operator {node.op} is not known")
            modifier = node.modifier
            fill = getattr(modifier, "fill_values", None)
            if fill is not None and (fill.lhs is not None or fill.rhs is not None):
                raise PromqlError("fill values of a matching are not known")
        case "VectorSelector":
            if selector_of(node).metric == "ALERTS_FOR_STATE":
                raise PromqlError("ALERTS_FOR_STATE is a state of Prometheus itself")
        case "SubqueryExpr":
            steps = node.range / node.step if node.step else 0
            if steps > 11_000:
                raise PromqlError(f"a subquery of {steps:,.0f} steps; 11,000 are allowed")
        case _:
            pass


def selector_of(node: Any) -> Selector:
    """Return which series a selector asks for.

    Args:
        node: a `VectorSelector` of promql_parser

    Returns:
        The metric, by name, and the other matchers.

    Raises:
        PromqlError: it does not name one metric, or a matcher cannot be used
    """
    if node.matchers.or_matchers:
        raise PromqlError("matchers joined by `or` are not known")
    names = [] if node.name is None else [node.name]
    pairs: list[tuple[str, str, str]] = []
    for one in node.matchers.matchers:
        how = _OPERATORS[str(one.op).rpartition(".")[2]]
        if one.name == NAME:
            if how != "=":
                raise PromqlError(f"a selector names one metric; {NAME}{how} may mean several")
            names.append(one.value)
        else:
            text = one.value
            if text.startswith(_CODE):
                text = bytes.fromhex(text.removeprefix(_CODE)).decode()
            pairs.append((one.name, how, text))
    if len(set(names)) != 1:
        raise PromqlError("a selector names one metric, and this one does not")
    found = Selector(names[0], tuple(pairs))
    for source in found.matchers:
        _usable(source)
    return found


def _usable(source: str) -> Matcher:
    try:
        return matcher(source)
    except ConfigurationError as error:
        raise PromqlError(error.message) from None


def metrics_of(expr: str) -> list[str]:
    """Return the metrics that an expression reads.

    Args:
        expr: in PromQL

    Returns:
        Their names, each once, in order.

    Raises:
        PromqlError: as of `parsed`
    """
    nodes = (node for node, _ in walked(parsed(expr)) if type(node).__name__ == "VectorSelector")
    return list(dict.fromkeys(selector_of(node).metric for node in nodes))


def texts_of(nodes: list[Any]) -> list[str]:
    """Return the texts of arguments that are texts.

    Args:
        nodes: arguments of a call

    Returns:
        As many texts.

    Raises:
        PromqlError: one is no text
    """
    texts = [bare(one) for one in nodes]
    for one in texts:
        if type(one).__name__ != "StringLiteral":
            raise PromqlError("a label's name, pattern or text must be written out")
    return [one.val for one in texts]


def bare(node: Any) -> Any:
    """Return a node without the parentheses around it."""
    while type(node).__name__ == "ParenExpr":
        node = node.expr
    return node
