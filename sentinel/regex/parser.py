"""Reading a regular expression: what it may hold, and its tree. See `sentinel.regex.matcher`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.errors import PatternError

__all__ = [
    "MAX_LENGTH",
    "MAX_POSITIONS",
    "Alternatives",
    "Node",
    "One",
    "Parsed",
    "PatternError",
    "Repeat",
    "Sequence",
    "ZeroWidth",
    "parse",
    "required_texts",
]

MAX_LENGTH = 500
MAX_POSITIONS = 300
_MAX_DEPTH = 30
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
}
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_ZERO = {"b": "boundary", "B": "inside", "A": "begin", "Z": "end", "z": "end"}
_HEXES = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True)
class One:
    """A position that takes one character; `text` where it is a plain one."""

    test: Callable[[str], bool]
    ignore_case: bool
    text: str = ""

    def takes(self, character: str) -> bool:
        """Return whether it takes `character`."""
        if self.test(character):
            return True
        return self.ignore_case and (self.test(character.lower()) or self.test(character.upper()))


@dataclass(frozen=True)
class ZeroWidth:
    """A place between two characters: begin, end, boundary or inside."""

    kind: str


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alternatives:
    """Any of them."""

    choices: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """`body` from `least` to `most` times; None for without end."""

    body: Node
    least: int
    most: int | None


Node = One | ZeroWidth | Sequence | Alternatives | Repeat


@dataclass(frozen=True)
class Parsed:
    """The tree, and whether case is ignored."""

    tree: Node
    ignore_case: bool


def parse(source: str, *, ignore_case: bool = False) -> Parsed:
    """Parse a regular expression.

    Args:
        source: at most `MAX_LENGTH` characters
        ignore_case: whether upper and lower case are the same; `(?i)` in it says so too

    Returns:
        Its tree, and whether case is ignored.

    Raises:
        PatternError: it is no pattern, or one that is refused; names the column
    """
    if len(source) > MAX_LENGTH:
        raise PatternError(
            f"the pattern {source[:40]!r}… is {len(source)} characters long; "
            f"{MAX_LENGTH} are allowed"
        )
    reader = _Reader(source, ignore_case)
    tree = reader.alternatives(0)
    if reader.at < len(source):
        reader.refuse("nothing opens this ')'")
    return Parsed(tree, reader.ignore_case)


def required_texts(tree: Node) -> tuple[str, ...]:
    """Return the runs of plain characters that every match has in it; in ASCII only."""
    runs: list[str] = []
    run = ""
    for one in (*_mandatory(tree), None):
        if one is not None and one.text:
            run += one.text.lower() if one.ignore_case else one.text
            continue
        # Lower case of ASCII is a matter of one letter each; of others it may not be.
        if run and run.isascii():
            runs.append(run)
        run = ""
    return tuple(runs)


def _mandatory(node: Node) -> list[One | None]:
    """Return the characters that must come, in their order; None where a run breaks."""
    match node:
        case One():
            return [node]
        case ZeroWidth():
            return []
        case Sequence():
            return [one for part in node.parts for one in _mandatory(part)]
        case Alternatives():
            return _mandatory(node.choices[0]) if len(node.choices) == 1 else [None]
        case Repeat():
            if node.least == 0:
                return [None]
            body = _mandatory(node.body)
            return body if node.most == 1 else [None, *body, None]


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, source: str, ignore_case: bool) -> None:
        self.source = source
        self.at = 0
        self.ignore_case = ignore_case
        self.dot_all = False

    def refuse(self, why: str, at: int | None = None) -> None:
        place = self.at if at is None else at
        raise PatternError(
            f"the pattern {self.source!r:.200} cannot be used: {why}, at column {place + 1}"
        )

    def _peek(self) -> str:
        return self.source[self.at] if self.at < len(self.source) else ""

    def _next(self) -> str:
        if self.at >= len(self.source):
            self.refuse("it ends too early")
        self.at += 1
        return self.source[self.at - 1]

    def alternatives(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            self.refuse(f"its groups are nested more than {_MAX_DEPTH} deep")
        if depth == 0:
            self._flags()
        choices = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            choices.append(self._sequence(depth))
        return choices[0] if len(choices) == 1 else Alternatives(tuple(choices))

    def _flags(self) -> None:
        while self.source.startswith("(?", self.at):
            end = self.source.find(")", self.at)
            letters = self.source[self.at + 2 : end]
            if end < 0 or not letters or not letters.isalpha():
                return
            for letter in letters:
                if letter not in "is":
                    self.refuse(f"the flag {letter!r} is not known here; i and s are")
            self.ignore_case = self.ignore_case or "i" in letters
            self.dot_all = self.dot_all or "s" in letters
            self.at = end + 1

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._counted(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _counted(self, body: Node) -> Node:
        counts = self._counts()
        if counts is None:
            return body
        if self._peek() == "?":
            self.at += 1  # lazy: the same texts match
        elif self._peek() == "+":
            self.refuse("possessive repetition is not known here")
        before = self.at
        if self._counts() is not None:
            self.refuse("a repetition of a repetition; put the first in a group", before)
        return Repeat(body, *counts)

    def _counts(self) -> tuple[int, int | None] | None:
        match self._peek():
            case "*":
                found: tuple[int, int | None] = (0, None)
            case "+":
                found = (1, None)
            case "?":
                found = (0, 1)
            case "{":
                return self._braces()
            case _:
                return None
        self.at += 1
        return found

    def _braces(self) -> tuple[int, int | None] | None:
        end = self.source.find("}", self.at)
        low, comma, high = self.source[self.at + 1 : max(end, 0)].partition(",")
        numbers = [one for one in (low, high) if one]
        if end < 0 or not numbers or not all(n.isascii() and n.isdecimal() for n in numbers):
            return None  # a plain brace, as in Python
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > MAX_POSITIONS:
            self.refuse(f"it repeats more than {MAX_POSITIONS} times")
        if most is not None and most < least:
            self.refuse("the second number is smaller than the first")
        self.at = end + 1
        return least, most

    def _atom(self, depth: int) -> Node:
        start = self.at
        character = self._next()
        match character:
            case "(":
                return self._group(depth, start)
            case "[":
                return self._class(start)
            case ".":
                dot_all = self.dot_all
                return One(lambda c: dot_all or c != "\n", False)
            case "^":
                return ZeroWidth("begin")
            case "$":
                return ZeroWidth("end")
            case "*" | "+" | "?":
                self.refuse("there is nothing to repeat", start)
            case "\\":
                return self._escaped(start)
            case _:
                pass
        return self._plain(character)

    def _group(self, depth: int, start: int) -> Node:
        if self._peek() == "?":
            self.at += 1
            kind = self._next()
            if kind == "P" and self._peek() == "<":
                end = self.source.find(">", self.at)
                if end < 0 or not self.source[self.at + 1 : end].isidentifier():
                    self.refuse("the group's name is not usable", start)
                self.at = end + 1
            elif kind != ":":
                self.refuse(
                    "only (…), (?:…) and (?P<name>…) are known here; looking around, back "
                    "references and flags inside take unbounded time",
                    start,
                )
        node = self.alternatives(depth + 1)
        if self._peek() != ")":
            self.refuse("this '(' is not closed", start)
        self.at += 1
        return node

    def _escaped(self, start: int) -> Node:
        letter = self._next()
        if letter in _ZERO:
            return ZeroWidth(_ZERO[letter])
        if letter.lower() in _CLASSES:
            return One(_class_test(letter), False)
        return self._plain(self._character(letter, start))

    def _character(self, letter: str, start: int) -> str:
        r"""Return the character that `\letter` stands for."""
        if letter in _HEXES:
            digits = self.source[self.at : self.at + _HEXES[letter]]
            try:
                if len(digits) < _HEXES[letter]:
                    raise ValueError
                code = chr(int(digits, 16))
            except (ValueError, OverflowError):
                self.refuse(f"'\\{letter}' needs {_HEXES[letter]} hexadecimal digits", start)
                raise
            self.at += len(digits)
            return code
        if letter in _PLAIN:
            return _PLAIN[letter]
        if letter.isascii() and letter.isdecimal():
            self.refuse("back references are not known here: they take unbounded time", start)
        if letter.isascii() and letter.isalpha():
            self.refuse(f"'\\{letter}' is not known here", start)
        return letter

    def _plain(self, character: str) -> One:
        return One(character.__eq__, self.ignore_case, character)

    def _class(self, start: int) -> Node:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        tests: list[Callable[[str], bool]] = []
        singles: set[str] = set()
        first = True
        while self._peek() != "]" or first:
            first = False
            if not self._peek():
                self.refuse("this '[' is not closed", start)
            low = self._member()
            if not isinstance(low, str):
                tests.append(low)
                continue
            if self._peek() == "-" and self.source[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._member()
                if not isinstance(high, str) or high < low:
                    self.refuse("this range goes backwards or has no end", start)
                    continue
                tests.append(_range_test(low, high))
            else:
                singles.add(low)
        self.at += 1
        return One(_union(singles, tests, negated, self.ignore_case), False)

    def _member(self) -> str | Callable[[str], bool]:
        start = self.at
        character = self._next()
        if character != "\\":
            return character
        letter = self._next()
        if letter.lower() in _CLASSES:
            return _class_test(letter)
        return "\b" if letter == "b" else self._character(letter, start)


def _class_test(letter: str) -> Callable[[str], bool]:
    test = _CLASSES[letter.lower()]
    return test if letter.islower() else (lambda c: not test(c))


def _range_test(low: str, high: str) -> Callable[[str], bool]:
    return lambda c: low <= c <= high


def _union(
    singles: set[str], tests: list[Callable[[str], bool]], negated: bool, ignore_case: bool
) -> Callable[[str], bool]:
    def has(c: str) -> bool:
        return c in singles or any(test(c) for test in tests)

    def takes(c: str) -> bool:
        found = has(c) or (ignore_case and (has(c.lower()) or has(c.upper())))
        return found != negated

    return takes
