"""Locks between what mutes alerts and what writes down that they are muted.

Transactions read what others have committed. A claim that reads that a source fires, and notes its
targets as muted, would else commit after the transaction that ends the source has looked for what
the source mutes, and nobody would look at those targets again.

Whoever takes one of these locks waits for no row of a group afterwards: groups are locked before,
or are skipped where another transaction holds them. On SQLite, writing transactions follow each
other anyway.
"""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["before_muting", "before_rules_change", "before_sources_change", "before_unmuting"]

_MUTES = 0x5E471E8
_RULES = 0x5E471E9
"""Keys of PostgreSQL's advisory locks: any numbers that never change."""


def before_muting(connection: Connection) -> None:
    """Wait for transactions that end what mutes; from now on none ends until this one has ended.

    For whoever reads what mutes alerts and writes `muted_until`. Several go on at once.
    """
    _take(connection, _SHARED, _MUTES)


def before_unmuting(connection: Connection) -> None:
    """Wait for transactions that mute; from now on none reads what mutes until this one has ended.

    For whoever ends something that mutes, before it looks for what that has muted. Those that
    follow read it as this transaction leaves it.
    """
    _take(connection, _ALONE, _MUTES)


def before_sources_change(connection: Connection) -> None:
    """Wait for transactions that change inhibition rules; then no rule changes until the end.

    For whoever adds or removes sources, before it reads the rules. Several go on at once.
    """
    _take(connection, _SHARED, _RULES)


def before_rules_change(connection: Connection) -> None:
    """Wait for transactions that add or remove sources, then as `before_unmuting`.

    For whoever changes inhibition rules, before it looks for the sources of the new ones.
    """
    _take(connection, _ALONE, _RULES)
    before_unmuting(connection)


def _take(connection: Connection, lock: str, key: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(lock, (key,))


_SHARED = "SELECT pg_advisory_xact_lock_shared(%s)"
_ALONE = "SELECT pg_advisory_xact_lock(%s)"
