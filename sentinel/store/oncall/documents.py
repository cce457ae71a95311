"""Versions of the on-call document: each that was applied, kept, read and rolled back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.notifications.receivers import alone

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["AppliedDocument", "Check", "OnCallDocuments", "active_document", "expecting"]

VERSION, OVERRIDE = table_of(OnCallVersion), table_of(OnCallOverride)
_ACTIVE = select(VERSION.c.number, VERSION.c.digest).order_by(VERSION.c.number.desc()).limit(1)
_READ: dict[str, OnCallDocument] = {}
"""Documents by their digest, of all databases of this process."""
_MOST_READ = 8


Check = Callable[[int], None]
"""What refuses a change by the number of the active version."""


def anything(_: int) -> None:
    """Refuse nothing."""


def expecting(number: int | None) -> Check:
    """Return a check that another version than expected is not active.

    Args:
        number: of the version; None for any, 0 for none

    Returns:
        What raises `Conflict` where another version is active.
    """

    def check(active: int) -> None:
        if number is not None and number != active:
            raise Conflict(
                f"version {active} of the on-call document is active, not {number}",
                hint="Somebody changed it meanwhile: sentinel oncall history",
            )

    return check


class AppliedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What came of applying a document: the active version, and whether it is a new one."""

    number: int
    changed: bool


def active_document(connection: Connection) -> OnCallDocument:
    """Return the active document as an open transaction reads it; an empty one where none is.

    The text itself is read only where this process has not read it before.

    Args:
        connection: an open transaction

    Returns:
        The document.
    """
    row = connection.execute(_ACTIVE).first()
    if row is None:
        return OnCallDocument()
    known = _READ.get(row.digest)
    if known is None:
        query = select(VERSION.c.document).where(VERSION.c.number == row.number)
        text = connection.execute(query).scalar_one()
        known = read_oncall(text) if text else OnCallDocument()
        if len(_READ) >= _MOST_READ:
            _READ.clear()
        _READ[row.digest] = known
    return known


class OnCallDocuments:
    """The on-call document in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def active(self) -> OnCallDocument:
        """Return the active document; an empty one where none was applied."""
        with self._store.read() as connection:
            return active_document(connection)

    def history(self, limit: int = 100) -> list[OnCallVersion]:
        """Return the newest versions, the active one first."""
        query = select(VERSION).order_by(VERSION.c.number.desc()).limit(limit)
        with self._store.read() as connection:
            return [model_of(OnCallVersion, row) for row in connection.execute(query)]

    def version(self, number: int | None = None) -> OnCallVersion:
        """Return one version.

        Args:
            number: of the version; None for the active one

        Returns:
            The version.

        Raises:
            NotFound: there is none of that number
        """
        with self._store.read() as connection:
            return _version(connection, number)

    def apply(
        self, text: str, *, actor: str, note: str = "", check: Check = anything
    ) -> AppliedDocument:
        """Make a document the active one.

        Args:
            text: YAML; empty for none
            actor: who does it
            note: why
            check: called with the number of the active version, 0 for none, before the change;
                what it raises ends it

        Returns:
            The active version; the one before where the document is the same.

        Raises:
            ConfigurationError: the document cannot be used, a receiver is missing, or an override
                to come needs a person or schedule that it lacks
        """
        text = text if text.strip() else ""
        document = read_oncall(text) if text else OnCallDocument()

        def work(connection: Connection) -> AppliedDocument:
            alone(connection)
            return self._add(connection, text, document, actor, note, check, None)

        return self._store.in_transaction(work)

    def rollback(
        self, number: int, *, actor: str, note: str = "", check: Check = anything
    ) -> AppliedDocument:
        """Make an earlier version active again, as a new version.

        Args:
            number: of the version to go back to
            actor: who does it
            note: why
            check: as of `apply`

        Returns:
            The new version.

        Raises:
            NotFound: there is no version of that number
            Conflict: its document was deleted, since it had the name of a person who was erased
            ConfigurationError: a receiver that it names is missing by now
        """

        def work(connection: Connection) -> AppliedDocument:
            alone(connection)
            row = _version(connection, number)
            text = row.document
            if row.digest != _digest(text):
                raise Conflict(
                    f"the document of version {number} was deleted",
                    hint="It had the name of a person who was erased.",
                )
            document = read_oncall(text) if text else OnCallDocument()
            return self._add(connection, text, document, actor, note, check, number)

        return self._store.in_transaction(work)

    def _add(
        self, connection: Connection, text: str, document: OnCallDocument, actor: str, note: str,
        check: Check, back_to: int | None,
    ) -> AppliedDocument:  # fmt: skip
        active = connection.execute(_ACTIVE).first()
        before = 0 if active is None else active.number
        check(before)
        missing = sorted(document.receivers - set(self._store.receivers.all_in(connection)))
        if missing:
            raise ConfigurationError(
                f"there is no receiver {', '.join(missing)}",
                hint=f"Make it first: sentinel receiver set {missing[0]} --channel …",
            )
        _refuse_orphans(connection, document, self._store.now())
        digest = _digest(text)
        if active.digest == digest if active is not None else not text:
            return AppliedDocument(number=before, changed=False)
        highest = select(func.coalesce(func.max(VERSION.c.number), 0))
        number = connection.execute(highest).scalar_one() + 1
        connection.execute(
            VERSION.insert().values(
                number=number, document=text, digest=digest, note=note, applied_by=actor,
                applied_at=self._store.now(), rolled_back_to=back_to,
            )
        )  # fmt: skip
        change = Change(
            action="oncall.applied", object_kind="oncall", object_id=str(number),
            object_name=f"version {number}", before={"version": before},
            after={"version": number, "sha256": digest}, note=note,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        self._store.changed(connection)
        return AppliedDocument(number=number, changed=True)


def _refuse_orphans(connection: Connection, document: OnCallDocument, now: datetime) -> None:
    """Refuse a document that lacks a schedule or a person of an override to come.

    Raises:
        ConfigurationError: there is such an override
    """
    query = (
        select(OVERRIDE.c.id, OVERRIDE.c.schedule, OVERRIDE.c.people, OVERRIDE.c.replaces)
        .where(OVERRIDE.c.removed_at.is_(None), OVERRIDE.c.ends_at > now)
        .order_by(OVERRIDE.c.id)
    )
    for row in connection.execute(query):
        people = [name for name in (*row.people.split("\n"), row.replaces) if name]
        missing = [name for name in people if name not in document.people]
        if row.schedule not in document.schedules or missing:
            named = f"the person {missing[0]}" if missing else f"the schedule {row.schedule}"
            raise ConfigurationError(
                f"an override to come of the schedule {row.schedule} needs {named}",
                hint=f"Take it back first: sentinel oncall remove {row.id}",
            )


def _version(connection: Connection, number: int | None) -> OnCallVersion:
    query = select(VERSION).order_by(VERSION.c.number.desc()).limit(1)
    if number is not None:
        query = query.where(VERSION.c.number == number)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "there is no on-call document"
            if number is None
            else f"there is no version {number} of the on-call document",
            hint="Apply one: sentinel oncall apply FILE",
        )
    return model_of(OnCallVersion, row)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
