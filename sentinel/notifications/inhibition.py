"""Inhibition: an alert that fires mutes others, as rules beside the routes say. Pure.

The semantics are Alertmanager's (https://prometheus.io/docs/alertmanager/latest/configuration/#inhibit_rule):
a firing alert that matches the source matchers mutes alerts of its tenant that match the target
matchers and have the same texts in all labels of `equal`; a label that is missing equals the empty
text. An alert that matches both sides is not muted by one of which that is true as well, so that
none mutes itself. What is silenced or inhibited itself still inhibits.

Sources are found by a key of the rule and the texts of `equal`, so that a target costs what the few
rules cost that may concern it, however many alerts fire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from sentinel.errors import ConfigurationError
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.labels.fingerprint import fingerprint
from sentinel.labels.matcher_index import MatcherIndex
from sentinel.labels.matchers import Matcher, matches

__all__ = ["InhibitRule", "InhibitionIndex"]


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _readable(matchers: list[str]) -> list[str]:
    for one in matchers:
        try:
            matchers_of(one)
        except ConfigurationError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
    return matchers


_Matchers = Annotated[list[str], BeforeValidator(_listed), AfterValidator(_readable)]


class InhibitRule(BaseModel):
    """Which alerts mute which others while they fire."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", max_length=200)
    source_matchers: _Matchers = Field(
        min_length=1, max_length=100, description='Of the alerts that mute: severity="critical".'
    )
    target_matchers: _Matchers = Field(
        min_length=1, max_length=100, description="Of the alerts that are muted."
    )
    equal: Annotated[list[str], BeforeValidator(_listed)] = Field(
        default_factory=list[str], max_length=50,
        description="Labels in which both have the same text, or which both lack.",
    )  # fmt: skip


class _Compiled:
    """One rule with its matchers."""

    def __init__(self, rule: InhibitRule) -> None:
        self.source = _all(rule.source_matchers)
        self.target = _all(rule.target_matchers)
        self.equal = sorted(set(rule.equal))
        sides = (
            written((m.label, m.operator, m.text) for m in side)
            for side in (self.source, self.target)
        )
        self.identity = "inhibit:" + " -> ".join(f"{len(side)}:{side}" for side in sides)

    def key(self, labels: Mapping[str, str]) -> str:
        """Return what a source and its targets have in common: 32 hex digits."""
        equal = {name: labels.get(name, "") for name in self.equal}
        return fingerprint(labels.get("tenant", ""), self.identity, equal)


class InhibitionIndex:
    """The inhibition rules of an instance, compiled once.

    Args:
        rules: as written
    """

    def __init__(self, rules: Iterable[InhibitRule]) -> None:
        compiled = [_Compiled(one) for one in rules]
        self._sources = MatcherIndex((one.source, one) for one in compiled)
        self._targets = MatcherIndex((one.target, one) for one in compiled)

    def __bool__(self) -> bool:
        return bool(self._sources)

    def as_source(self, labels: Mapping[str, str]) -> dict[str, bool]:
        """Return for which keys an alert is a source.

        Args:
            labels: of the alert, with rule, category, team, tenant, owner and severity

        Returns:
            By key, whether it matches the target matchers of the rule, too.
        """
        found: dict[str, bool] = {}
        for one in self._sources.matching(labels):
            both = matches(one.target, labels)
            found[one.key(labels)] = both and found.get(one.key(labels), True)
        return found

    def as_target(self, labels: Mapping[str, str]) -> dict[str, bool]:
        """Return by which keys an alert is a target.

        Args:
            labels: as of `as_source`

        Returns:
            By key, whether it matches the source matchers of the rule, too: then only sources that
            do not match both sides mute it.
        """
        return {
            one.key(labels): matches(one.source, labels) for one in self._targets.matching(labels)
        }


def _all(given: Sequence[str]) -> tuple[Matcher, ...]:
    return tuple(one for text in given for one in matchers_of(text))
