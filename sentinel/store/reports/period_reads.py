"""Reads of a period: rollups where they are valid, and the alerts themselves for the rest."""

# ruff: noqa: S608 - the names in these statements are ours

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sentinel.access import Scope
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import scope_text
from sentinel.store.reports.rollup_spans import NONE, Kept, Parts, kept_in
from sentinel.store.reports.rollups import FIGURES, NO_DRILL, asked

__all__ = [
    "OF_ALERTS", "SUMS", "PeriodReads", "RuleName", "Sums", "SumsByName", "added", "mean",
    "rollups_for",
]  # fmt: skip

SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in FIGURES)
"""The sums of all figures of rollups."""
OF_ALERTS = (
    "alert.rule, alert.tenant, team, severity, opened_at, acknowledged_at, resolved_at, resolution"
)
"""The columns of alerts that `rollups.figures` reads, and what they are grouped by."""
_AT_ONCE = 50
"""The most parts of a period in one statement."""


class Sums(NamedTuple):
    """The columns of `sentinel.schema.rollups.Rollup`; times in milliseconds."""

    opened: int
    critical: int
    taken: int
    waited: int
    ended: int
    lasted: int
    low: int
    ignored: int


class RuleName(NamedTuple):
    """What names a rule: several tenants may have a rule of one name."""

    rule: str
    tenant: str


SumsByName = dict[str, dict[str, Sums]]


def rollups_for(connection: Connection, since: datetime, until: datetime, scope: Scope) -> Kept:
    """Return which rollups between two moments answer for a scope.

    Args:
        connection: a transaction of one snapshot, in which the rollups are then read as well
        since: the earlier moment
        until: the later one
        scope: of whoever asks

    Returns:
        The valid days and hours; none for a scope of teams, which rollups do not know.
    """
    if scope.parts is not None and any(part.teams is not None for part in scope.parts):
        return NONE
    return kept_in(connection, since, until)


def added(known: Sums | None, numbers: Sequence[int]) -> Sums:
    """Return the sums with further numbers, in the order of `Sums`."""
    if known is None:
        return Sums(*numbers)
    return Sums(*map(sum, zip(known, numbers, strict=True)))


class PeriodReads:
    """The queries of one transaction; each adds rollups to what is computed from alerts.

    Args:
        connection: a transaction of one snapshot
        kept: the rollups that answer for the scope; see `rollups_for`
        scope: of whoever asks
    """

    def __init__(self, connection: Connection, kept: Kept, scope: Scope) -> None:
        self.connection = connection
        self.dialect = connection.dialect.name
        self.parts = kept.parts
        self._scope = scope_text(scope)

    def kept(self, parts: Parts, *kinds: str) -> SumsByName:
        """Return the rollups of these parts, by kind and name."""
        found: SumsByName = {kind: {} for kind in kinds}
        names = ", ".join(f"'{kind}'" for kind in kinds)
        for kind, name, *numbers in self.rolled_up(
            parts, f"kind, name, {SUMS}", f"kind, name, {', '.join(FIGURES)}", names, "kind, name"
        ):
            found[kind][name] = added(found[kind].get(name), numbers)
        return found

    def kept_rules(self, parts: Parts) -> dict[RuleName, Sums]:
        """Return the rollups of these parts by rule."""
        found: dict[RuleName, Sums] = {}
        for rule, tenant, *numbers in self.rolled_up(
            parts, f"name, tenant, {SUMS}", f"name, tenant, {', '.join(FIGURES)}", "'rule'",
            "name, tenant",
        ):  # fmt: skip
            key = RuleName(rule, tenant)
            found[key] = added(found.get(key), numbers)
        return found

    def rolled_up(
        self, parts: Parts, wanted: str, columns: str, kinds: str, groups: str
    ) -> Iterator[Any]:
        """Yield rows of rollups.

        Args:
            parts: of the period
            wanted: SQL of what is selected of the grouped rollups
            columns: of the rollups
            kinds: quoted, with commas between them
            groups: what it is grouped by

        Returns:
            One row for each group.
        """
        where, cells = self._scope
        # Our own integers, written out: a generic plan for any numbers reads far too much.
        arms = [
            f"SELECT {columns} FROM tally WHERE {where} kind IN ({kinds}) AND hours = {width:d} "
            f"AND at >= {begin:d} AND at < {end:d}"
            for width, begin, end in parts.kept
        ]
        return self._of_all(
            [(arm, cells) for arm in arms], f"SELECT {wanted} FROM", f"GROUP BY {groups}"
        )

    def walked(
        self, parts: Parts, wanted: str, columns: str, moment: str, more: str = "",
        groups: str = "", *, which: str = NO_DRILL,
    ) -> Iterator[Any]:  # fmt: skip
        """Yield rows that are computed from alerts, of the parts without rollups.

        Args:
            parts: of the period
            wanted: SQL of what is selected
            columns: of the alerts
            moment: the column by which an alert is in the period
            more: a condition, with AND after it
            groups: what it is grouped by; empty for one row in all
            which: a condition on the rule; empty for all alerts, so that an index alone is read

        Returns:
            One row for each group.
        """
        where, cells = self._scope
        only = f"{which} AND" if which else ""
        arm = f"SELECT {columns} FROM alert WHERE {more} {where} {only} "
        arm += f"{moment} >= ? AND {moment} < ?"
        grouped = f"GROUP BY {groups}" if groups else ""
        return self._of_all(
            [(arm, (*cells, *span)) for span in parts.walked], f"SELECT {wanted} FROM", grouped
        )

    def _of_all(
        self, arms: Sequence[tuple[str, tuple[Any, ...]]], before: str, after: str
    ) -> Iterator[Any]:
        """Yield the result over one range of an index for each of `arms`."""
        for some in chunks(arms, _AT_ONCE):
            together = " UNION ALL ".join(arm for arm, _ in some)
            cells = [cell for _, span in some for cell in span]
            yield from asked(
                self.connection, f"{before} ({together}) AS parts {after}", cells
            ).all()


def mean(milliseconds: int, count: int) -> float | None:
    """Return the mean in seconds, or None where nothing was counted."""
    return milliseconds / count / 1000 if count else None
