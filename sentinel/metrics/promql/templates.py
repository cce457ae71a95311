"""Labels and annotations of Prometheus' rules, with the labels and the value filled in. Pure.

A part of Go's text/template (https://prometheus.io/docs/prometheus/latest/configuration/
template_reference/): labels, the value, functions that write numbers, `if`, `with`, `eq` and such.
Queries, loops and templates of templates are refused. Since Prefect takes `{{` in parameters for a
template of its own, the delimiters here are `[[` and `]]`; `of_prometheus` translates.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec

from sentinel.metrics.promql.go_numbers import (
    formatted,
    humanize,
    humanize_1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    shortest,
)
from sentinel.metrics.promql.values import PromqlError

__all__ = ["Data", "of_prometheus", "rendered", "template"]

_ACTION = re.compile(r"\[\[(-\s)?(.*?)(\s-)?\]\]", re.S)
_THEIRS = re.compile(r"\{\{(.*?)\}\}", re.S)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"""
    r"""|(?P<name>\$?\.?[A-Za-z_][\w.]*|\$|\.)|(?P<sign>[|()]))""",
    re.ASCII,
)
_ROOTS = {
    "$labels": "labels", ".Labels": "labels", "$value": "value", ".Value": "value",
    "$externalLabels": "external", ".ExternalLabels": "external",
}  # fmt: skip


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may ask for.

    Attributes:
        labels: of the series
        value: of the expression
        external: labels that a Prometheus adds to all it sends
        dot: what `.` is within `with`
    """

    labels: Mapping[str, str]
    value: float
    external: Mapping[str, str] = {}
    dot: float | str | bool = ""


class _Every(dict[str, str]):
    """Labels that are all there, to try a template out."""

    def get(self, key: str, default: Any = None, /) -> str:
        return "x"


_Given = float | str | bool
_Ask = Callable[[Data], Any]
_Write = Callable[[Data], str]


def _number(given: _Given) -> float:
    if isinstance(given, str):
        try:
            return float(given)
        except ValueError:
            raise PromqlError(f"{given!r:.60} is no number") from None
    return float(given)


def _text(given: _Given) -> str:
    if not isinstance(given, str):
        raise PromqlError("a text is needed, and this is a number")
    return given


def _titled(text: str) -> str:
    return re.sub(r"(?:^|(?<=[^\w']))\w", lambda one: one[0].upper(), text)


def _equal(*given: _Given) -> bool:
    if len(given) < 2 or len({type(one) for one in given}) != 1:
        raise PromqlError("eq and ne compare two of a kind: a value with 1.0, a label with a text")
    return any(given[0] == one for one in given[1:])


def _printf(*given: _Given) -> str:
    try:
        return formatted(_text(given[0]), [g for g in given[1:] if isinstance(g, float | str)])
    except ValueError as error:
        raise PromqlError(f"printf: {error}") from None


def _written(given: _Given) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    return given if isinstance(given, str) else shortest(float(given))


def _of_number(work: Callable[[float], str]) -> Callable[..., _Given]:
    def call(given: _Given) -> str:
        return work(_number(given))

    return call


def _of_text(work: Callable[[str], str]) -> Callable[..., _Given]:
    def call(given: _Given) -> str:
        return work(_text(given))

    return call


def _unequal(one: _Given, other: _Given) -> bool:
    return not _equal(one, other)


def _and(*given: _Given) -> _Given:
    return next((one for one in given if not one), given[-1])


def _or(*given: _Given) -> _Given:
    return next((one for one in given if one), given[-1])


_FUNCTIONS: dict[str, Callable[..., _Given]] = {
    "humanize": _of_number(humanize), "humanize1024": _of_number(humanize_1024),
    "humanizeDuration": _of_number(humanize_duration),
    "humanizePercentage": _of_number(humanize_percentage),
    "humanizeTimestamp": _of_number(humanize_timestamp),
    "title": _of_text(_titled), "toUpper": _of_text(str.upper), "toLower": _of_text(str.lower),
    "safeHtml": _of_text(str), "printf": _printf, "print": _written,
    "eq": _equal, "ne": _unequal, "not": operator.not_, "and": _and, "or": _or,
}  # fmt: skip


def of_prometheus(text: str) -> str:
    """Translate a template's delimiters.

    Args:
        text: with `{{ … }}`

    Returns:
        The same with `[[ … ]]`.

    Raises:
        PromqlError: it has `[[`, or a `{{` that is not closed
    """
    if "[[" in text or "]]" in text:
        raise PromqlError("a text with [[ or ]] cannot be told from a template")
    found = _THEIRS.sub(lambda one: f"[[{one[1]}]]", text)
    if "{{" in found or "}}" in found:
        raise PromqlError("a template {{ is not closed")
    return found


def rendered(text: str, data: Data) -> str:
    """Fill a template in.

    Args:
        text: with `[[ … ]]`
        data: labels and value

    Returns:
        The text.

    Raises:
        PromqlError: it is no template, or cannot be filled in with these values
    """
    return template(text)(data)


@lru_cache(maxsize=5000)
def template(text: str) -> _Write:
    """Parse a template, and try it out once.

    Args:
        text: with `[[ … ]]`

    Returns:
        What fills it in.

    Raises:
        PromqlError: it asks for what is not known; names it
    """
    reader = _Reader(text)
    write = reader.block(())
    write(Data(labels={}, value=1.0))
    write(Data(labels=_Every(), value=1.0, external=_Every()))
    return write


class _Reader:
    """Reads a template from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.parts: list[tuple[str, bool]] = []
        place, trim = 0, False
        for found in _ACTION.finditer(text):
            before = text[place : found.start()]
            before = before.lstrip() if trim else before
            self.parts.append((before.rstrip() if found[1] else before, False))
            self.parts.append((found[2].strip(), True))
            place, trim = found.end(), bool(found[3])
        rest = text[place:]
        self.parts.append((rest.lstrip() if trim else rest, False))
        self.place = 0
        self.ended = ""

    def block(self, ends: Sequence[str]) -> _Write:
        """Read up to one of some words, or to the end of the text."""
        writes: list[_Write] = []
        while self.place < len(self.parts):
            part, action = self.parts[self.place]
            self.place += 1
            if not action:
                writes.append(_constant(part))
                continue
            if part.startswith("/*"):
                continue
            word = part.split(None, 1)[0] if part else ""
            if word in ends:
                self.ended = part
                return _joined(writes)
            if word == "if":
                writes.append(self._choice(part[2:]))
            elif word == "with":
                writes.append(self._with(part[4:]))
            elif word in ("else", "end"):
                raise PromqlError(f"a template has {word} without if")
            elif word in ("range", "define", "template", "block", "break", "continue"):
                raise PromqlError(f"a template with {word} is not known")
            else:
                ask = _pipeline(part)
                writes.append(lambda data, ask=ask: _written(ask(data)))
        if ends:
            raise PromqlError("a template has if or with without end")
        return _joined(writes)

    def _with(self, given: str) -> _Write:
        ask = _pipeline(given)
        yes = self.block(("else", "end"))
        no: _Write = _constant("")
        if self.ended == "else":
            no = self.block(("end",))
        elif self.ended != "end":
            raise PromqlError(f"a template with {self.ended} within with is not known")

        def write(data: Data) -> str:
            dot = ask(data)
            return yes(msgspec.structs.replace(data, dot=dot)) if dot else no(data)

        return write

    def _choice(self, condition: str) -> _Write:
        ask = _pipeline(condition)
        yes = self.block(("else", "end"))
        no: _Write = _constant("")
        if self.ended.startswith("else"):
            rest = self.ended[4:].strip()
            if rest and not rest.startswith("if"):
                raise PromqlError(f"a template with else {rest} is not known")
            no = self._choice(rest[2:]) if rest else self.block(("end",))
        return lambda data: yes(data) if ask(data) else no(data)


def _constant(text: str) -> _Write:
    return lambda _: text


def _joined(writes: Sequence[_Write]) -> _Write:
    return lambda data: "".join([write(data) for write in writes])


def _pipeline(source: str) -> _Ask:
    tokens: list[tuple[str, str]] = []
    place = 0
    while source[place:].strip():
        found = _TOKEN.match(source, place)
        if found is None:
            raise PromqlError(f"a template with {source.strip()!r:.80} is not known")
        tokens.append((str(found.lastgroup), found[found.lastgroup or 0]))
        place = found.end()
    if not tokens:
        raise PromqlError("a template is empty")
    ask = _piped(tokens)
    if tokens:
        raise PromqlError(f"a template with {source.strip()!r:.80} is not known")
    return ask


def _piped(tokens: list[tuple[str, str]]) -> _Ask:
    """Take a pipeline off the front of the tokens: commands, each given what the last one gave."""
    ask = _command(tokens, None)
    while tokens and tokens[0] == ("sign", "|"):
        tokens.pop(0)
        ask = _command(tokens, ask)
    return ask


def _command(tokens: list[tuple[str, str]], last: _Ask | None) -> _Ask:
    if not tokens or tokens[0][1] in ("|", ")"):
        raise PromqlError("a template has nothing where a value should be")
    kind, text = tokens[0]
    if kind == "name" and text[0] not in "$.":
        tokens.pop(0)
        given = _operands(tokens)
        if last is not None:
            given.append(last)
        return _index(given) if text == "index" else _called(text, given)
    given = _operands(tokens)
    if len(given) != 1 or last is not None:
        raise PromqlError("a template gives arguments to what is no function")
    return given[0]


def _operands(tokens: list[tuple[str, str]]) -> list[_Ask]:
    given: list[_Ask] = []
    while tokens and tokens[0][1] not in ("|", ")"):
        given.append(_operand(tokens))
    return given


def _operand(tokens: list[tuple[str, str]]) -> _Ask:
    kind, text = tokens.pop(0)
    match kind:
        case "text":
            try:
                plain = text[1:-1] if text[0] == "`" else json.loads(text)
            except json.JSONDecodeError:
                raise PromqlError(f"a template's text {text!r:.60} cannot be read") from None
            return lambda _: plain
        case "number":
            number = float(text)
            if "." not in text and "e" not in text.lower():
                raise PromqlError(f"{text} is a whole number, and values are not; write {text}.0")
            return lambda _: number
        case "sign":
            ask = _piped(tokens)
            if not tokens or tokens.pop(0)[1] != ")":
                raise PromqlError("a template has a bracket that is not closed")
            return ask
        case _:
            return _field(text)


def _field(path: str) -> _Ask:
    if path == ".":
        return lambda data: data.dot
    for root, what in _ROOTS.items():
        if path == root:
            return lambda data: getattr(data, what)
        if path.startswith(f"{root}.") and what != "value":
            name = path[len(root) + 1 :]
            if "." in name:
                break
            return lambda data: getattr(data, what).get(name, "")
    raise PromqlError(f"a template asks for {path}, which is not known")


def _index(given: Sequence[_Ask]) -> _Ask:
    if len(given) != 2:
        raise PromqlError("index takes labels and a name")
    of, name = given

    def call(data: Data) -> str:
        found = of(data)
        if not isinstance(found, Mapping):
            raise PromqlError("index takes labels and a name")
        return cast("Mapping[str, str]", found).get(_text(name(data)), "")

    return call


def _called(name: str, given: Sequence[_Ask]) -> _Ask:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise PromqlError(f"a template calls {name}, which is not known")

    def call(data: Data) -> _Given:
        try:
            return function(*(one(data) for one in given))
        except (TypeError, IndexError):
            raise PromqlError(f"{name} has too few or too many arguments") from None

    return call
