"""Takes secrets out of texts that leave this machine: known ones, and what looks like one. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

__all__ = ["GONE", "Redactor", "is_secret_name"]

GONE = "(secret)"
_SHORTEST = 5
"""A shorter value is no secret that could be told from ordinary words."""
_NAMES = (
    r"secret|passw|passphrase|\bpwd\b|token|api.?key|authorization|credential|private.?key|"
    r"routing.?key|webhook.?url|auth.?string|cookie|signature|signing|dsn|login.?key|audit.?key|"
    r"_key\b"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_END = rf"(?:{_NAMES})[\w.-]{{0,40}}"
"""The end of a name: how it begins stays as it is."""
_QUOTED = r"[bru]{0,2}(?:\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?)"
# Each part is of bounded length where it can begin anywhere: a log may be one long word.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                re.DOTALL), GONE),
    # A header, to the end of its line or its quotes.
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}(?:key|token|"
                r"signature)[\w-]{0,40})(['\"]?\s*[:=,]\s*)(?:b?['\"])?[^\r\n'\"]+"),
     rf"\1\2{GONE}"),
    (re.compile(r"(?i)\b(bearer|basic|token|genie-?key)\s+[\w.~+/=-]{8,}"), rf"\1 {GONE}"),
    # A block of YAML, and the rest of a line of it.
    (re.compile(rf"(?im)^([ \t]*)((?:- )?[\w.-]{{0,60}}{_END}:[ \t]*)[|>][-+0-9]*[ \t]*\n"
                r"(?:\1[ \t]+.*(?:\n|\Z)|[ \t]*\n)+"), rf"\1\2{GONE}\n"),
    (re.compile(rf"(?im)^([ \t]*(?:- )?[\w.-]{{0,60}}{_END}:[ \t]+)(?![\"'{{\[(])\S.*"),
     rf"\1{GONE}"),
    # name=value, name: value, "name": "value", also within quotes of another text
    (re.compile(rf"(?i)({_END}\\*['\"]?\s*[:=]\s*)(?:\\+['\"][^'\"\n]*['\"]?|{_QUOTED}|"
                r"[^\s'\",;&})\]]+)"), rf"\1{GONE}"),
    # ('name', 'value'), --name value, -u name:value, <name>value
    (re.compile(rf"(?i)({_END}['\"]\s*,\s*){_QUOTED}"), rf"\1{GONE}"),
    (re.compile(rf"(?i)(--[\w-]{{0,40}}{_END}[ \t]+)\S+"), rf"\1{GONE}"),
    (re.compile(r"(\s-u[ \t]+)[^\s:]{1,200}:\S+"), rf"\1{GONE}"),
    (re.compile(rf"(?i)(<[\w:.-]{{0,40}}{_END}>)[^<\n]+"), rf"\1{GONE}"),
    (re.compile(r"(://)[^/\s'\"]{1,2000}@"), rf"\1{GONE}@"),
    (re.compile(r"(://)[^\s'\"@:/]{0,100}:[^\s'\"@/]{0,200}/[^\s'\"@]{0,200}@(?=[\w.-])"),
     rf"\1{GONE}@"),
    # The query of an address, where keys and signatures are.
    (re.compile(r"(?<=[\w/.~%-])\?[^\s'\"<>]+"), f"?{GONE}"),
    (re.compile(r"\bsnt_[a-z0-9]{8}_[\w-]+|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|\bgh[pousr]_\w{16,}|"
                r"\bglpat-[\w-]{16,}|\bAKIA[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bsk-[\w-]{16,}|"
                r"\bSG\.[\w-]{10,}\.[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),
    # Webhooks of vendors, links that acknowledge, pings: their path is the password.
    (re.compile(r"(?i)(hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|\.webhook\.office\.com|"
                r"\.office\.com/webhook|hc-ping\.com|api\.telegram\.org|ntfy\.sh)/[^\s'\"<>]+"),
     rf"\1/{GONE}"),
    (re.compile(r"(/(?:ping/[^/\s]{1,200}|a|feeds?|calendars?|intake/[^/\s]{1,200}|hooks|"
                r"webhook(?:-test)?)/)[\w.~-]{8,}"), rf"\1{GONE}"),
    (re.compile(r"(?<=/)(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])(?![0-9a-f-]{32,36}(?![\w-]))[\w-]{20,}"
                r"(?=[/\s'\"?)]|\Z)"), GONE),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "(address)"),
)  # fmt: skip
"""What is replaced, in this order."""


def is_secret_name(name: str) -> bool:
    """Return whether a field or variable of this name holds a secret."""
    return _NAME.search(name) is not None


class Redactor:
    """Replaces secrets in texts and in what JSON can hold.

    Args:
        known: secrets of this instance; each is also found percent-encoded, in base64, and
            as JSON and Python write it within quotes
    """

    def __init__(self, known: Iterable[str]) -> None:
        forms: set[str] = set()
        for one in known:
            written = json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]
            for form in (
                one, one.strip(), unquote(one), quote(one, safe=""), *written, repr(one)[1:-1]
            ):  # fmt: skip
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
