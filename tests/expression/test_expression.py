"""The language of conditions: what it says, what it refuses, and where it points."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ExpressionError
from sentinel.expression import FUNCTIONS, compile_expression

VALUES: dict[str, Any] = {
    "value": 93.5,
    "unit": "percent",
    "labels": {"mount": "/data", "host": "db-1", "dotted.name": "x"},
    "details": {"free": 12, "tags": ["prod", "eu"], "deep": {"er": 7}, "on": True, "none": None},
}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("value > 90", True),
        ("80 < value <= 93.5", True),
        ("80 < value <= 93", False),
        ("value > 90 and labels.mount != '/tmp'", True),
        ("not (value > 90) or labels.host in ['db-1', 'db-2']", True),
        ("'prod' in details.tags and 'us' not in details.tags", True),
        ("details.deep.er * 2 + 1 == 15", True),
        ("labels['dotted.name'] == 'x'", True),
        ("details.tags[0] == 'prod' and details.tags[9] is None", True),
        ("value / details.free if details.free > 0 else 0", 93.5 / 12),
        ("round(value / 3, 2)", 31.17),
        ("max(value, 100) - min(1, 2)", 99),
        ("matches(labels.host, '^db-\\d+$')", True),
        ("cidr('10.1.2.3', '10.0.0.0/8')", True),
        ("startswith(lower('ABC'), 'ab') and endswith(unit, 'cent')", True),
        ("2 ** 10 == 1024 and 7 // 2 == 3 and 7 % 4 == 3", True),
        ("'a' + 'b' == 'ab'", True),
        ("details.on == true and details.on != 1", True),
        ("details.on in [1, 'a'] or 1 in [true] or details.on not in [true, 2]", False),
        ("details.on in [0, true] and 0 in [false, 0.0]", True),
        ("number('12.5') + 1", 13.5),
        ("number('twelve') is None", True),
        (f"number('{'0' * 500}1x') is None", True),
        (f"matches('{'a' * 1500}!', '^a+$')", False),
        ("default(labels.region, 'eu')", "eu"),
        ("has(labels.region) or has(labels.mount)", True),
        ("len(details.tags) + len(unit)", 9),
        ("text(12) + text(true)", "12true"),
        ("sum([1, 2, value])", 96.5),
        ("-value < +1", True),
        ("'mount' in labels", True),
        ("value >\n 90  # percent\n and true", True),
    ],
)
def test_what_an_expression_says(source: str, says: object):
    assert compile_expression(source, VALUES)(VALUES) == says


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("details.nothing > 3", False),
        ("details.nothing < 3", False),
        ("details.nothing + 3", None),
        ("details.nothing == 3", False),
        ("details.nothing != 3", True),
        ("details.nothing is None and details.none is None", True),
        ("lower(labels.region)", None),
        ("matches(labels.region, 'x')", False),
        ("labels.region in ['eu']", False),
        ("'x' in labels.region", False),
        ("value.real", None),
        ("unit.upper", None),
    ],
)
def test_what_is_not_there_is_nothing_and_true_of_nothing(source: str, says: object):
    assert compile_expression(source, VALUES)(VALUES) is says


@pytest.mark.parametrize(
    ("source", "says", "column"),
    [
        ("valeu > 90", "no name 'valeu'. Did you mean value?", 1),
        ("value > 90 and lenght(unit) > 3", "no function 'lenght'. Did you mean len", 16),
        ("value = 90", "write ==", 1),
        ("value > ", "ends too early", 0),
        ("(value > 1", "do not match", 11),
        ("value > 1)", "do not match", 11),
        ("value >> 3", "'>>' is not part", 1),
        ("value & 3 > 1", "write and", 1),
        ("[x for x in labels]", "comprehension", 1),
        ("value > 1 and (lambda: 1)", "lambda", 16),
        ("().__class__.__bases__", "names do not begin with '_'", 1),
        ("labels.__class__", "names do not begin with '_'", 1),
        ("__import__('os')", "names do not begin with '_'", 1),
        ("unit.upper()", "only the listed functions can be called", 1),
        ("open('x')", "no function 'open'", 1),
        ("'a'.join", "only labels and fields", 1),
        ("f'{value}'", "f-string", 1),
        ("b'x' == 1", "kind bytes", 1),
        ("1j", "kind complex", 1),
        ("1e999", "too large", 1),
        ("99999999999999999999", "too large", 1),
        ("{'a': 1}", "dictionary", 1),
        ("value is 3", "'is' goes with None", 10),
        ("round(value, digits=2)", "no named arguments", 14),
        ("abs()", "is used as abs(x)", 1),
        ("matches(unit, '(a)\\\\1')", "back references", 15),
        ("cidr(unit, '10.0.0.0/99')", "network that is none", 12),
        ("labels.mount == 'é' and nope", "no name 'nope'", 25),
        ("len(*details)", "'*' is not part", 5),
        ("value == ...", "kind ellipsis", 10),
    ],
)
def test_an_invalid_expression_is_refused_pointing_at_the_column(
    source: str, says: str, column: int
):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source, ["value", "unit", "labels", "details"])
    assert says in str(caught.value)
    if column:
        assert caught.value.column == column
        shown, caret = str(caught.value).splitlines()[-2:]
        assert shown.strip() == source
        assert caret.index("^") == 4 + column - 1


@pytest.mark.parametrize(
    ("source", "says", "column"),
    [
        ("value > unit", "a number cannot be compared with a text", 9),
        ("value + unit > 1", "needs a number, got a text", 9),
        ("value / 0 > 1", "divides by zero", 9),
        ("unit * 99999", "needs a number, got a text", 8),
        ("unit % 3", "needs a number", 8),
        ("value and true", "a number, not true or false", 1),
        ("10 ** 999", "too large", 7),
        ("(0 - 8) ** 0.5", "no answer", 12),
        ("-unit", "needs a number", 1),
        ("lower(value)", "needs a text", 1),
        ("sqrt(0 - 1)", "no answer", 1),
        ("3 in value", "looks into a number", 6),
        ("details.tags < details.tags", "have no order", 16),
        ("round(value, 99)", "between -15 and 15", 1),
    ],
)
def test_what_cannot_be_worked_out_says_so_at_the_column(source: str, says: str, column: int):
    expression = compile_expression(source, VALUES)
    with pytest.raises(ExpressionError) as caught:
        expression(VALUES)
    assert says in str(caught.value)
    assert caught.value.column == column


def test_a_condition_must_be_true_or_false_and_nothing_is_false():
    assert compile_expression("details.nothing + 1").holds(VALUES) is False
    with pytest.raises(ExpressionError, match="answers a number"):
        compile_expression("value").holds(VALUES)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 300 + "1" + ")" * 300,
        "-" * 1900 + "1",
        "not " * 400 + "true",
        "+".join(["1"] * 900),
        "[" * 150,
        "value" + ".a" * 900,
        "1 if 1 else " * 150 + "1",
        "1" * 2001,
        "1" * 1999,
        " < ".join(["value"] * 300),
    ],
)
def test_what_is_too_long_or_too_deep_is_refused(source: str):
    with pytest.raises(ExpressionError):
        compile_expression(source)


def test_texts_and_numbers_cannot_grow_without_bound():
    text = compile_expression("+".join(["labels.big"] * 30))
    with pytest.raises(ExpressionError, match="more than 100000 characters"):
        text({"labels": {"big": "x" * 50_000}})
    grown = compile_expression("*".join(["value"] * 30))
    with pytest.raises(ExpressionError, match="too large"):
        grown({"value": 1e300})
    assert math.isfinite(grown({"value": 10**9}))


def test_only_names_that_are_asked_for_are_needed():
    assert compile_expression("labels.mount == details.x").names == {"labels", "details"}


def test_every_function_is_listed_with_how_it_is_used():
    for name, function in FUNCTIONS.items():
        assert function.says.startswith(f"{name}(")


NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)


@given(a=NUMBERS, b=NUMBERS, c=NUMBERS)
def test_arithmetic_and_comparisons_are_pythons(a: float, b: float, c: float):
    values = {"a": a, "b": b, "c": c}
    for source in ("a < b <= c", "a + b * c - a", "a == b or b != c", "not a > b and c >= a"):
        assert compile_expression(source)(values) == eval(source, {}, values)
