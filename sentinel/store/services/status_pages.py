"""Status pages: their definitions, as somebody may see and change them, and their tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import definition_change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.status_pages import StatusDayRow, StatusNewsRow, StatusPageRow
from sentinel.services.status_page import StatusPage, status_page_of
from sentinel.store.database.alone import alone
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of
from sentinel.store.services.status_subscribers import forget_subscribers

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DAY", "MOST_PAGES", "PAGE", "ServedPage", "StatusPages", "StoredPage"]

PAGE, DAY = table_of(StatusPageRow), table_of(StatusDayRow)
_NEWS = table_of(StatusNewsRow)
MOST_PAGES = 200
"""Of an instance."""
_TOKEN_BYTES = 24


class StoredPage(msgspec.Struct, frozen=True, kw_only=True):
    """A status page as it is stored; `version` rises with each change, from 1."""

    definition: StatusPage
    version: int
    saved_at: datetime
    saved_by: str
    written_at: datetime | None
    has_token: bool


class ServedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the public pages serve: HTML and Atom as they were written."""

    public: bool
    token_hash: str
    html: str
    feed: str
    written_at: datetime

    def opens(self, token: str) -> bool:
        """Return whether a token is that of the page."""
        return bool(self.token_hash) and hmac.compare_digest(self.token_hash, _hash(token))


class StatusPages:
    """The status pages of the shared database.

    Args:
        store: the shared database
        scope: of whoever asks; a page that is not in it is as unknown
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def list(self, tenant: str | None = None) -> list[StoredPage]:
        """Return the pages, by name.

        Args:
            tenant: only those of this one; None for all

        Returns:
            Those in scope.
        """
        query = select(PAGE).where(*self._seen()).order_by(PAGE.c.name)
        if tenant is not None:
            query = query.where(PAGE.c.tenant == tenant)
        with self._store.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def names(self) -> Sequence[str]:
        """Return the names of the pages in scope, in order."""
        query = select(PAGE.c.name).where(*self._seen()).order_by(PAGE.c.name)
        with self._store.read() as connection:
            return connection.execute(query).scalars().all()

    def get(self, name: str) -> StoredPage:
        """Return a page; raises `NotFound` where there is none in scope."""
        with self._store.read() as connection:
            return self._one(connection, name)

    def save(
        self, definition: StatusPage, *, actor: str,
        check: Callable[[StoredPage | None], None] = lambda _: None,
    ) -> StoredPage:  # fmt: skip
        """Create a page, or change the one of that name.

        A page that was public and is no longer loses its subscribers.

        Args:
            definition: of the page
            actor: who saves it
            check: is given the page that there is, and may refuse

        Returns:
            The page.

        Raises:
            Conflict: another tenant has the name
            ConfigurationError: there are too many pages
        """

        def work(connection: Connection) -> StoredPage:
            alone(connection)
            row = connection.execute(select(PAGE).where(PAGE.c.name == definition.name)).first()
            if row is not None and row.tenant != definition.tenant:
                raise Conflict(
                    f"the name {definition.name!r} of a status page is taken",
                    hint="It is part of the address: choose another one.",
                )
            before = None if row is None else _stored(row)
            check(before)
            if before is not None and before.definition == definition:
                return before
            if before is None:
                self._refuse_too_many(connection)
            values: dict[str, Any] = {
                "document": definition.model_dump_json(), "public": definition.public,
                "version": 1 if before is None else before.version + 1,
                "saved_at": self._store.now(), "saved_by": actor,
                # Nobody reads a page as it was before: it may have had too much.
                "html": "", "feed": "",
            }  # fmt: skip
            if before is None:
                connection.execute(PAGE.insert().values(
                    name=definition.name, tenant=definition.tenant, token_hash="", **values
                ))  # fmt: skip
            else:
                connection.execute(
                    PAGE.update().where(PAGE.c.name == definition.name).values(**values)
                )
            if before is not None and before.definition.public and not definition.public:
                forget_subscribers(connection, definition.name)
            there = None if before is None else before.definition
            self._record(connection, "status_page.saved", actor, there, definition)
            return self._one(connection, definition.name)

        return self._store.in_transaction(work)

    def remove(
        self, name: str, *, actor: str,
        check: Callable[[StoredPage], None] = lambda _: None,
    ) -> StoredPage:  # fmt: skip
        """Remove a page with its history and subscribers.

        Args:
            name: of the page
            actor: who removes it
            check: is given the page, and may refuse

        Returns:
            The page as it was.

        Raises:
            NotFound: there is none, or it is out of scope
        """

        def work(connection: Connection) -> StoredPage:
            alone(connection)
            found = self._one(connection, name)
            check(found)
            connection.execute(DAY.delete().where(DAY.c.page == name))
            connection.execute(_NEWS.delete().where(_NEWS.c.page == name))
            forget_subscribers(connection, name)
            connection.execute(PAGE.delete().where(PAGE.c.name == name))
            self._record(connection, "status_page.removed", actor, found.definition, None)
            return found

        return self._store.in_transaction(work)

    def new_token(
        self, name: str, *, actor: str, check: Callable[[StoredPage], None] = lambda _: None
    ) -> str:
        """Make the token of a private page, in place of the one that there was.

        Its subscribers are removed: they subscribed by the token of before.

        Args:
            name: of the page
            actor: who makes it
            check: is given the page, and may refuse

        Returns:
            The token, which is kept nowhere.

        Raises:
            NotFound: there is none, or it is out of scope
            Conflict: the page is public
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)

        def work(connection: Connection) -> None:
            found = self._one(connection, name)
            check(found)
            if found.definition.public:
                raise Conflict(
                    f"the status page {name} is public", hint="Everybody reads it without a token."
                )
            connection.execute(
                PAGE.update().where(PAGE.c.name == name).values(token_hash=_hash(token))
            )
            # Whoever read it by the token of before is sent nothing more either.
            forget_subscribers(connection, name)
            page = found.definition
            self._record(connection, "status_page.token", actor, page, page)

        self._store.in_transaction(work)
        return token

    def served(self, name: str) -> ServedPage | None:
        """Return what was written of a page; None for none, or while nothing is."""
        columns = (PAGE.c.public, PAGE.c.token_hash, PAGE.c.html, PAGE.c.feed, PAGE.c.written_at)
        query = select(*columns).where(PAGE.c.name == name, PAGE.c.html != "")
        with self._store.glance() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ServedPage(
            public=row.public, token_hash=row.token_hash, html=row.html, feed=row.feed,
            written_at=row.written_at,
        )  # fmt: skip

    def _seen(self) -> Sequence[Any]:
        return in_scope(self._scope, PAGE.c.tenant, None)

    def _one(self, connection: Connection, name: str) -> StoredPage:
        query = select(PAGE).where(PAGE.c.name == name, *self._seen())
        row = connection.execute(query).first() if "\0" not in name else None
        if row is None:
            raise NotFound(
                f"there is no status page {name[:80]!r}",
                hint="sentinel status-page list shows all.",
            )
        return _stored(row)

    def _refuse_too_many(self, connection: Connection) -> None:
        if len(connection.execute(select(PAGE.c.name)).all()) >= MOST_PAGES:
            raise ConfigurationError(
                f"an instance has at most {MOST_PAGES} status pages", hint="Remove one."
            )

    def _record(
        self, connection: Connection, action: str, actor: str, before: StatusPage | None,
        after: StatusPage | None,
    ) -> None:  # fmt: skip
        change = definition_change(action, "status_page", before, after)
        self._store.audit.add(connection, change, actor=actor)
        self._store.changed(connection)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _stored(row: Row[Any]) -> StoredPage:
    return StoredPage(
        definition=status_page_of(msgspec.json.decode(row.document)), version=row.version,
        saved_at=row.saved_at, saved_by=row.saved_by, written_at=row.written_at,
        has_token=bool(row.token_hash),
    )  # fmt: skip
