"""The commands of keys of the consumers of an API: made, rotated, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.duration import parse_duration
from sentinel.store.api_usage.consumer_keys import (
    ConsumerKeys,
    ConsumerKeyView,
    MadeConsumerKey,
)

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["CreateConsumerKey", "RevokeConsumerKey", "RotateConsumerKey"]

KeyId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Name = Annotated[str, msgspec.Meta(max_length=100)]
Length = Annotated[str, msgspec.Meta(max_length=20)]
Words = Annotated[list[Name], msgspec.Meta(max_length=100)]


def _keys(services: Services) -> ConsumerKeys:
    return ConsumerKeys(services.within.store, services.within.scope)


class CreateConsumerKey(msgspec.Struct, frozen=True, kw_only=True):
    """Make a key for a consumer of an API.

    Attributes:
        tenant: of the API
        name: unique in its tenant
        consumer: whose it is, in the words of the API
        plan: in the words of the API
        permissions: in the words of the API
        expires_in: how long it is valid, such as `90d`; empty for until it is revoked
    """

    tenant: Name
    name: Name
    consumer: Annotated[str, msgspec.Meta(max_length=200)] = ""
    plan: Annotated[str, msgspec.Meta(max_length=80)] = ""
    permissions: Words = []
    expires_in: Length = ""

    def carry_out(self, services: Services, actor: str) -> MadeConsumerKey:
        """Make the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The key with its secret, which nothing else has.

        Raises:
            OutOfScope: not all of the tenant is in scope
            ConfigurationError: a field cannot be used
            Conflict: the tenant has a key of that name
        """
        return _keys(services).create(
            self.name, tenant=services.within.tenant(self.tenant).name, actor=actor,
            consumer=self.consumer, plan=self.plan, permissions=self.permissions,
            expires_in=parse_duration(self.expires_in) if self.expires_in else None,
        )  # fmt: skip


class RotateConsumerKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give a key a new secret, while the one before is accepted for a time.

    Attributes:
        key: its id
        overlap: how long the secret before is accepted, such as `1d`
    """

    key: KeyId
    overlap: Length = "1d"

    def carry_out(self, services: Services, actor: str) -> MadeConsumerKey:
        """Rotate the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The key with its new secret, which nothing else has.

        Raises:
            NotFound: there is none in scope
            Conflict: it is revoked, or too many of its secrets are valid
            ConfigurationError: the length cannot be used
        """
        return _keys(services).rotate(self.key, actor=actor, overlap=parse_duration(self.overlap))


class RevokeConsumerKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key for good."""

    key: KeyId

    def carry_out(self, services: Services, actor: str) -> ConsumerKeyView:
        """Revoke the key.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The key.

        Raises:
            NotFound: there is none in scope
        """
        return _keys(services).revoke(self.key, actor=actor)
