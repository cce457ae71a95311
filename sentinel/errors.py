"""Every error that Sentinel raises on purpose.

The tree::

    SentinelError
    ├── ConfigurationError      a setting, a file or an environment is not usable
    │   └── RuleError           one rule cannot be used as it is written
    ├── TriggerError            a trigger cannot be loaded or called
    │   └── ReadingError        a trigger answered something that is no reading
    ├── CheckTimeout            a check did not answer in the time its rule allows
    ├── NotFound                no such alert, rule, group, receiver
    ├── Conflict                somebody else changed it first, or its state forbids this
    ├── DatabaseError           the shared database cannot be used
    │   ├── DatabaseUnreachable it does not answer
    │   └── SchemaTooNew        a newer Sentinel has already migrated it
    ├── DeliveryError           a channel did not take a message (`permanent` or not)
    └── PrefectUnreachable      the Prefect API does not answer

A message names the thing, says what was wrong with it, and says what to do.
"""

from __future__ import annotations

__all__ = [
    "CheckTimeout",
    "ConfigurationError",
    "Conflict",
    "DatabaseError",
    "DatabaseUnreachable",
    "DeliveryError",
    "NotFound",
    "PrefectUnreachable",
    "ReadingError",
    "RuleError",
    "SchemaTooNew",
    "SentinelError",
    "TriggerError",
]


class SentinelError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what was wrong, naming the thing
        hint: what to do about it, a sentence; empty where the message says it
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ConfigurationError(SentinelError):
    """A setting, a file or an environment is not usable."""


class RuleError(ConfigurationError):
    """One rule cannot be used as it is written."""


class TriggerError(SentinelError):
    """A trigger cannot be loaded or called."""


class ReadingError(TriggerError):
    """A trigger answered something that is no reading."""


class CheckTimeout(SentinelError):
    """A check did not answer in the time its rule allows."""


class NotFound(SentinelError):
    """No such alert, rule, group or receiver."""


class Conflict(SentinelError):
    """Somebody else changed it first, or its state forbids this."""


class DatabaseError(SentinelError):
    """The shared database cannot be used."""


class DatabaseUnreachable(DatabaseError):
    """The shared database does not answer."""


class SchemaTooNew(DatabaseError):
    """A newer Sentinel has already migrated the database."""


class DeliveryError(SentinelError):
    """A channel did not take a message.

    Args:
        message: what the channel answered, without secrets
        permanent: true where trying again cannot help (a wrong address, a refused token)
    """

    def __init__(self, message: str, *, permanent: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.permanent = permanent


class PrefectUnreachable(SentinelError):
    """The Prefect API does not answer."""
