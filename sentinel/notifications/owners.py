"""Whose an alert is: by its rule, its labels, tags of Prefect, or a list of patterns. Pure.

The list is written as GitHub's CODEOWNERS is: a pattern and an owner on each line, and the last
line that matches decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import cast

import msgspec

from sentinel.rules.rule import Rule

__all__ = ["NO_FACTS", "Facts", "Owned", "Owners", "facts_about", "tagged_owner"]

_POOL = "pool:"
_MOST_LINES = 10_000


class Facts(msgspec.Struct, frozen=True):
    """What Prefect says of whose an alert is: an owner in tags, and a work pool; empty for none."""

    owner: str = ""
    work_pool: str = ""


NO_FACTS = Facts()


class Owned(msgspec.Struct, frozen=True):
    """An owner, empty for nobody, and what says so: rule, label, tag, the pattern, or nothing."""

    owner: str
    by: str


def tagged_owner(tags: object) -> str:
    """Return the owner that tags name, as `owner:team-x`; empty for none."""
    if not isinstance(tags, list | tuple | set | frozenset):
        return ""
    for tag in cast("Iterable[object]", tags):
        if isinstance(tag, str) and tag.startswith("owner:"):
            return tag.removeprefix("owner:").strip()[:100]
    return ""


def facts_about(tags: object, work_pool: object, otherwise: Facts) -> Facts:
    """Return what Prefect says of whose an alert is.

    Args:
        tags: of the deployment that its reading is about, if any
        work_pool: of the same
        otherwise: of the deployment of its rule, which count where the reading says nothing

    Returns:
        The facts.
    """
    return Facts(
        (tagged_owner(tags) if tags else "") or otherwise.owner,
        work_pool if isinstance(work_pool, str) and work_pool else otherwise.work_pool,
    )


_NOBODY = Owned("", "")


class Owners:
    """A list of patterns.

    Args:
        text: a pattern and an owner on each line; without an owner nobody owns what matches. `#`
            begins a comment.

    Raises:
        ValueError: a line cannot be read
    """

    def __init__(self, text: str = "") -> None:
        self.lines: list[tuple[str, str]] = []
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) > 2:
                raise ValueError(f"line {number}: write a pattern and one owner")
            owner = words[1].lstrip("@") if len(words) == 2 else ""
            if len(owner) > 100 or len(words[0]) > 300:
                raise ValueError(f"line {number}: the pattern or the owner is too long")
            self.lines.append((words[0], owner))
        if len(self.lines) > _MOST_LINES:
            raise ValueError(f"more than {_MOST_LINES:,} patterns")
        self._patterns = [
            (re.compile(translate(pattern.removeprefix(_POOL))), _kind(pattern), pattern, owner)
            for pattern, owner in reversed(self.lines)
        ]
        self._matching = lru_cache(maxsize=10_000)(self._search)

    def of(self, rule: Rule, labels: Mapping[str, str], facts: Facts = NO_FACTS) -> Owned:
        """Return whose an alert is.

        Args:
            rule: that it is of, whose own owner comes first
            labels: of the alert and its rule: `owner`, and `flow` and `deployment` of Prefect
            facts: what Prefect says

        Returns:
            The owner.
        """
        return self.of_named(rule.name, rule.owner, labels, facts)

    def of_named(
        self, rule: str, owner: str, labels: Mapping[str, str], facts: Facts = NO_FACTS
    ) -> Owned:
        """Return whose an alert is; see `of`.

        Args:
            rule: name of the rule that it is of
            owner: of that rule; empty for none
            labels: as of `of`
            facts: what Prefect says

        Returns:
            The owner.
        """
        if owner:
            return Owned(owner, "rule")
        if labels.get("owner"):
            return Owned(labels["owner"], "label")
        if facts.owner:
            return Owned(facts.owner, "tag")
        if self._patterns:
            path = f"{labels['flow']}/{labels.get('deployment', '')}" if "flow" in labels else ""
            return self._matching(rule, path, facts.work_pool)
        return _NOBODY

    def _search(self, rule: str, path: str, pool: str) -> Owned:
        names = {"rule": rule, "path": path, "pool": pool}
        for pattern, kind, written, owner in self._patterns:
            if names[kind] and pattern.match(names[kind]):
                return Owned(owner, written)
        return _NOBODY


def _kind(pattern: str) -> str:
    if pattern.startswith(_POOL):
        return "pool"
    return "path" if "/" in pattern else "rule"
