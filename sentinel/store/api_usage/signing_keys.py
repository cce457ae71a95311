"""The keys that sign offline tokens of consumers: made, published, used and replaced.

The newest key that has been public for `LEAD` signs. So a gateway that reads the JWK Set at least
that often knows a key before the first token of it comes. A key that was replaced stays public
until the last token that it signed has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.api_usage.consumer_keys import LONGEST_TOKEN, new_signing_key, public_keys
from sentinel.audit.change import Change
from sentinel.schema.api_usage import ConsumerKeySigner
from sentinel.schema.columns import new_id
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LEAD", "SigningKeys"]

_SIGNER = table_of(ConsumerKeySigner)
LEAD = timedelta(hours=1)
"""For so long a new key is public before it signs."""
_SLACK = timedelta(minutes=1)
_FIRST = "the one"


class _Signer(msgspec.Struct, frozen=True):
    id: str
    document: str
    made_at: datetime


class SigningKeys:
    """The keys of this instance.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self) -> str:
        """Return the private key that signs now, as the JSON of a JWK; makes the first one."""
        return _signing(self._all(), self._store.now()).document

    def public(self) -> dict[str, Any]:
        """Return what reads tokens that are valid now or will be soon, as a JWK Set."""
        found = [public_keys(one.document) for one in self._all()]
        return {"keys": [key for one in found for key in one["keys"]]}

    def rotate(self, *, actor: str, at_once: bool = False) -> datetime:
        """Make a new key, and delete those of which no token is valid any more.

        Args:
            actor: who rotates
            at_once: it signs now, and tokens of all keys before end now; for a key that leaked

        Returns:
            When the new key begins to sign.
        """
        now, document = self._store.now(), new_signing_key()
        made_at = now - LEAD if at_once else now

        def work(connection: Connection) -> None:
            alone(connection)
            there = _read(connection)
            over = there if at_once else _over(there, now)
            connection.execute(_SIGNER.delete().where(_SIGNER.c.id.in_([one.id for one in over])))
            values = {"id": new_id(), "document": document, "made_at": made_at}
            connection.execute(_SIGNER.insert().values(**values))
            (new,) = public_keys(document)["keys"]
            change = Change(
                action="consumer_key.signer_rotated", object_kind="consumer_key",
                object_name=str(new["kid"]), after={"at_once": at_once},
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)

        self._all()  # a first key, which gateways may have read before
        self._store.in_transaction(work)
        return made_at + LEAD

    def make_first(self) -> None:
        """Make the first key, unless there is one."""
        made_at = self._store.now() - LEAD  # it signs at once
        values = {"id": _FIRST, "document": new_signing_key(), "made_at": made_at}
        with self._store.write() as connection:
            if not _read(connection):
                connection.execute(
                    insert_into(self._store.dialect, _SIGNER)
                    .values(**values)
                    .on_conflict_do_nothing(index_elements=["id"])
                )

    def _all(self) -> Sequence[_Signer]:
        """Return the keys that count, the newest first."""
        with self._store.glance() as connection:
            found = _read(connection)
        if not found:
            self.make_first()
            with self._store.glance() as connection:
                found = _read(connection)
        over = _over(found, self._store.now())
        return [one for one in found if one not in over]


def _read(connection: Connection) -> list[_Signer]:
    query = select(_SIGNER).order_by(_SIGNER.c.made_at.desc(), _SIGNER.c.id.desc())
    return [_Signer(row.id, row.document, row.made_at) for row in connection.execute(query)]


def _signing(found: Sequence[_Signer], now: datetime) -> _Signer:
    return next((one for one in found if one.made_at <= now - LEAD), found[-1])


def _over(found: Sequence[_Signer], now: datetime) -> list[_Signer]:
    """Return the keys whose last token has ended, of those with the newest first."""
    newer = zip(found[1:], found, strict=False)
    return [one for one, next_ in newer if next_.made_at + LEAD + LONGEST_TOKEN + _SLACK < now]
