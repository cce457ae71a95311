"""Accounts of people who come with a token of an outside issuer: disabled or not, and the name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from sentinel.store.access.person_views import PERSON

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OutsideAccounts"]


class OutsideAccounts:
    """Finds the accounts that logins at an OIDC provider made.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def name(self, issuer: str, subject: str, names: Sequence[str]) -> str | None:
        """Return the name that somebody acts under.

        Args:
            issuer: of the token
            subject: its claim `sub`
            names: those that the token allows, the best first; used where there is no account

        Returns:
            The name of the account, else the first that no other account has; None where the
            account is disabled, or every name belongs to another one.
        """
        known = and_(PERSON.c.issuer == issuer, PERSON.c.subject == subject)
        query = select(
            PERSON.c.name, PERSON.c.disabled_at, known.label("known")
        ).where(or_(known, PERSON.c.name.in_(names)))  # fmt: skip
        with self._store.glance() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.known:
                return row.name if row.disabled_at is None else None
        taken = {row.name for row in rows}
        return next((one for one in names if one not in taken), None)
