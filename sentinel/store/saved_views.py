"""Saved views: filters of a page that a person named."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound
from sentinel.schema.saved_views import SavedView
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import model_of, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LONGEST_NAME", "LONGEST_QUERY", "MOST_VIEWS", "Views", "view_name"]

VIEW = table_of(SavedView)

LONGEST_NAME = 60
LONGEST_QUERY = 2000
MOST_VIEWS = 100
"""Per person."""


def view_name(given: str) -> str:
    """Return the name that a view is saved under: without blanks around it, and single ones."""
    return " ".join(given.split())


class Views:
    """Saved views in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, owner: str) -> list[SavedView]:
        """Return the saved views of `owner`, by page and name."""
        query = (
            select(VIEW).where(VIEW.c.owner == owner).order_by(VIEW.c.page, func.lower(VIEW.c.name))
        )
        with self._store.read() as connection:
            return [model_of(SavedView, row) for row in connection.execute(query)]

    def save(
        self,
        owner: str,
        page: str,
        name: str,
        query: str,
        *,
        actor: str = "",
        check: Callable[[str | None], None] | None = None,
    ) -> bool:
        """Save a view under a name, replacing one of that name.

        Args:
            owner: whose it is
            page: where it belongs: live, history, logs, traces
            name: 1 to 60 characters; upper and lower case differ
            query: the part of the page's address after the `?`
            actor: who saves it; the owner where it is empty
            check: is given the query that the view has now, and raises to refuse the change

        Returns:
            Whether the name is new.

        Raises:
            ConfigurationError: the name or query cannot be kept, or there are too many views.
        """
        named = view_name(name)
        if not named or len(named) > LONGEST_NAME or "\0" in named or not named.isprintable():
            raise ConfigurationError(
                f"{name[:LONGEST_NAME]!r} is no name for a view",
                hint=f"Write 1 to {LONGEST_NAME} printable characters.",
            )
        if len(query) > LONGEST_QUERY or "\0" in query:
            raise ConfigurationError("this view is too long to be kept", hint="Filter by less.")
        values = {"query": query, "saved_at": self._store.now()}
        key = (VIEW.c.owner == owner, VIEW.c.page == page, VIEW.c.name == named)

        def work(connection: Connection) -> bool:
            alone(connection)  # or two who saw one version, or the 100th, would both be let in
            was = connection.execute(select(VIEW.c.query).where(*key)).scalar()
            known = was is not None
            if check is not None:
                check(was)
            if not known:
                mine = select(func.count()).select_from(VIEW).where(VIEW.c.owner == owner)
                if (connection.execute(mine).scalar() or 0) >= MOST_VIEWS:
                    raise ConfigurationError(
                        f"{owner} has {MOST_VIEWS} saved views", hint="Remove one first."
                    )
            connection.execute(
                insert_into(self._store.dialect, VIEW)
                .values(owner=owner, page=page, name=named, **values)
                .on_conflict_do_update(index_elements=["owner", "page", "name"], set_=values)
            )
            before = {"query": was} if known else None
            if was != query:
                self._record(connection, "view.saved", actor or owner, page, named, before,
                             {"query": query})  # fmt: skip
            return not known

        return self._store.in_transaction(work)

    def remove(self, owner: str, page: str, name: str, *, actor: str = "") -> str:
        """Delete a view.

        Args:
            owner: whose it is
            page: where it belongs
            name: as it was saved
            actor: who removes it; the owner where it is empty

        Returns:
            Its query, so that the removal can be undone.

        Raises:
            NotFound: there is no view of that name.
        """
        key = (VIEW.c.owner == owner, VIEW.c.page == page, VIEW.c.name == name)

        def work(connection: Connection) -> str:
            found = connection.execute(select(VIEW.c.query).where(*key)).scalar()
            if found is None:
                raise NotFound(f"there is no saved view {name!r}", hint="It may be gone already.")
            connection.execute(VIEW.delete().where(*key))
            self._record(connection, "view.removed", actor or owner, page, name,
                         {"query": found}, None)  # fmt: skip
            return found

        return self._store.in_transaction(work)

    def _record(
        self,
        connection: Connection,
        action: str,
        actor: str,
        page: str,
        name: str,
        before: dict[str, str] | None,
        after: dict[str, str] | None,
    ) -> None:
        change = Change(
            action=action, object_kind="view", object_id=page, object_name=name,
            before=before, after=after,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
