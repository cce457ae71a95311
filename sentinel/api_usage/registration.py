"""What consumers of an API may do for themselves: register, and make keys. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum

import msgspec

from sentinel.api_usage.consumer_keys import checked_words
from sentinel.errors import ConfigurationError

__all__ = [
    "LONGEST_KEY_NAME",
    "AccountStatus",
    "RegistrationRules",
    "account_name",
    "checked_rules",
    "key_length",
    "key_name",
    "key_permissions",
    "plan_at_registration",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,48}[a-z0-9]")
LONGEST_KEY_NAME = 45
_MOST_KEYS, _LONGEST_DAYS = 100, 3660


class AccountStatus(StrEnum):
    """What an account of a consumer may do."""

    WAITING = "waiting"
    ACTIVE = "active"
    DISABLED = "disabled"


class RegistrationRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an admin allows the consumers of a tenant's API.

    Attributes:
        enabled: whether anybody may register
        approval: whether an editor has to approve an account before it makes keys
        plans: that somebody may choose at registration; the first is the default, empty for none
        permissions: that keys may have
        most_keys: of an account, that are not revoked
        longest_days: for which a key may be valid; None for without an end
    """

    enabled: bool = False
    approval: bool = True
    plans: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    most_keys: int = 5
    longest_days: int | None = 365


def checked_rules(rules: RegistrationRules) -> RegistrationRules:
    """Return rules that can be kept.

    Args:
        rules: as an admin wrote them

    Returns:
        The same.

    Raises:
        ConfigurationError: a word or a number is not valid
    """
    checked_words(rules.plans, "plans")
    checked_words(rules.permissions, "permissions")
    if len(set(rules.plans)) < len(rules.plans):
        raise ConfigurationError("plans: one of them is named twice")
    if not 1 <= rules.most_keys <= _MOST_KEYS:
        raise ConfigurationError(f"most_keys: must be 1 to {_MOST_KEYS}")
    if rules.longest_days is not None and not 1 <= rules.longest_days <= _LONGEST_DAYS:
        raise ConfigurationError(
            f"longest_days: must be 1 to {_LONGEST_DAYS:,}", hint="Leave it out for no end."
        )
    return rules


def account_name(given: str) -> str:
    """Return the name of an account, in small letters.

    Args:
        given: as somebody typed it, such as a mail address

    Returns:
        The name.

    Raises:
        ConfigurationError: no account can have it
    """
    named = given.strip().lower()
    if not _NAME.fullmatch(named):
        raise ConfigurationError(
            f"name: {given[:100]!r} is not valid",
            hint="Use 3 to 50 letters, digits and . _ @ + -, a letter or digit first and last.",
        )
    return named


def plan_at_registration(rules: RegistrationRules, asked: str | None) -> str:
    """Return the plan of a new account.

    Args:
        rules: of the tenant
        asked: as somebody chose it; None for the default

    Returns:
        The plan; empty where there are none.

    Raises:
        ConfigurationError: it cannot be chosen
    """
    if asked is None:
        return rules.plans[0] if rules.plans else ""
    if asked not in rules.plans:
        choices = ", ".join(rules.plans) or "none"
        raise ConfigurationError(
            f"plan: {asked[:80]!r} cannot be chosen", hint=f"Choose of: {choices}."
        )
    return asked


def key_permissions(rules: RegistrationRules, asked: Collection[str]) -> tuple[str, ...]:
    """Return the permissions of a new key, which the rules must have; raises as `key_length`."""
    words = checked_words(asked, "permissions")
    if more := [one for one in words if one not in rules.permissions]:
        choices = ", ".join(rules.permissions) or "none"
        raise ConfigurationError(
            f"permissions: {more[0]!r} is not allowed", hint=f"Allowed are: {choices}."
        )
    return words


def key_length(rules: RegistrationRules, asked: timedelta | None) -> timedelta | None:
    """Return how long a new key is valid.

    Args:
        rules: of the tenant
        asked: as the consumer chose it; None for as long as may be

    Returns:
        The length; None for without an end.

    Raises:
        ConfigurationError: it is longer than allowed
    """
    if rules.longest_days is None:
        return asked
    longest = timedelta(days=rules.longest_days)
    if asked is not None and asked > longest:
        raise ConfigurationError(f"expires_in: at most {rules.longest_days}d are allowed")
    return asked or longest


def key_name(account: str, given: str) -> str:
    """Return the name under which the key of an account is kept.

    Args:
        account: whose it is
        given: as the consumer wrote it

    Returns:
        A name that no other account's key has.

    Raises:
        ConfigurationError: it is empty, too long or not printable
    """
    kept = given.strip()
    if not kept or kept != given or len(given) > LONGEST_KEY_NAME or not given.isprintable():
        raise ConfigurationError(
            f"name: {given[:100]!r} is not valid",
            hint=f"Use 1 to {LONGEST_KEY_NAME} printable characters, no spaces at the ends.",
        )
    return f"{account}: {given}"
