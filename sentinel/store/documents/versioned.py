"""Documents of which every applied version is kept: read, applied and rolled back.

Routes and on-call are one such document each. A kind says what its document is called, and what
must hold before a version becomes active.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, func, literal, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.document_version import DocumentVersion
from sentinel.store.database.alone import alone
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.documents.active import ActiveDocument

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Applied", "Check", "DocumentKind", "VersionedDocuments"]

V = TypeVar("V", bound=DocumentVersion)

Check = Callable[[int], None]
"""What refuses a change by the number of the active version, 0 for none."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of applying a document: the active version, and whether it is a new one."""

    number: int
    changed: bool


class DocumentKind(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of document is called.

    Attributes:
        noun: as within a sentence, such as `the on-call document`
        none: says that there is no version, such as `there are no routes`
        history: the command that lists versions
        area: kind of object in the audit trail, whose code is `AREA.applied`
    """

    noun: str
    none: str
    history: str
    area: str


class VersionedDocuments(ABC, Generic[V]):
    """The versions of one kind of document in the shared database.

    Args:
        store: the shared database
        model: the table of its versions
        kind: what it is called
        active: its active version
        scope: whose versions, by column; none for those of the instance
    """

    def __init__(
        self, store: Store, model: type[V], kind: DocumentKind, active: ActiveDocument[Any],
        scope: Mapping[str, str] = {},
    ) -> None:  # fmt: skip
        self._store, self._model, self.kind, self._active = store, model, kind, active
        self._table, self._scope = table_of(model), scope
        self._mine = [self._table.c[name] == text for name, text in scope.items()]

    @abstractmethod
    def check_text(self, text: str) -> None:
        """Refuse a text that cannot be used, before a transaction begins.

        Raises:
            ConfigurationError: it cannot
        """

    @abstractmethod
    def admit(self, connection: Connection, text: str) -> None:
        """Refuse a text that does not fit what is stored, while nobody else changes anything.

        Raises:
            ConfigurationError: it does not
        """

    def follow(self, connection: Connection, text: str) -> None:
        """Change what follows from a version that was added, in its transaction."""

    def version_name(self, number: int) -> str:
        """Return what the audit trail calls a version."""
        return f"version {number}"

    def expecting(self, number: int | None) -> Check | None:
        """Make a check that refuses a change unless a version is active.

        Args:
            number: of the version; 0 for no document yet, None for any

        Returns:
            What `apply` and `rollback` take; it raises `Conflict`.
        """
        if number is None:
            return None

        def check(active: int) -> None:
            if active != number:
                raise Conflict(
                    f"version {active} of {self.kind.noun} is active, not {number}",
                    hint=f"Somebody applied another one meanwhile: {self.kind.history}",
                )

        return check

    def history(self, limit: int = 100, before: int | None = None) -> list[V]:
        """Return the newest versions, the active one first.

        Args:
            limit: so many
            before: only those of lower numbers; None for all

        Returns:
            The versions, without their documents.
        """
        columns = [one for one in self._table.c if one.name != "document"]
        query = select(*columns, literal("").label("document")).where(*self._mine)
        query = query.order_by(self._table.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(self._table.c.number < before)
        with self._store.read() as connection:
            return [model_of(self._model, row) for row in connection.execute(query)]

    def version(self, number: int | None = None) -> V:
        """Return one version.

        Args:
            number: of the version; None for the active one

        Returns:
            The version.

        Raises:
            NotFound: there is none of that number
        """
        with self._store.read() as connection:
            return self._version(connection, number)

    def apply(
        self, text: str, *, actor: str, note: str = "", check: Check | None = None
    ) -> Applied:
        """Make a document the active one.

        Args:
            text: YAML
            actor: who does it
            note: why
            check: called with the number of the active version while nobody else changes it, so
                that it may refuse; see `expecting`

        Returns:
            The active version; the one before where the document is the same.

        Raises:
            ConfigurationError: the document cannot be used, is empty, or names what is missing;
                `rollback` to 0 leaves none
        """
        self.check_text(text)
        return self._store.in_transaction(
            lambda connection: self.apply_in(connection, text, actor=actor, note=note, check=check)
        )

    def apply_in(
        self, connection: Connection, text: str, *, actor: str, note: str = "",
        check: Check | None = None,
    ) -> Applied:  # fmt: skip
        """Do what `apply` does with a document that is checked, in an open writing transaction."""
        alone(connection)
        return self._add(connection, text, actor, note, check, None)

    def rollback(
        self, number: int, *, actor: str, note: str = "", check: Check | None = None
    ) -> Applied:
        """Make an earlier version active again, as a new version.

        Args:
            number: of the version to go back to; 0 for no document
            actor: who does it
            note: why
            check: as of `apply`

        Returns:
            The new version.

        Raises:
            NotFound: there is no version of that number
            Conflict: its document was deleted, since it had the name of a person who was erased
            ConfigurationError: what it names is missing by now
        """

        def work(connection: Connection) -> Applied:
            alone(connection)
            text = self._kept(connection, number) if number else ""
            return self._add(connection, text, actor, note, check, number)

        return self._store.in_transaction(work)

    def refuse_missing(
        self, connection: Connection, named: Collection[str], *, made: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Refuse a document that names receivers which there are not.

        Args:
            connection: an open transaction
            named: by the document
            made: receivers that will be there by then
            removed: receivers that will not

        Raises:
            ConfigurationError: one is missing
        """
        known = set(self._store.receivers.all_in(connection)).difference(removed).union(made)
        missing = sorted(set(named) - known)
        if missing:
            raise ConfigurationError(
                f"there is no receiver {', '.join(missing)}, needed by {self.kind.noun}",
                hint=f"Make it first: sentinel receiver set {missing[0]} --channel …",
            )

    def _add(
        self, connection: Connection, text: str, actor: str, note: str, check: Check | None,
        back_to: int | None,
    ) -> Applied:  # fmt: skip
        active = self._active.row(connection, self._scope)
        before = 0 if active is None else active.number
        if check is not None:
            check(before)
        self.admit(connection, text)
        digest = _digest(text)
        if active.digest == digest if active is not None else not text:
            return Applied(number=before, changed=False)
        highest = select(func.coalesce(func.max(self._table.c.number), 0)).where(*self._mine)
        number = connection.execute(highest).scalar_one() + 1
        connection.execute(
            self._table.insert().values(
                number=number, document=text, digest=digest, note=note, applied_by=actor,
                applied_at=self._store.now(), rolled_back_to=back_to, **self._scope,
            )
        )  # fmt: skip
        change = Change(
            action=f"{self.kind.area}.applied", object_kind=self.kind.area, object_id=str(number),
            object_name=self.version_name(number), before={"version": before},
            after={"version": number, "sha256": digest}, note=note,
            tenant=self._scope.get("tenant", ""),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        self.follow(connection, text)
        self._store.changed(connection)
        return Applied(number=number, changed=True)

    def _kept(self, connection: Connection, number: int) -> str:
        row = self._version(connection, number)
        if row.digest != _digest(row.document):
            raise Conflict(
                f"the document of version {number} was deleted",
                hint="It had the name of a person who was erased.",
            )
        return row.document

    def _version(self, connection: Connection, number: int | None) -> V:
        query = select(self._table).where(*self._mine)
        query = query.order_by(self._table.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(self._table.c.number == number)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound(
                self.kind.none
                if number is None
                else f"there is no version {number} of {self.kind.noun}",
                hint=f"See: {self.kind.history}",
            )
        return model_of(self._model, row)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
