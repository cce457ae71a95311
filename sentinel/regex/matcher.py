"""Regular expressions in time linear in the text, for patterns that people bring.

Python's `re` tries alternatives one after the other, so that `(a+)+$` takes minutes over forty
letters. Here a pattern becomes the positions of Glushkov's automaton ("The abstract theory of
automata", 1961), walked as sets of positions and remembered as states once seen (a lazy DFA, as
in RE2). What cannot be walked that way (back references, looking around) is refused by
`sentinel.regex.parser`, and so is a pattern with more positions than `MAX_POSITIONS`.
"""

from __future__ import annotations

from functools import lru_cache

from sentinel.errors import PatternError
from sentinel.regex.parser import (
    MAX_POSITIONS,
    Alternatives,
    Node,
    One,
    Repeat,
    Sequence,
    ZeroWidth,
    parse,
    required_texts,
)

__all__ = ["MAX_SEARCHED", "Pattern", "PatternError", "pattern"]

MAX_SEARCHED = 10_000
"""Only so many characters of a text are looked at."""
_MAX_STATES = 500
_MAX_CHARACTERS = 2000
_NOTHING, _OTHER, _WORD = 0, 1, 2


class _State(dict[str, "_State"]):
    """Which positions may come next, and where each character seen so far led.

    `over` is the answer where it is settled already, None where the text must be read on.
    """

    __slots__ = ("before", "ends", "frontier", "of", "over")

    def __init__(self, of: Pattern, frontier: int, before: int, over: bool | None) -> None:
        super().__init__()
        self.of = of
        self.frontier = frontier
        self.before = before
        self.over = over
        self.ends: bool | None = None

    def __missing__(self, character: str) -> _State:
        return self.of.step(self, character)


class Pattern:
    r"""A compiled pattern; asks only whether a text has it anywhere in it.

    Args:
        source: at most 500 characters: literals, `.`, classes, `\d \w \s \b` and their
            opposites, `^ $ \A \Z`, groups, `|`, `* + ? {m,n}`; flags `(?i)` and `(?s)` in front.
            `$` is the end of the text, without Python's exception for a last newline
        ignore_case: as `(?i)`

    Raises:
        PatternError: it is none, is too large, or asks for what cannot be had in linear time
    """

    def __init__(self, source: str, *, ignore_case: bool = False) -> None:
        self.source = source
        parsed = parse(source, ignore_case=ignore_case)
        self.ignore_case = parsed.ignore_case
        self.required = required_texts(parsed.tree)
        """Texts that every match has in it, in lower case where case is ignored; may be none."""
        self._longest = max(self.required, key=len, default="")
        self._positions: list[One | ZeroWidth] = []
        self._follow: list[int] = []
        self._always, self._first, self._last = self._build(parsed.tree)
        self._zero: list[tuple[int, str]] = [
            (1 << place, one.kind)
            for place, one in enumerate(self._positions)
            if isinstance(one, ZeroWidth)
        ]
        self._begins = sum(bit for bit, kind in self._zero if kind == "begin")
        self._words = any(kind in ("boundary", "inside") for _, kind in self._zero)
        self._masks: dict[str, int] = {}
        self._states: dict[tuple[int, int], _State] = {}
        self._hit = _State(self, 0, _OTHER, True)
        self._dead = _State(self, 0, _OTHER, False)
        self._start = _State(self, self._first, _NOTHING, True if self._always else None)

    def search(self, text: str) -> bool:
        """Whether the pattern is anywhere in the first `MAX_SEARCHED` characters of `text`."""
        required = self._longest
        if required and not self.ignore_case:
            if required not in text:
                return False
        elif required and text.isascii() and required not in text.lower():
            return False
        state = self._start
        if state.over is not None:
            return state.over
        for character in text if len(text) <= MAX_SEARCHED else text[:MAX_SEARCHED]:
            state = state[character]
            if state.over is not None:
                return state.over
        if state.ends is None:
            state.ends = self._closed(state.frontier, state.before, _NOTHING) is None
        return state.ends

    def step(self, state: _State, character: str) -> _State:
        """Return the state after `character`, remembered for the next time."""
        after = _WORD if self._words and _is_word(character) else _OTHER
        frontier = self._closed(state.frontier, state.before, after)
        if frontier is None:
            found = self._hit
        else:
            taken = frontier & self._mask(character)
            if taken & self._last:
                found = self._hit
            else:
                following = (self._first | self._following(taken)) & ~self._begins
                found = self._known(following, after)
        state[character] = found
        return found

    def _known(self, frontier: int, before: int) -> _State:
        if not frontier:
            return self._dead
        known = self._states.get((frontier, before))
        if known is None:
            if len(self._states) >= _MAX_STATES:
                for old in self._states.values():
                    old.clear()
                self._start.clear()
                self._states.clear()
            known = self._states[frontier, before] = _State(self, frontier, before, None)
        elif len(known) >= _MAX_CHARACTERS:
            known.clear()
        return known

    def _closed(self, frontier: int, before: int, after: int) -> int | None:
        """The frontier with what follows zero-width positions; None where that is a match."""
        if not self._zero:
            return frontier
        passed = 0
        while True:
            now = 0
            for bit, kind in self._zero:
                if frontier & bit and not passed & bit and _holds(kind, before, after):
                    now |= bit
            if not now:
                return frontier
            if now & self._last:
                return None
            passed |= now
            frontier |= self._following(now)

    def _following(self, taken: int) -> int:
        found = 0
        while taken:
            lowest = taken & -taken
            found |= self._follow[lowest.bit_length() - 1]
            taken ^= lowest
        return found

    def _mask(self, character: str) -> int:
        """Return the positions that take `character`."""
        mask = self._masks.get(character)
        if mask is None:
            mask = sum(
                1 << place
                for place, one in enumerate(self._positions)
                if isinstance(one, One) and one.takes(character)
            )
            if len(self._masks) >= _MAX_CHARACTERS:
                self._masks.clear()
            self._masks[character] = mask
        return mask

    def _build(self, node: Node) -> tuple[bool, int, int]:
        """Return whether `node` may be empty, and the positions it may begin and end with."""
        match node:
            case One() | ZeroWidth():
                if len(self._positions) >= MAX_POSITIONS:
                    raise PatternError(
                        f"the pattern {self.source!r:.80} is too large: repetitions written out, "
                        f"it has more than {MAX_POSITIONS} characters",
                        hint="Repeat less, or split it into two conditions.",
                    )
                bit = 1 << len(self._positions)
                self._positions.append(node)
                self._follow.append(0)
                return False, bit, bit
            case Alternatives():
                empty, first, last = False, 0, 0
                for one in node.choices:
                    its_empty, its_first, its_last = self._build(one)
                    empty, first, last = empty or its_empty, first | its_first, last | its_last
                return empty, first, last
            case Sequence():
                return self._joined(node.parts)
            case Repeat():
                return self._repeated(node)

    def _joined(self, parts: tuple[Node, ...]) -> tuple[bool, int, int]:
        empty, first, last = True, 0, 0
        for one in parts:
            its_empty, its_first, its_last = self._build(one)
            self._link(last, its_first)
            first = first | its_first if empty else first
            last = last | its_last if its_empty else its_last
            empty = empty and its_empty
        return empty, first, last

    def _repeated(self, node: Repeat) -> tuple[bool, int, int]:
        empty, first, last = True, 0, 0
        copies = max(node.least, 1) if node.most is None else node.most
        for number in range(copies):
            its_empty, its_first, its_last = self._build(node.body)
            optional = its_empty or number >= node.least
            if node.most is None and number == copies - 1:
                self._link(its_last, its_first)
            self._link(last, its_first)
            first = first | its_first if empty else first
            last = last | its_last if optional else its_last
            empty = empty and optional
        return empty, first, last

    def _link(self, from_: int, to: int) -> None:
        while from_:
            lowest = from_ & -from_
            self._follow[lowest.bit_length() - 1] |= to
            from_ ^= lowest


def _holds(kind: str, before: int, after: int) -> bool:
    match kind:
        case "begin":
            return before == _NOTHING
        case "end":
            return after == _NOTHING
        case "boundary":
            return (before == _WORD) != (after == _WORD)
        case _:
            return (before == _WORD) == (after == _WORD)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


@lru_cache(maxsize=1000)
def pattern(source: str, ignore_case: bool = False) -> Pattern:
    """Compile a pattern, or return the one that was compiled before.

    Args:
        source: the regular expression
        ignore_case: whether upper and lower case are the same

    Returns:
        The pattern, the same object for the same arguments.

    Raises:
        PatternError: see `Pattern`
    """
    return Pattern(source, ignore_case=ignore_case)
