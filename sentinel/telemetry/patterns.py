"""Patterns of log lines: which lines are written by the same statement of a program. Pure.

The tree is that of P. He, J. Zhu, Z. Zheng and M. R. Lyu, "Drain: An Online Log Parsing Approach
with Fixed Depth Tree" (ICWS 2017): by the number of words, by the first words, then the most
similar template of that leaf. Two things differ. What a line's shape has masked already says
nothing about similarity, so only other words are counted. And lines are looked up first by their
text with each digit as 0, and then by their shape, so that the tree sees new shapes only.

docs/adr/0034-patterns-of-log-lines.md has its accuracy on public logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from sentinel.telemetry.pattern_shape import WILDCARD, rough, shape_of, without_ids

__all__ = ["KNOWN_LINES", "MOST_NEW", "MOST_PATTERNS", "PatternMiner", "StoredPattern"]

MOST_PATTERNS = 1_000
"""Patterns that a miner knows; beyond, it forgets those that were not seen for longest."""
KNOWN_LINES = 8_192
"""Lines and shapes whose pattern is known without looking further."""
MOST_NEW = 2_000
"""Shapes of one call that are looked for in the tree, which takes about a millisecond each."""
_SIMILAR = 0.7
"""Share of the words that are no wildcards in both that must be equal."""
_FIRST_WORDS = 2
_MOST_BRANCHES = 100
"""Different words of one node of the tree; those that come later share a branch."""
_LEAF = "\0"


class StoredPattern(msgspec.Struct, frozen=True):
    """A pattern as it is kept.

    Attributes:
        id: 16 hex digits, of the service and the template as it was first; it stays
        template: words with one space between them, `<*>` for what changes
    """

    id: str
    template: str


class _Pattern:
    """A pattern of the tree; `used` is the round in which it was last seen."""

    __slots__ = ("id", "used", "words")

    def __init__(self, id_: str, words: list[str], used: int) -> None:
        self.id = id_
        self.words = words
        self.used = used


class PatternMiner:
    """Finds the patterns of one service's lines; its memory is bounded.

    Args:
        service: whose lines they are
        known: patterns that `state` returned, in that order
        most: patterns that it knows at a time
    """

    def __init__(
        self, service: str, known: Iterable[StoredPattern] = (), most: int = MOST_PATTERNS
    ) -> None:
        self.service = service
        self._most = most
        self._round = 0
        self._lines: dict[str, _Pattern] = {}
        self._shapes: dict[str, _Pattern] = {}
        self._tree: dict[object, object] = {}
        self._patterns: dict[str, _Pattern] = {}
        self._forgotten: dict[str, str] = {}
        self._new = 0
        for one in known:
            self._plant(_Pattern(one.id, one.template.split(), 0))

    def __len__(self) -> int:
        return len(self._patterns)

    def __contains__(self, pattern_id: str) -> bool:
        return pattern_id in self._patterns

    def ids_of(self, lines: Iterable[str], most_new: int = MOST_NEW) -> list[str]:
        """Return the pattern of each line; lines without a known one make new ones.

        Args:
            lines: texts of any length
            most_new: shapes that are looked for in the tree; those that come later stay without a
                pattern, so that one service that writes nothing but new lines is soon done

        Returns:
            The id of each line's pattern; empty for a line that stays without.
        """
        self._round += 1
        self._new, self._forgotten = most_new, {}
        number, known, found = self._round, self._lines.get, list[str]()
        for line in lines:
            key = rough(line)
            pattern = known(key)
            if pattern is None:
                pattern = self._look_up(key)
                known = self._lines.get
            if pattern is None:
                found.append("")
                continue
            pattern.used = number
            found.append(pattern.id)
        return found

    def template_of(self, pattern_id: str) -> str:
        """Return the template of a pattern as it is now.

        Args:
            pattern_id: from `ids_of`

        Returns:
            Its words, also where it was forgotten since the last `ids_of` began; else empty.
        """
        pattern = self._patterns.get(pattern_id)
        return " ".join(pattern.words) if pattern else self._forgotten.get(pattern_id, "")

    def state(self) -> list[StoredPattern]:
        """Return what a miner needs in order to go on where this one is, in its order."""
        return [StoredPattern(one.id, " ".join(one.words)) for one in self._patterns.values()]

    def _look_up(self, key: str) -> _Pattern | None:
        plain = without_ids(key)
        pattern = self._lines.get(plain)
        if pattern is None:
            shape = shape_of(plain)
            pattern = self._shapes.get(shape)
            if pattern is None:
                if self._new <= 0:
                    return None
                self._new -= 1
                pattern = self._match(shape)
                if len(self._shapes) >= KNOWN_LINES:
                    self._shapes = {}
                self._shapes[shape] = pattern
            if len(self._lines) >= KNOWN_LINES:
                self._lines = {}
            self._lines[plain] = pattern
        return pattern

    def _match(self, shape: str) -> _Pattern:
        words = shape.split()
        leaf = self._leaf(words)
        best: _Pattern | None = None
        most = (False, -1.0, -1)
        for one in leaf:
            likeness = _likeness(one.words, words)
            if likeness is not None and likeness > most:
                most, best = likeness, one
        if best is None:
            return self._create(words)
        best.words = [
            one if one == other else WILDCARD for one, other in zip(best.words, words, strict=True)
        ]
        return best

    def _create(self, words: list[str]) -> _Pattern:
        made = _Pattern(_id_of(self.service, words), words, self._round)
        known = self._patterns.get(made.id)
        if known is not None:  # it has become more general since, and is in another branch
            return known
        if len(self._patterns) >= self._most:
            self._forget()
        self._plant(made)
        return made

    def _plant(self, pattern: _Pattern) -> None:
        self._patterns[pattern.id] = pattern
        self._leaf(pattern.words).append(pattern)

    def _leaf(self, words: list[str]) -> list[_Pattern]:
        """Return the patterns that may match, whose list is made where it is missing."""
        node: dict[object, object] = self._tree.setdefault(len(words), {})  # type: ignore[assignment]  # a node's children are nodes
        for word in words[:_FIRST_WORDS]:
            branch = WILDCARD if WILDCARD in word else word
            if branch not in node and len(node) >= _MOST_BRANCHES:
                branch = WILDCARD
            node = node.setdefault(branch, {})  # type: ignore[assignment]  # as above
        return node.setdefault(_LEAF, [])  # type: ignore[return-value]  # and a leaf has patterns

    def _forget(self) -> None:
        """Forget the tenth of the patterns that was not seen for longest."""
        kept = sorted(self._patterns.values(), key=lambda one: one.used)[-(self._most * 9 // 10) :]
        left = {one.id for one in kept}
        patterns = [one for one in self._patterns.values() if one.id in left]
        self._forgotten |= {
            one.id: " ".join(one.words)
            for one in self._patterns.values()
            if one.id not in left and one.used == self._round
        }
        self._tree, self._patterns, self._lines, self._shapes = {}, {}, {}, {}
        for one in patterns:
            self._plant(one)


def _likeness(template: list[str], words: list[str]) -> tuple[bool, float, int] | None:
    """Return how alike a template and as many words are; None where too little.

    Returns:
        Whether they are equal, the share of equal words, and the wildcards that stand for a word.
    """
    same = wild = both = 0
    for one, other in zip(template, words, strict=True):
        if one == other:
            if WILDCARD in one:
                both += 1
            else:
                same += 1
        elif one == WILDCARD:
            wild += 1
    share = same / max(1, len(words) - both)
    if share >= _SIMILAR or same + wild + both == len(words):
        return same + both == len(words), share, wild
    return None


def _id_of(service: str, words: list[str]) -> str:
    text = f"{service}\0{' '.join(words)}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
