"""Log levels that people set at run time: one row a component, which every process polls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.schema.log_levels import LogLevelRow
from sentinel.settings.log_levels import (
    ALL,
    DEFAULT_LENGTH,
    LogLevel,
    checked_component,
    checked_length,
    checked_level,
)
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LogLevels"]

LEVEL = table_of(LogLevelRow)


class LogLevels:
    """Log levels in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def held(self) -> list[LogLevel]:
        """Return the levels that hold now, that of all components first."""
        query = select(LEVEL).where(LEVEL.c.until > self._store.now())
        with self._store.glance() as connection:
            found = [LogLevel(**row) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda one: (one.component != ALL, one.component))

    def set(
        self, component: str, level: str, *, actor: str, length: timedelta = DEFAULT_LENGTH
    ) -> LogLevel:
        """Set the level of a component, in place of one that holds already.

        Args:
            component: one of `COMPONENTS`
            level: one of `LEVELS`, in capitals or not
            actor: who sets it
            length: how long it lasts; at most seven days

        Returns:
            The level, with its end.

        Raises:
            ConfigurationError: there is no such component or level, or the length is not possible
        """
        now = self._store.now()
        made = LogLevel(
            component=checked_component(component), level=checked_level(level),
            until=now + checked_length(length), set_at=now, set_by=actor[:200],
        )  # fmt: skip
        values = {name: getattr(made, name) for name in ("level", "until", "set_at", "set_by")}

        def work(connection: Connection) -> LogLevel:
            before = self._row(connection, made.component)
            connection.execute(LEVEL.delete().where(LEVEL.c.until <= now))
            connection.execute(
                insert_into(self._store.dialect, LEVEL)
                .values(component=made.component, **values)
                .on_conflict_do_update(index_elements=["component"], set_=values)
            )
            self._record(connection, actor, made.component, before, made)
            return made

        return self._store.in_transaction(work)

    def reset(self, component: str | None = None, *, actor: str) -> list[LogLevel]:
        """Take levels back before their end.

        Args:
            component: whose; None for every one that is set
            actor: who takes them back

        Returns:
            The levels that held.

        Raises:
            ConfigurationError: there is no such component
        """
        name = None if component is None else checked_component(component)

        def work(connection: Connection) -> list[LogLevel]:
            held = self._rows(connection, name)
            query = LEVEL.delete()
            connection.execute(query if name is None else query.where(LEVEL.c.component == name))
            for one in held:
                self._record(connection, actor, one.component, one, None)
            return held

        return self._store.in_transaction(work)

    def _row(self, connection: Connection, component: str) -> LogLevel | None:
        return next(iter(self._rows(connection, component)), None)

    def _rows(self, connection: Connection, component: str | None) -> list[LogLevel]:
        query = select(LEVEL).where(LEVEL.c.until > self._store.now()).order_by(LEVEL.c.component)
        if component is not None:
            query = query.where(LEVEL.c.component == component)
        return [LogLevel(**row) for row in connection.execute(query).mappings()]

    def _record(
        self,
        connection: Connection,
        actor: str,
        component: str,
        before: LogLevel | None,
        after: LogLevel | None,
    ) -> None:
        change = Change(
            action="log.level", object_kind="settings", object_id="log_level",
            object_name=component, before=_fields(before), after=_fields(after),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _fields(level: LogLevel | None) -> dict[str, Any] | None:
    return None if level is None else {"level": level.level, "until": level.until.isoformat()}
