"""The filter that every query of alerts takes, and its conditions in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    FunctionElement,
    String,
    Text,
    and_,
    cast,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import SHOWN
from sentinel.errors import ConfigurationError
from sentinel.severity import severity_of
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import ALERT, MEMBER, NOT_RESOLVED

__all__ = ["LIVE", "AlertFilter", "both", "narrowed", "shown_conditions", "statuses"]


class _Live(FunctionElement[bool]):
    """The condition of the partial indexes over live alerts, beside a status that implies it.

    SQLite uses a partial index only when it can see its condition in the query. PostgreSQL infers
    it from `status = 'open'`, and would multiply both: it would expect one live alert where there
    are thousands, and sort all of them instead of walking an index that is in order.
    """

    # A function, as a plain `ColumnElement` has no cache key whatever it says of itself: SQLAlchemy
    # would compile each statement with it anew.
    name = "live"
    inherit_cache = True
    # Of no type: SQLAlchemy writes `= 1` after a Boolean where SQLite is to have one.


@compiles(_Live)
def _seen(_element: _Live, _compiler: Any, **_: Any) -> str:
    return NOT_RESOLVED.text


@compiles(_Live, "postgresql")
def _inferred(_element: _Live, _compiler: Any, **_: Any) -> str:
    return "true"


LIVE = _Live()
# In the query's text, not parameters of it, from which neither database infers anything.
_PENDING, _OPEN, _ACKNOWLEDGED = (
    literal_column(f"'{status}'", String) for status in ("pending", "open", "acknowledged")
)


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts a query returns; an empty field selects all.

    Attributes:
        status: shown statuses; `active` is another word for open
        severity: words, aliases included
        q: text in the title, description or rule, upper or lower case
        words: texts that must each be somewhere in the title, description, rule, category,
            team, assignee or labels, upper or lower case
        labels: names and values that an alert must carry
        since, until: opened at or after, and before
        group: id of a group, whose alerts were notified together
        scope: the tenants and teams that whoever asks may see; never of the filters within
        any_of: where given, an alert must match at least one of these
        all_of: an alert must match each of these as well
        without: alerts that match one of these are left out
    """

    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    rule: str = ""
    category: str = ""
    team: str = ""
    assignee: str | None = None
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tenant: str = ""
    words: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    group: str = ""
    scope: Scope = EVERYTHING
    any_of: tuple[AlertFilter, ...] = ()
    all_of: tuple[AlertFilter, ...] = ()
    without: tuple[AlertFilter, ...] = ()


_EMPTY = AlertFilter()
_ADDED = ("words", "labels", "all_of", "without")
"""Fields of which all must match, so that those of two filters stand side by side."""


def both(one: AlertFilter, other: AlertFilter) -> AlertFilter:
    """Return the filter that selects what two filters select.

    Args:
        one: its fields are the fields of the result
        other: a field that `one` has too, with another value, stands in `all_of`

    Returns:
        A filter; nothing of either is lost.
    """
    merged: dict[str, Any] = {}
    again: dict[str, Any] = {}
    for name in AlertFilter.__struct_fields__:
        empty, mine, theirs = (getattr(each, name) for each in (_EMPTY, one, other))
        if name in _ADDED:
            merged[name] = (*mine, *theirs)
        else:
            merged[name] = theirs if mine == empty else mine
            if theirs not in (empty, merged[name]):
                again[name] = theirs
    if again:
        merged["all_of"] = (*merged["all_of"], AlertFilter(**again))
    return AlertFilter(**merged)


def shown_conditions(now: datetime) -> dict[str, ColumnElement[bool]]:
    """Return the SQL condition of each status that `sentinel.alerts.view.shown_status` returns."""
    alert = ALERT.c
    unmuted = or_(alert.suppressed_until.is_(None), alert.suppressed_until <= now)
    return {
        "pending": and_(LIVE, alert.status == _PENDING),
        "open": and_(LIVE, alert.status == _OPEN, unmuted, alert.escalation_level == 0),
        "escalated": and_(LIVE, alert.status == _OPEN, unmuted, alert.escalation_level > 0),
        "acknowledged": and_(LIVE, alert.status == _ACKNOWLEDGED, unmuted),
        "suppressed": and_(
            LIVE, alert.status.in_((_OPEN, _ACKNOWLEDGED)), alert.suppressed_until > now
        ),
        "resolved": alert.status == "resolved",
    }


def statuses(words: Sequence[str]) -> list[str]:
    """Return the shown statuses that `words` mean.

    Args:
        words: shown statuses or `active`, which means open; upper or lower case

    Returns:
        One status per word, in order.

    Raises:
        ConfigurationError: a word is none of them
    """
    known = ["open" if word.lower() == "active" else word.lower() for word in words]
    for word in known:
        if word not in SHOWN:
            raise ConfigurationError(
                f"status {word!r} is none of {', '.join(SHOWN)}", hint="Or active, for open."
            )
    return known


def narrowed(chosen: AlertFilter, now: datetime) -> list[ColumnElement[bool]]:
    """Return the SQL conditions of a filter, all but its statuses.

    Args:
        chosen: the filter
        now: the present time, for the statuses of the filters in it

    Returns:
        Conditions that must all hold.

    Raises:
        ConfigurationError: a severity is unknown, or a text has a NUL character
    """
    alert = ALERT.c
    where: list[ColumnElement[bool]] = []
    if chosen.severity:
        try:
            ranks = sorted({int(severity_of(word)) for word in chosen.severity})
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        where.append(alert.severity.in_(ranks))
    for column, wanted in (
        (alert.rule, chosen.rule),
        (alert.category, chosen.category),
        (alert.team, chosen.team),
        (alert.tenant, chosen.tenant),
    ):
        if wanted:
            where.append(column == wanted)
    if chosen.assignee is not None:
        where.append(alert.assignee == chosen.assignee)
    for name in ("rule", "category", "team", "assignee", "q", "tenant", "group"):
        if "\x00" in (getattr(chosen, name) or ""):
            raise ConfigurationError(f"{name} must not hold a NUL character")
    if "\x00" in "".join([*chosen.words, *(text for pair in chosen.labels for text in pair)]):
        raise ConfigurationError("a search must not hold a NUL character")
    if chosen.q.strip():
        wanted = chosen.q.strip().lower()
        where.append(
            or_(
                *(
                    func.lower(column).contains(wanted, autoescape=True)
                    for column in (alert.title, alert.description, alert.rule)
                )
            )
        )
    if chosen.group:
        members = select(MEMBER.c.alert_id).where(MEMBER.c.group_id == chosen.group)
        where.append(alert.id.in_(members))
    where += [_holds(word) for word in chosen.words if word.strip()]
    where += [alert.labels[name].as_string() == value for name, value in chosen.labels]
    if chosen.since is not None:
        where.append(alert.opened_at >= chosen.since)
    if chosen.until is not None:
        where.append(alert.opened_at < chosen.until)
    where += in_scope(chosen.scope, alert.tenant, alert.team)
    if chosen.any_of:
        where.append(or_(*(_matches(one, now) for one in chosen.any_of)))
    where += [each for one in chosen.all_of for each in _whole(one, now)]
    where += [not_(_matches(one, now)) for one in chosen.without]
    return where


def _matches(chosen: AlertFilter, now: datetime) -> ColumnElement[bool]:
    """Return whether an alert matches a whole filter, its statuses included; never NULL."""
    return func.coalesce(and_(true(), *_whole(chosen, now)), false())


def _whole(chosen: AlertFilter, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of a whole filter, its statuses included."""
    where = narrowed(chosen, now)
    if wanted := statuses(chosen.status):
        shown = shown_conditions(now)
        where.append(or_(*(shown[name] for name in wanted)))
    return where


def _holds(word: str) -> ColumnElement[bool]:
    """Return whether `word` is in one of the texts that people read of an alert."""
    alert = ALERT.c
    columns = (
        alert.title, alert.description, alert.rule, alert.category, alert.team, alert.assignee,
        cast(alert.labels, Text),
    )  # fmt: skip
    wanted = word.strip().lower()
    return or_(*(func.lower(column).contains(wanted, autoescape=True) for column in columns))
