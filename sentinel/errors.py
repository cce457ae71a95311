"""Every error that Sentinel raises on purpose.

The tree::

    SentinelError
    ├── ConfigurationError      a setting, a file or an environment is not usable
    │   ├── RuleError           one rule cannot be used as it is written
    │   ├── ExpressionError     an expression cannot be read, or not be worked out
    │   ├── PatternError        a regular expression cannot be used
    │   ├── PolicyError         an event policy cannot be used as it is written
    │   └── SampleError         a sample of a metric cannot be kept
    ├── TriggerError            a trigger cannot be loaded or called
    │   ├── ReadingError        a trigger answered something that is no reading
    │   └── SourceDown          what a check reads from does not answer
    ├── CheckTimeout            a check did not answer in the time its rule allows
    ├── NotFound                no such alert, rule, group, receiver
    ├── OutOfScope              it belongs to other tenants or teams
    ├── Conflict                somebody else changed it first, or its state forbids this
    ├── DatabaseError           the shared database cannot be used
    │   ├── DatabaseUnreachable it does not answer
    │   └── SchemaTooNew        a newer Sentinel has already migrated it
    ├── ArchiveError            the archive of resolved alerts cannot be read or written
    ├── TelemetryError          the telemetry store refused a statement
    │   └── TelemetryUnavailable it does not answer, or there is none
    ├── DeliveryError           a channel did not take a message (`permanent` or not)
    └── PrefectUnreachable      the Prefect API does not answer

A message names the thing, says what was wrong with it, and says what to do.
"""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "CheckTimeout",
    "ConfigurationError",
    "Conflict",
    "DatabaseError",
    "DatabaseUnreachable",
    "DeliveryError",
    "ExpressionError",
    "NotFound",
    "OutOfScope",
    "PatternError",
    "PolicyError",
    "PrefectUnreachable",
    "ReadingError",
    "RuleError",
    "SampleError",
    "SchemaTooNew",
    "SentinelError",
    "SourceDown",
    "TelemetryError",
    "TelemetryUnavailable",
    "TooManyRequests",
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
        if not self.hint:
            return self.message
        end = "" if self.message.endswith((".", "?", "!")) else "."
        return f"{self.message}{end} {self.hint}"


class ConfigurationError(SentinelError):
    """A setting, a file or an environment is not usable."""


class RuleError(ConfigurationError):
    """One rule cannot be used as it is written."""


class ExpressionError(ConfigurationError):
    """An expression cannot be read, or not be worked out with what it was given.

    Args:
        message: what was wrong
        source: the whole expression
        column: where, counted from 1 in its line; 0 where it is about the whole
        line: the line of `source`, counted from 1
        hint: what to do about it
    """

    def __init__(
        self, message: str, *, source: str = "", column: int = 0, line: int = 1, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.source = source
        self.column = column
        self.line = line

    def __str__(self) -> str:
        text = super().__str__()
        lines = self.source.splitlines()
        if not self.column or not 1 <= self.line <= len(lines):
            return text
        shown, caret = _window(lines[self.line - 1], self.column)
        return f"{text}, at column {self.column}\n    {shown}\n    {' ' * caret}^"


class PatternError(ConfigurationError):
    """A regular expression cannot be used."""


class PolicyError(ConfigurationError):
    """An event policy cannot be used as it is written."""


class SampleError(ConfigurationError):
    """A sample of a metric cannot be kept.

    Args:
        message: what was wrong
        field: which part of the sample, for example value or labels.host
        index: which of many it was, from 0; None where it was the only one
        hint: what to do about it
    """

    def __init__(
        self, message: str, *, field: str = "", index: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.index = index

    def __str__(self) -> str:
        place = "sample" if self.index is None else f"sample {self.index}"
        return f"{place}, {self.field}: {super().__str__()}" if self.field else super().__str__()


class TriggerError(SentinelError):
    """A trigger cannot be loaded or called."""


class ReadingError(TriggerError):
    """A trigger answered something that is no reading."""


class SourceDown(TriggerError):
    """What a check reads from does not answer; every rule on it then fails alike.

    Args:
        source: what does not answer, the same text for every rule that reads from it and without
            secrets; their alerts are notified as one
        message: what was wrong
        hint: what to do about it
    """

    def __init__(self, source: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.source = source


class CheckTimeout(SentinelError):
    """A check did not answer in the time its rule allows."""


class NotFound(SentinelError):
    """No such alert, rule, group or receiver."""


class OutOfScope(SentinelError):
    """Whoever asks may not see or change that: it belongs to other tenants or teams."""


class Conflict(SentinelError):
    """Somebody else changed it first, or its state forbids this."""


class DatabaseError(SentinelError):
    """The shared database cannot be used."""


class DatabaseUnreachable(DatabaseError):
    """The shared database does not answer."""


class TooManyRequests(SentinelError):
    """The server has no room for a request now; it may be sent again."""


class SchemaTooNew(DatabaseError):
    """A newer Sentinel has already migrated the database."""


class DeliveryError(SentinelError):
    """A channel did not take a message.

    Args:
        message: what the channel answered, without secrets
        permanent: true where trying again cannot help (a wrong address, a refused token)
        of_message: true where the channel refused this message for what is in it, and may take
            another one

    Attributes:
        progress: what the channel has taken of the message, in its own words, which the next
            attempt gets as `Message.progress`; empty for nothing
        retry_after: seconds for which the channel wants to be left alone; 0 where it says nothing
        unanswered: whether it got the message and gave no answer, so that it may have taken it
    """

    def __init__(
        self, message: str, *, permanent: bool = False, of_message: bool = False, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.permanent = permanent
        self.of_message = of_message
        self.progress = ""
        self.retry_after = 0.0
        self.unanswered = False


class PrefectUnreachable(SentinelError):
    """The Prefect API does not answer."""


class ArchiveError(SentinelError):
    """The archive of resolved alerts cannot be read or written, or a file of it is damaged."""


class LimitsUnavailable(SentinelError):
    """The Redis that counts limits does not answer; it is not known whether it counted."""


class TelemetryError(SentinelError):
    """The telemetry store refused a statement, or could not finish it."""


class TelemetryUnavailable(TelemetryError):
    """The telemetry store does not answer, has too much to do, or there is none."""


def _window(line: str, column: int, width: int = 76) -> tuple[str, int]:
    """Return as much of `line` around `column` as fits, and the column's position in it."""
    line = "".join(c if c.isprintable() else " " for c in line)
    start = max(0, min(column - 1 - width // 2, len(line) - width))
    return line[start : start + width], column - 1 - start
