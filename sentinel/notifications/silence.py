"""Silences by matchers: what they mute, and when. Pure.

The semantics are Alertmanager's: a silence mutes every alert whose labels match all matchers of one
of its sets, also alerts that open later and labels that change later; it is pending before its
start, active from then until its end, and expired after
(https://prometheus.io/docs/alertmanager/latest/concepts/#silences). Matchers never change: another
silence is made instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.labels.matcher_index import MatcherIndex
from sentinel.labels.matchers import Matcher
from sentinel.timing.recurrence import RecurringWindows

__all__ = [
    "MOST_SETS",
    "SilenceIndex",
    "SilenceState",
    "SilenceTerms",
    "canonical",
    "last_to_end",
    "matcher_sets",
    "state_of",
    "team_of",
]

MOST_SETS = 100
"""So many sets of matchers a silence may have."""
_MOST_TEXT = 10_000


class SilenceState(StrEnum):
    """Where a silence is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


def state_of(
    starts_at: datetime, until: datetime, ended_at: datetime | None, now: datetime
) -> SilenceState:
    """Return where a silence is in its life.

    Args:
        starts_at: when it begins, inclusive
        until: when it ends, exclusive
        ended_at: when somebody ended it before; None for never
        now: the present moment

    Returns:
        Its state; whoever ends a silence ends it for good.
    """
    if (ended_at is not None and ended_at <= now) or until <= now:
        return SilenceState.EXPIRED
    return SilenceState.ACTIVE if starts_at <= now else SilenceState.PENDING


class SilenceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a silence mutes, when, and who says so.

    Attributes:
        id: 32 hex digits
        sets: of matchers; an alert that matches all of one set is muted
        starts_at: when it begins
        until: when it ends
        ended_at: when somebody ended it before; None for never
        author: who made it
        comment: why
        windows: within which it mutes; None for all the time
        maintenance: whether it is called a maintenance window
    """

    id: str
    sets: tuple[tuple[Matcher, ...], ...]
    starts_at: datetime
    until: datetime
    ended_at: datetime | None = None
    author: str = ""
    comment: str = ""
    windows: RecurringWindows | None = None
    maintenance: bool = False

    def mutes_until(self, now: datetime) -> datetime | None:
        """Return until when it mutes what it matches; None where it mutes nothing now."""
        active = state_of(self.starts_at, self.until, self.ended_at, now) is SilenceState.ACTIVE
        if not active or self.windows is None:
            return self.until if active else None
        end = self.windows.end_of(now)
        return None if end is None else min(end, self.until)


class SilenceIndex:
    """The silences of one tenant, compiled once.

    Args:
        silences: those that are pending or active
    """

    def __init__(self, silences: Iterable[SilenceTerms]) -> None:
        self.silences = tuple(silences)
        self._index = MatcherIndex(
            (one_set, silence) for silence in self.silences for one_set in silence.sets
        )

    def matching(self, labels: Mapping[str, str]) -> list[SilenceTerms]:
        """Return the silences that match, whether they are active or not."""
        return self._index.matching(labels)

    def muting(
        self, labels: Mapping[str, str], now: datetime
    ) -> tuple[SilenceTerms, datetime] | None:
        """Return what mutes an alert.

        Args:
            labels: of the alert, with rule, category, team, tenant, owner and severity
            now: the present moment

        Returns:
            Of the active silences that match, the one that ends last, and its end; None for none.
        """
        return last_to_end(self._index.matching(labels), now)


def last_to_end(
    silences: Iterable[SilenceTerms], now: datetime
) -> tuple[SilenceTerms, datetime] | None:
    """Return the one of silences that mutes longest from now, and its end; None for none."""
    best: tuple[SilenceTerms, datetime] | None = None
    for silence in silences:
        until = silence.mutes_until(now)
        if until is not None and (best is None or until > best[1]):
            best = silence, until
    return best


def matcher_sets(given: Sequence[str]) -> tuple[tuple[Matcher, ...], ...]:
    """Return the sets of matchers that a person wrote.

    Args:
        given: each a set as Alertmanager writes it, such as `team="db", host=~"web-.*"`

    Returns:
        The sets, in their order.

    Raises:
        ConfigurationError: there is none, one cannot be read, or one matches alerts without any of
            its labels, so that it would silence everything by mistake
    """
    if not 1 <= len(given) <= MOST_SETS:
        raise ConfigurationError(
            f"a silence has 1 to {MOST_SETS} sets of matchers, not {len(given)}",
            hint='Write each set as team="db", host=~"web-.*"',
        )
    found: list[tuple[Matcher, ...]] = []
    for text in given:
        if len(text) > _MOST_TEXT:
            raise ConfigurationError(f"a set of matchers is longer than {_MOST_TEXT} characters")
        one_set = matchers_of(text)
        if all(one({}) for one in one_set):
            raise ConfigurationError(
                f"the matchers {text!r} match alerts that have none of these labels",
                hint='At least one matcher of each set must need a text, such as team="db" or '
                'rule=~".+"',
            )
        found.append(one_set)
    return tuple(found)


def canonical(sets: Iterable[Iterable[Matcher]]) -> list[str]:
    """Return sets of matchers as they are stored and shown."""
    return [written((one.label, one.operator, one.text) for one in every) for every in sets]


def team_of(sets: Sequence[Sequence[Matcher]]) -> str:
    """Return the team to which a silence is confined: every set wants it; empty for none."""
    teams = {
        next((one.text for one in every if one.label == "team" and one.certain), "")
        for every in sets
    }
    return teams.pop() if len(teams) == 1 else ""
