"""A syntax tree becomes closures: made once, called as often as there are readings.

No code object is made and nothing is evaluated by Python, so that there is nothing to break out
of: a closure can only do what is written here.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from sentinel.errors import ExpressionError, PatternError
from sentinel.expression.functions import FUNCTIONS
from sentinel.expression.parsing import fail, parse
from sentinel.expression.values import ARITHMETIC, Refused, kind_of, member, number, same
from sentinel.regex.matcher import pattern

__all__ = ["Expression", "compile_expression"]

Values = Mapping[str, Any]
Run = Callable[[Values], Any]
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge,
}  # fmt: skip
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}


class Expression:
    """A compiled expression.

    Attributes:
        source: as it was written
        names: the names that it asks for, `labels.mount` as `labels`
    """

    __slots__ = ("_run", "names", "source")

    def __init__(self, source: str, run: Run, names: frozenset[str]) -> None:
        self.source = source
        self._run = run
        self.names = names

    def __call__(self, values: Values) -> Any:
        """Work out the expression.

        Args:
            values: by the names that it asks for

        Returns:
            A number, a text, true, false, a list or None.

        Raises:
            ExpressionError: it cannot be worked out; points at the place
        """
        return self._run(values)

    def holds(self, values: Values) -> bool:
        """Work out whether the expression is true.

        Args:
            values: by the names that it asks for

        Returns:
            Whether it is true. What is unknown, since a value is not there, is not.

        Raises:
            ExpressionError: as in a call, or the answer is neither true nor false
        """
        answer = self._run(values)
        if answer is True or answer is False:
            return answer
        if answer is None:
            return False
        raise ExpressionError(
            f"the expression {self.source!r} answers {kind_of(answer)}, not true or false",
            hint="Compare it with something, for example: … > 0",
        )


def compile_expression(source: str, names: Collection[str] | None = None) -> Expression:
    """Compile an expression, so that it is checked once and worked out often.

    Args:
        source: at most 2,000 characters
        names: what it may ask for; None for anything

    Returns:
        A function of the values.

    Raises:
        ExpressionError: it is none, or asks for what there is not; points at the place
    """
    source = source.strip()
    compiler = _Compiler(source, None if names is None else frozenset(names))
    run = compiler.node(parse(source))
    return Expression(source, run, frozenset(compiler.asked))


class _Compiler:
    """Makes a closure of each node."""

    def __init__(self, source: str, names: frozenset[str] | None) -> None:
        self.source = source
        self.names = names
        self.asked: set[str] = set()

    def node(self, node: ast.expr) -> Run:
        """Return the closure of `node`."""
        match node:
            case ast.Constant(value=value):
                return _constant(value)
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._item(node)
            case ast.BoolOp():
                return self._logic(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self._comparison(node)
            case ast.IfExp():
                test, then, other = (self.node(x) for x in (node.test, node.body, node.orelse))
                truth = self._truth
                return lambda v: then(v) if truth(node.test, test(v)) else other(v)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._list(parts)
            case ast.Call():
                return self._call(node)
            case _:
                raise fail(self.source, node, "this is not part of the language")

    def _fail(self, node: ast.AST, message: str, hint: str = "") -> ExpressionError:
        return fail(self.source, node, message, hint)

    def _name(self, node: ast.Name) -> Run:
        name = node.id
        if name in _CONSTANTS and (self.names is None or name not in self.names):
            return _constant(_CONSTANTS[name])
        if self.names is not None and name not in self.names:
            raise self._unknown(node, name, self.names, "name")
        if self.names is None and name in FUNCTIONS:
            raise self._fail(node, f"{name} is a function; write {FUNCTIONS[name].says}")
        self.asked.add(name)
        return lambda v: v.get(name)

    def _unknown(
        self, node: ast.AST, name: str, known: Collection[str], what: str
    ) -> ExpressionError:
        near = difflib.get_close_matches(name, known, 1, 0.6)
        meant = f"did you mean {near[0]}? " if near else ""
        hint = f"{meant[:1].upper()}{meant[1:]}There are {', '.join(sorted(known))}"
        return self._fail(node, f"there is no {what} {name!r}", hint)

    def _attribute(self, node: ast.Attribute) -> Run:
        inner, name = self.node(node.value), node.attr
        if isinstance(node.value, ast.Constant | ast.List | ast.Tuple):
            raise self._fail(node, f".{name}: only labels and fields have names in them")

        def run(v: Values) -> Any:
            whole = inner(v)
            return cast("Values", whole).get(name) if isinstance(whole, Mapping) else None

        return run

    def _item(self, node: ast.Subscript) -> Run:
        inner, index = self.node(node.value), self.node(node.slice)

        def run(v: Values) -> Any:
            whole, key = inner(v), index(v)
            if isinstance(whole, Mapping) and isinstance(key, str):
                return cast("Values", whole).get(key)
            if isinstance(whole, list | tuple) and type(key) is int:
                parts = cast("list[Any]", whole)
                return parts[key] if -len(parts) <= key < len(parts) else None
            return None

        return run

    def _truth(self, node: ast.AST, value: Any) -> bool:
        if value is True or value is False:
            return value
        if value is None:
            return False
        raise self._fail(
            node, f"this is {kind_of(value)}, not true or false", "Compare it with something"
        )

    def _logic(self, node: ast.BoolOp) -> Run:
        parts = [(one, self.node(one)) for one in node.values]
        truth = self._truth
        if isinstance(node.op, ast.And):
            return lambda v: all(truth(place, run(v)) for place, run in parts)
        return lambda v: any(truth(place, run(v)) for place, run in parts)

    def _unary(self, node: ast.UnaryOp) -> Run:
        inner, place = self.node(node.operand), node.operand
        truth, error = self._truth, self._fail
        if isinstance(node.op, ast.Not):
            return lambda v: not truth(place, inner(v))
        sign = -1 if isinstance(node.op, ast.USub) else 1

        def run(v: Values) -> Any:
            value = inner(v)
            try:
                return None if value is None else sign * number(value)
            except Refused as refused:
                raise error(node, f"the sign {refused}") from None

        return run

    def _arithmetic(self, node: ast.BinOp) -> Run:
        left, right = self.node(node.left), self.node(node.right)
        work, error = ARITHMETIC[type(node.op).__name__], self._fail

        def run(v: Values) -> Any:
            a, b = left(v), right(v)
            if a is None or b is None:
                return None
            try:
                return work(a, b)
            except (Refused, OverflowError) as refused:
                why = str(refused) if isinstance(refused, Refused) else "is too large"
                raise error(node.right, f"this calculation {why}") from None

        return run

    def _comparison(self, node: ast.Compare) -> Run:
        runs = [self.node(one) for one in (node.left, *node.comparators)]
        tests = [
            self._test(op, right) for op, right in zip(node.ops, node.comparators, strict=True)
        ]
        if len(tests) == 1:
            (left, right), test = runs, tests[0]
            return lambda v: test(left(v), right(v))

        def run(v: Values) -> bool:
            before = runs[0](v)
            for test, one in zip(tests, runs[1:], strict=True):
                after = one(v)
                if not test(before, after):
                    return False
                before = after
            return True

        return run

    def _test(self, op: ast.cmpop, right: ast.expr) -> Callable[[Any, Any], bool]:
        error = self._fail
        match op:
            case ast.Eq():
                return same
            case ast.NotEq():
                return lambda a, b: not same(a, b)
            case ast.Is() | ast.IsNot():
                if not isinstance(right, ast.Constant) or right.value is not None:
                    raise self._fail(right, "'is' goes with None only; write ==")
                wanted = isinstance(op, ast.Is)
                return lambda a, _: (a is None) is wanted
            case ast.In() | ast.NotIn():
                wanted = isinstance(op, ast.In)

                def among(a: Any, b: Any) -> bool:
                    try:
                        return member(a, b) is wanted
                    except Refused as refused:
                        raise error(right, f"'in' {refused}") from None

                return among
            case _:
                return self._order(_ORDER[type(op).__name__], right)

    def _order(
        self, work: Callable[[Any, Any], bool], right: ast.expr
    ) -> Callable[[Any, Any], bool]:
        error = self._fail
        numbers = (int, float)

        def ordered(a: object, b: object) -> bool:
            one: object = type(a)
            other: object = type(b)
            if (one in numbers and other in numbers) or (one is str and other is str):
                return work(a, b)
            if a is None or b is None:
                return False
            if any(isinstance(x, bool | list | tuple | Mapping) for x in (a, b)):
                raise error(right, f"{kind_of(a)} and {kind_of(b)} have no order")
            try:
                return bool(work(a, b))
            except TypeError:
                raise error(
                    right,
                    f"{kind_of(a)} cannot be compared with {kind_of(b)}",
                    "Make a number of a text with number(…)",
                ) from None

        return ordered

    def _list(self, parts: list[ast.expr]) -> Run:
        if all(isinstance(one, ast.Constant) for one in parts):
            constant = tuple(cast("ast.Constant", one).value for one in parts)
            return _constant(constant)
        runs = [self.node(one) for one in parts]
        return lambda v: [run(v) for run in runs]

    def _call(self, node: ast.Call) -> Run:
        if not isinstance(node.func, ast.Name):
            raise self._fail(node.func, "only the listed functions can be called")
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._unknown(node.func, name, FUNCTIONS, "function")
        if node.keywords:
            raise self._fail(node.keywords[0], f"{name} takes no named arguments")
        if not function.least <= len(node.args) <= function.most:
            raise self._fail(node, f"{name} is used as {function.says}")
        if name in ("matches", "cidr") and isinstance(node.args[1], ast.Constant):
            self._check_second(name, node.args[1])
        runs, call, error = [self.node(one) for one in node.args], function.call, self._fail

        def run(v: Values) -> Any:
            try:
                return call(*[one(v) for one in runs])
            except Refused as refused:
                raise error(node, f"{name} {refused}") from None

        return run

    def _check_second(self, name: str, node: ast.Constant) -> None:
        """Check a pattern or network that is a constant, once, when the expression is compiled."""
        try:
            if name == "matches":
                pattern(str(node.value))
            else:
                FUNCTIONS["cidr"].call("::", node.value)
        except (PatternError, Refused) as error:
            raise self._fail(node, str(error)) from None


def _constant(value: Any) -> Run:
    return lambda _: value
