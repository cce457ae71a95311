"""The limits of failed logins: of a name, of an address, and of a person at a known address.

Somebody else's guesses lock a name, so that a person who logged in from an address lately is not
kept out there: what counts is what failed from that address. From any other address, both the name
and the address must not have to wait.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import Connection, select

from sentinel.access.lockout import (
    FORGOTTEN_AFTER,
    KNOWN_FOR,
    MOST_KNOWN,
    AddressFailures,
    Failures,
)
from sentinel.schema.people import LoginAddress
from sentinel.store.access.people import FAILED, PERSON
from sentinel.store.access.person_names import name_hash
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Row

    from sentinel.store import Store

__all__ = ["KNOWN", "Counted", "Waits", "address_hash", "count", "forget"]

KNOWN = table_of(LoginAddress)


class Waits(msgspec.Struct, frozen=True):
    """Who must wait before the next try, and how long."""

    who: Literal["name", "address"]
    wait: timedelta


class Counted(msgspec.Struct, frozen=True):
    """A login that was counted as a failure, before its password is verified.

    Attributes:
        name: failures in a row of the name; of the person at this address, where it is known
        address: failures of the address that count still
        known: id of the person who logged in from this address lately; None for nobody
    """

    name: Failures
    address: AddressFailures
    known: str | None = None

    def wait(self, now: datetime) -> timedelta:
        """Return how long the next try must wait."""
        return max(self.name.wait(now), self.address.wait(now))


def address_hash(client: str) -> str:
    """Return what failed logins of an address are kept under, which no name's are.

    Args:
        client: as `one_client` returns it

    Returns:
        64 hex digits. The first byte is none of UTF-8, in which names are.
    """
    return hashlib.sha256(b"\xff" + client.encode()).hexdigest()


def count(store: Store, connection: Connection, named: str, client: str) -> Counted | Waits:
    """Count one more failure, unless the name or the address must wait.

    Args:
        store: the shared database
        connection: an open writing transaction
        named: as `person_name` returns it
        client: as `one_client` returns it; empty where the address is unknown, and not counted

    Returns:
        What was counted, or who must wait; then nothing was.
    """
    now = store.now()
    connection.execute(FAILED.delete().where(FAILED.c.last_at <= now - FORGOTTEN_AFTER))
    known = _known(connection, named, client, now) if client else None
    if known is not None:
        before = Failures(known.failures, known.failed_at)
        if wait := before.wait(now):
            return Waits("name", wait)
        after = before.after(now)
        mine = (KNOWN.c.person_id == known.person_id, KNOWN.c.address == known.address)
        values = {"failures": after.count, "failed_at": after.last_at}
        connection.execute(KNOWN.update().where(*mine).values(values))
        return Counted(after, AddressFailures(), known.person_id)
    # The address before the name, which is the order in which every login locks.
    address = AddressFailures()
    if client:
        row = _locked(store, connection, address_hash(client), now)
        address = AddressFailures(row.failures, row.last_at)
        if wait := address.wait(now):
            return Waits("address", wait)
    row = _locked(store, connection, name_hash(named), now)
    name = Failures(row.failures, row.last_at)
    if wait := name.wait(now):
        return Waits("name", wait)
    name, address = name.after(now), address.after(now)
    _write(connection, name_hash(named), name.count, name.last_at)
    if client:
        _write(connection, address_hash(client), address.level, address.last_at)
    return Counted(name, address if client else AddressFailures())


def forget(
    store: Store,
    connection: Connection,
    named: str,
    person_id: str | None,
    client: str,
    counted: Counted,
) -> None:
    """Take back what was counted, since the password was right, and remember the address.

    Args:
        store: the shared database
        connection: the transaction that begins the session
        named: as it was counted
        person_id: who logged in; None for somebody who is no person, and of no known address
        client: as it was counted
        counted: by `count`
    """
    now = store.now()
    if client and person_id is not None:
        made = insert_into(store.dialect, KNOWN).values(
            person_id=person_id, address=address_hash(client), login_at=now, failures=0
        )
        same = {"login_at": now, "failures": 0, "failed_at": None}
        connection.execute(
            made.on_conflict_do_update(index_elements=["person_id", "address"], set_=same)
        )
        mine = KNOWN.c.person_id == person_id
        newest = select(KNOWN.c.address).where(mine).order_by(KNOWN.c.login_at.desc())
        old = connection.execute(newest.offset(MOST_KNOWN)).scalars().all()
        connection.execute(
            KNOWN.delete().where(
                mine, (KNOWN.c.login_at <= now - KNOWN_FOR) | KNOWN.c.address.in_(old)
            )
        )
    if counted.known is not None:
        return  # what others guessed elsewhere still counts there
    if client:
        row = _locked(store, connection, address_hash(client), now)
        left = AddressFailures(row.failures, row.last_at).without_last()
        _write(connection, address_hash(client), left.level, left.last_at)
    connection.execute(FAILED.delete().where(FAILED.c.name_hash == name_hash(named)))


def _known(
    connection: Connection, named: str, client: str, now: datetime
) -> Row[tuple[str]] | None:
    """Return the locked row of a person's address; the same query where there is no such person."""
    if "\0" in named:
        return None
    query = (
        select(KNOWN)
        .join(PERSON, PERSON.c.id == KNOWN.c.person_id)
        .where(PERSON.c.name == named, KNOWN.c.address == address_hash(client))
        .where(KNOWN.c.login_at > now - KNOWN_FOR)
        .with_for_update(of=KNOWN)
    )
    return connection.execute(query).first()


def _locked(store: Store, connection: Connection, key: str, now: datetime) -> Row[tuple[str]]:
    new = insert_into(store.dialect, FAILED).values(name_hash=key, failures=0, last_at=now)
    connection.execute(new.on_conflict_do_nothing())
    query = select(FAILED).where(FAILED.c.name_hash == key).with_for_update()
    return connection.execute(query).one()


def _write(connection: Connection, key: str, failures: int, last_at: datetime | None) -> None:
    values = {"failures": failures, "last_at": last_at}
    connection.execute(FAILED.update().where(FAILED.c.name_hash == key).values(values))
