r"""Text from outside, made safe for a terminal, a log line and a CSV.

Alerts, payloads and answers of servers can hold control characters: an ESC sequence colours or
clears a terminal, a carriage return hides the beginning of a line, a bidirectional override shows
text in another order than it has (CVE-2021-42574). They are shown as Python writes them: `\x1b`.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from typing import Any

__all__ = ["clean_log_records", "counted", "has_controls", "printable", "printable_json"]

# C0 but for tab and newline, DEL and C1, marks and overrides of direction, surrogates. A newline
# divides lines and a tab columns; neither moves the cursor back.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return `text` with its control characters, except tab and newline, as visible escapes."""
    return _CONTROLS.sub(_escaped, text)


def has_controls(text: str) -> bool:
    """Return whether `printable` would change `text`."""
    return _CONTROLS.search(text) is not None


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things in words.

    Args:
        count: how many there are
        one: what stands behind 1
        many: what stands behind any other number; with an s by default

    Returns:
        Such as `1 alert` or `2,000 alerts`.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def printable_json(text: str) -> str:
    """Return JSON with the same value and no control characters; JSON leaves DEL and C1 raw."""
    return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _escaped(found: re.Match[str]) -> str:
    # `unicode_escape` refuses no character, not even a surrogate.
    return found[0].encode("unicode_escape").decode()


class _Clean(logging.LogRecord):
    """A log record whose message and traceback are printable, whatever handler writes it."""

    def getMessage(self) -> str:  # noqa: N802 - the name is logging's
        """Return the message with its arguments filled in."""
        message = printable(super().getMessage())
        if "\n" in message and not self.name.startswith("prefect"):
            # Text from outside must not look like a line of its own. Prefect's loggers carry what
            # users log, whose lines are theirs.
            message = message.replace("\n", "\n  ")
        return message

    # A property, because a `Formatter` sets the attribute and reads it back to write it.
    @property
    def exc_text(self) -> str | None:
        """The formatted traceback, once a `Formatter` has set it."""
        return self._traceback

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._traceback = printable(text) if text else text


@cache
def _clean_kind(kind: type[logging.LogRecord]) -> type[logging.LogRecord]:
    return (
        _Clean if kind is logging.LogRecord else type(f"Clean{kind.__name__}", (_Clean, kind), {})
    )


def clean_log_records() -> None:
    """Make every log record of this process printable, also those of libraries.

    The factory that another library has set goes on making them, with what it adds.
    """
    made_by = logging.getLogRecordFactory()
    if getattr(made_by, "cleans", False):
        return

    def made(*args: Any, **more: Any) -> logging.LogRecord:
        record = made_by(*args, **more)
        if not isinstance(record, _Clean):
            traceback = record.__dict__.pop("exc_text", None)
            record.__class__ = _clean_kind(type(record))
            record.exc_text = traceback
        return record

    made.cleans = True  # pyright: ignore[reportFunctionMemberAccess] - so that it is set once
    logging.setLogRecordFactory(made)
