"""Takes secrets out of texts that leave this machine: known ones, and what looks like one. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

__all__ = ["GONE", "Redactor", "is_secret_name"]

GONE = "(secret)"
_SHORTEST = 5
"""A shorter value is no secret that could be told from ordinary words."""
_NAMES = (
    r"secret|passw|passphrase|token|api.?key|authorization|credential|private.?key|routing.?key|"
    r"webhook.?url|auth.?string|cookie|signature|signing|dsn|login.?key|audit.?key|_key\b"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                re.DOTALL), GONE),
    # A header, to the end of its line or its quotes.
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|signature)"
                r"[\w-]*)(['\"]?\s*[:=,]\s*)(?:b?['\"])?[^\r\n'\"]+"), rf"\1\2{GONE}"),
    (re.compile(r"(?i)\b(bearer|basic|token|genie-?key)\s+[\w.~+/=-]{8,}"), rf"\1 {GONE}"),
    # name=value, name: value, "name": "value"
    (re.compile(rf"(?i)([\w.-]*(?:{_NAMES})[\w.-]*['\"]?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|"
                r"[^\s'\",;&})\]]+)"), rf"\1{GONE}"),
    (re.compile(r"(://)[^/\s@'\"]+@"), rf"\1{GONE}@"),
    # The query of an address, where keys and signatures are.
    (re.compile(r"((?:[a-z][a-z0-9+.-]*://|/)[^\s?'\"<>]*\?)[^\s'\"<>]+"), rf"\1{GONE}"),
    (re.compile(r"\bsnt_[a-z0-9]{8}_[\w-]+|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|\bgh[pousr]_\w{16,}|"
                r"\bglpat-[\w-]{16,}|\bAKIA[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bsk-[\w-]{16,}|"
                r"\bSG\.[\w-]{10,}\.[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),
    # Webhooks of vendors, links that acknowledge, pings: their path is the password.
    (re.compile(r"(?i)(hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|[\w.-]*webhook\.office"
                r"\.com|hc-ping\.com|api\.telegram\.org)/[^\s'\"<>]+"), rf"\1/{GONE}"),
    (re.compile(r"(/(?:ping/[^/\s]+|a|feeds?|calendars?|intake/[^/\s]+)/)[\w.~-]{8,}"),
     rf"\1{GONE}"),
    (re.compile(r"(?<=/)(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])(?![0-9a-f-]{32,36}(?![\w-]))[\w-]{20,}"
                r"(?=[/\s'\"?)]|\Z)"), GONE),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "(address)"),
)  # fmt: skip
"""What is replaced, in this order."""


def is_secret_name(name: str) -> bool:
    """Return whether a field or variable of this name holds a secret."""
    return _NAME.search(name) is not None


class Redactor:
    """Replaces secrets in texts and in what JSON can hold.

    Args:
        known: secrets of this instance; each is also found percent-encoded and in base64
    """

    def __init__(self, known: Iterable[str]) -> None:
        forms: set[str] = set()
        for one in known:
            for form in (one, one.strip(), unquote(one), quote(one, safe="")):
                if len(form) >= _SHORTEST:
                    encoded = base64.b64encode(form.encode()).decode().rstrip("=")
                    forms |= {form, encoded}
        # The longest first: one may be within another.
        longest = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest))) if longest else None

    def text(self, given: str) -> str:
        """Return a text without secrets.

        Args:
            given: of any length; lines stay lines

        Returns:
            The text, with `(secret)` where one was.
        """
        if self._known is not None:
            given = self._known.sub(GONE, given)
        for pattern, instead in _PATTERNS:
            given = pattern.sub(instead, given)
        return given

    def value(self, given: Any) -> Any:
        """Return a value without secrets: texts within it, and whole fields with such a name.

        Args:
            given: what JSON can hold

        Returns:
            The same shape.
        """
        if isinstance(given, str):
            return self.text(given)
        if isinstance(given, Mapping):
            fields = cast("Mapping[str, Any]", given)
            return {
                self.text(str(name)): GONE if is_secret_name(str(name)) and one not in _EMPTY
                else self.value(one)
                for name, one in fields.items()
            }  # fmt: skip
        if isinstance(given, list | tuple):
            return [self.value(one) for one in cast("list[Any]", given)]
        return given


_EMPTY: tuple[Any, ...] = (None, "", False, True)
