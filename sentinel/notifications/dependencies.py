"""Dependencies of services and Prefect deployments, as inhibition rules. Pure.

While an alert fires about something, alerts about what needs it are muted, also over several steps:
where C needs B and B needs A, an alert of A mutes those of C, whether B fires or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Annotated, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentinel.labels.alertmanager import written
from sentinel.notifications.inhibition import InhibitRule

__all__ = ["Component", "Dependency", "inhibitions_of"]

MOST_PAIRS = 10_000
"""Pairs of what fails and what is muted by it, over all steps."""


class Component(BaseModel):
    """A service or a Prefect deployment, as the labels of alerts name it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str = Field(default="", max_length=200)
    deployment: str = Field(default="", max_length=200, description="flow/deployment.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.service) is bool(self.deployment):
            raise ValueError("needs either service or deployment")
        return self

    @property
    def matcher(self) -> str:
        """Return the matcher of its alerts."""
        label = "service" if self.service else "deployment"
        return written([(label, "=", self.service or self.deployment)])


def _listed(given: object) -> object:
    return cast("list[object]", given) if isinstance(given, list) else [given]


_Components = Annotated[list[Component], BeforeValidator(_listed)]


class Dependency(BaseModel):
    """What is muted while something that it needs is failing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upstream: _Components = Field(min_length=1, max_length=1000, description="What is needed.")
    downstream: _Components = Field(min_length=1, max_length=1000, description="What needs it.")


def inhibitions_of(dependencies: Iterable[Dependency]) -> list[InhibitRule]:
    """Return the inhibition rules that dependencies stand for.

    Args:
        dependencies: as written

    Returns:
        One rule for each pair of something and what needs it, over any number of steps.

    Raises:
        ValueError: something needs itself, or there are more than `MOST_PAIRS` pairs
    """
    needed_by: dict[str, set[str]] = defaultdict(set)
    for one in dependencies:
        for above in one.upstream:
            needed_by[above.matcher].update(below.matcher for below in one.downstream)
    found: list[InhibitRule] = []
    for above in list(needed_by):
        for below in _all_below(above, needed_by):
            if below == above:
                raise ValueError(f"{above} needs itself over one or more steps")
            found.append(InhibitRule(source_matchers=[above], target_matchers=[below]))
            if len(found) > MOST_PAIRS:
                raise ValueError(f"more than {MOST_PAIRS:,} pairs of what needs what")
    return found


def _all_below(above: str, needed_by: dict[str, set[str]]) -> Iterator[str]:
    """Yield all that needs something, each once; itself where it is among them."""
    seen: set[str] = set()
    level = {above}
    while level:
        level = {one for each in level for one in needed_by.get(each, ())} - seen
        seen |= level
        yield from sorted(level)
