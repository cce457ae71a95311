"""The commands of API keys: what `sentinel key` does, by admins within where they are admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.access import Grant, Role
from sentinel.duration import parse_duration
from sentinel.errors import NotFound, OutOfScope
from sentinel.store.access.key_views import KeyView
from sentinel.store.access.keys import Keys, MadeKey

if TYPE_CHECKING:
    from dashboard.commands import Services
    from sentinel.access import Principal

__all__ = ["CreateKey", "RevokeKey", "RotateKey", "is_in_reach"]

KeyId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
KeyName = Annotated[str, msgspec.Meta(max_length=100)]
Length = Annotated[str, msgspec.Meta(max_length=20)]
Names = Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=50)]
"""Tenants, teams or scopes; an empty list means all."""


def is_in_reach(who: Principal, key: KeyView) -> bool:
    """Return whether somebody may see and change a key.

    Args:
        who: asks
        key: the key

    Returns:
        Whether they are an admin of all that it holds for.
    """
    return all(who.covers(grant) for grant in key.grants)


def _reached(services: Services, key_id: str) -> Keys:
    keys = Keys(services.within.store)
    if not is_in_reach(services.who, keys.get(key_id)):
        raise NotFound(f"there is no key {key_id!r}", hint="Load the page again.")
    return keys


class CreateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Make an API key.

    Attributes:
        name: of the program that uses it
        role: what it may do
        tenants: where; empty for all
        teams: for whose alerts and rules; empty for all
        scopes: areas of the API that it is confined to; empty for all
        expires_in: how long it is valid, such as `90d`; empty for until it is revoked
    """

    name: KeyName
    role: Role
    tenants: Names = []
    teams: Names = []
    scopes: Names = []
    expires_in: Length = ""

    def carry_out(self, services: Services, actor: str) -> MadeKey:
        """Make the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the key with its secret, which nothing else has

        Raises:
            OutOfScope: it would hold where whoever sent this is no admin
            ConfigurationError: a field cannot be used
            Conflict: there is a key of that name
        """
        where = (frozenset(one) if one else None for one in (self.tenants, self.teams))
        if not services.who.covers(Grant(self.role, *where)):
            raise OutOfScope(
                f"{actor} is not an admin of all that this key would hold for",
                hint="Name only tenants and teams in which you are an admin.",
            )
        return Keys(services.within.store).create(
            self.name, self.role, actor=actor, tenants=self.tenants or None,
            teams=self.teams or None, scopes=self.scopes,
            expires_in=parse_duration(self.expires_in) if self.expires_in else None,
        )  # fmt: skip


class RotateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give a key a new secret, while the one before is accepted for a time.

    Attributes:
        key: its id
        overlap: how long the secret before is accepted, such as `1d`
        expires_in: how long the new one is valid; empty for as long as the one before was
    """

    key: KeyId
    overlap: Length = "1d"
    expires_in: Length = ""

    def carry_out(self, services: Services, actor: str) -> MadeKey:
        """Rotate the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the key with its new secret, which nothing else has

        Raises:
            NotFound: there is no such key where whoever sent this is an admin
            Conflict: it is revoked
            ConfigurationError: a length cannot be used
        """
        return _reached(services, self.key).rotate(
            self.key, actor=actor, overlap=parse_duration(self.overlap),
            expires_in=parse_duration(self.expires_in) if self.expires_in else None,
        )  # fmt: skip


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key for good."""

    key: KeyId

    def carry_out(self, services: Services, actor: str) -> KeyView:
        """Revoke the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the key

        Raises:
            NotFound: there is no such key where whoever sent this is an admin
        """
        return _reached(services, self.key).revoke(self.key, actor=actor)
