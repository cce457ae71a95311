"""Text becomes a syntax tree that is within bounds, or an error that points at the column.

Python's own parser reads it; everything that is not listed here is refused by kind of node, so
that a newer Python with newer syntax adds nothing.
"""

from __future__ import annotations

import ast
import math
import threading
import warnings

from sentinel.errors import ExpressionError

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "MAX_NODES", "fail", "parse"]

MAX_LENGTH = 2000
MAX_DEPTH = 40
MAX_NODES = 500

_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq, ast.NotEq,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.IfExp, ast.Call,
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Load,
    ast.keyword,
)  # fmt: skip
_WORDS: dict[type[ast.AST], str] = {
    ast.Lambda: "lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.Await: "await",
    ast.NamedExpr: "':='", ast.JoinedStr: "an f-string", ast.Dict: "a dictionary",
    ast.Set: "a set; write a list", ast.Starred: "'*'", ast.Slice: "a slice", ast.Yield: "yield",
    ast.YieldFrom: "yield", ast.BitAnd: "'&'; write and", ast.BitOr: "'|'; write or",
    ast.BitXor: "'^'; for a power write **", ast.LShift: "'<<'", ast.RShift: "'>>'",
    ast.MatMult: "'@'", ast.Invert: "'~'; write not",
}  # fmt: skip
# The parser warns of "\d" by way of a filter that belongs to the whole process.
_one_at_a_time = threading.Lock()


def fail(source: str, node: ast.AST | None, message: str, hint: str = "") -> ExpressionError:
    """Return the error of `message`, pointing at `node`."""
    column = getattr(node, "col_offset", -1) + 1
    line = getattr(node, "lineno", 2) - 1
    if column:  # Python counts bytes, people characters
        lines = source.splitlines() or [""]
        here = lines[min(line, len(lines)) - 1].encode()
        column = len(here[: column - 1].decode(errors="ignore")) + 1
    return ExpressionError(message, source=source, column=column, line=line, hint=hint)


def parse(source: str) -> ast.expr:
    """Parse `source` with Python's grammar, and refuse every node that is not listed.

    Args:
        source: at most `MAX_LENGTH` characters

    Returns:
        The tree, of bounded size.

    Raises:
        ExpressionError: it is no expression, has what is not listed, or is too large
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression {source[:40]!r}… is {len(source)} characters long",
            hint=f"At most {MAX_LENGTH} are allowed; split it into several conditions.",
        )
    source = source.strip()
    if not source:
        raise ExpressionError("the expression is empty", hint="Write for example: value > 90")
    if "\0" in source:
        raise ExpressionError("the expression has a NUL character in it")
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # In brackets, so that it may go over several lines.
            tree = ast.parse(f"(\n{source}\n)", mode="eval").body
    except SyntaxError as error:
        message, column, line = _unreadable(source, error)
        raise ExpressionError(message, source=source, column=column, line=line) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError(
            f"the expression {source[:40]!r} cannot be read: it is nested too deeply, or has a "
            "number or character that Python does not know"
        ) from None
    _check(source, tree)
    return tree


def _unreadable(source: str, error: SyntaxError) -> tuple[str, int, int]:
    """Return the message, column and line of a syntax error, for a language without statements."""
    line, column = (error.lineno or 1) - 1, error.offset or 0
    lines = source.splitlines() or [""]
    ended = line > len(lines) or line < 1
    if ended:  # the bracket around it is where the parser noticed
        line, column = len(lines), len(lines[-1]) + 1
    if "Maybe you meant '=='" in error.msg:
        message = "'=' does not compare; write =="
    elif ended:
        message = "the expression ends too early, or its brackets do not match"
    elif error.msg.startswith("invalid syntax"):
        message = "this cannot be read here"
    else:
        message = error.msg[:200]
    return message, column, line


def _check(source: str, tree: ast.expr) -> None:
    """Refuse what is not listed, too deep or too large; without recursion of its own."""
    stack: list[tuple[ast.AST, int, ast.AST]] = [(tree, 1, tree)]
    count = 0
    while stack:
        node, depth, place = stack.pop()
        if hasattr(node, "col_offset"):
            place = node
            count += 1
        if depth > MAX_DEPTH:
            raise fail(source, place, f"this is nested more than {MAX_DEPTH} deep")
        if count > MAX_NODES:
            raise fail(source, place, f"this expression has more than {MAX_NODES} parts")
        if not isinstance(node, _ALLOWED):
            word = _WORDS.get(type(node), type(node).__name__.lower())
            raise fail(source, place, f"{word} is not part of the language")
        if isinstance(node, ast.Constant):
            _check_constant(source, node)
        if isinstance(node, ast.Name) and node.id.startswith("_"):
            raise fail(source, node, f"{node.id}: names do not begin with '_'")
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise fail(source, node, f".{node.attr}: names do not begin with '_'")
        stack.extend((child, depth + 1, place) for child in ast.iter_child_nodes(node))


def _check_constant(source: str, node: ast.Constant) -> None:
    value = node.value
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise fail(source, node, "this number is too large")
        if isinstance(value, int) and abs(value) > 2**63:
            raise fail(source, node, "this number is too large")
        return
    kind = type(value).__name__
    raise fail(source, node, f"a value of kind {kind} is not part of the language")
