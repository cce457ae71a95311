"""Plain words for logs, by a small grammar that shows the query it makes.

```
show me errors from database      ->  level:>=error service:*database*
find timeout issues in API        ->  (timeout OR "timed out") service:*api*
get critical logs from last hour  ->  level:>=critical since:1h
```

A sentence is a verb, then in any order: levels, `from PLACE`, a time, and words that lines have.
Pure; nothing is guessed: each part of a sentence has one meaning, listed in this file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

__all__ = ["is_plain", "query_of_words"]

_VERBS = frozenset({"show", "find", "get", "list", "search", "give", "display", "fetch"})
_FILLERS = frozenset({
    "me", "us", "all", "the", "any", "a", "an", "logs", "log", "lines", "line", "messages",
    "message", "entries", "events", "issues", "issue", "problems", "problem", "with", "for",
    "about", "please", "that", "contain", "containing", "mention", "mentioning", "and", "are",
    "have", "having", "were", "was", "there", "related", "to", "recent", "service", "services",
})  # fmt: skip
_LEVELS: Mapping[str, str] = {
    **dict.fromkeys(("error", "errors"), ">=error"),
    **dict.fromkeys(("critical", "criticals", "fatal", "fatals"), ">=critical"),
    **dict.fromkeys(("warning", "warnings", "warn"), ">=warn"),
    "info": "info",
    "debug": "debug",
}
_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("timeout", "timeouts"), '(timeout OR "timed out")'),
    **dict.fromkeys(("exception", "exceptions"), "(exception OR traceback)"),
    **dict.fromkeys(("failure", "failures", "failed"), "(failed OR failure)"),
}
_PLACES = frozenset({"from", "in", "by", "on", "at", "of"})
_LAST = frozenset({"last", "past", "previous"})
_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("second", "seconds", "sec", "secs"), "s"),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), "m"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
}
_NUMBERS: Mapping[str, int] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "twelve": 12,
    "few": 3, "couple": 2,
}  # fmt: skip
_NEGATIONS = frozenset({"without", "not", "except", "excluding"})
_TOKEN = re.compile(r'"[^"]*"|[^\s"]+')
_PLAIN_PLACE = re.compile(r"[\w.\-]+")


def is_plain(text: str) -> bool:
    """Say whether a text is a sentence of plain words, and not a query.

    Args:
        text: as a person wrote it

    Returns:
        Whether it begins with a verb such as `show` or `find` and has no field in it.
    """
    words = text.split(maxsplit=1)
    return (
        len(words) == 2
        and words[0].lower() in _VERBS
        and not re.search(r"@|\(|\)|\w:\S|(^|\s)-\w", text)
    )


def query_of_words(text: str, now: datetime) -> str:
    """Return the query that a sentence means.

    Args:
        text: the sentence
        now: the present moment, which `today` and `yesterday` are counted from

    Returns:
        A text for `parse_query`; empty for a sentence that asks for everything.
    """
    return _Sentence(text, now).query()


class _Sentence:
    """Reads a sentence from left to right, one part at a time."""

    def __init__(self, text: str, now: datetime) -> None:
        self._tokens = [one.rstrip(",.;?!") or one for one in _TOKEN.findall(text)]
        self._now = now
        self._at = 0
        self._parts: list[str] = []

    def query(self) -> str:
        if self._word() in _VERBS:
            self._at += 1
        while self._at < len(self._tokens):
            if not self._time():
                self._part()
        return " ".join(filter(None, dict.fromkeys(self._parts)))

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].lower() if at < len(self._tokens) else ""

    def _part(self) -> None:
        word = self._word()
        if word in _PLACES:
            self._at += 1
            while self._word() in ("the", "service", "services", "a", "an"):
                self._at += 1
            if self._time() or not self._word():
                return
            self._place()
        elif word in _NEGATIONS:
            self._at += 1
            while self._word() in _FILLERS:
                self._at += 1
            if self._word():
                term = self._meaning()
                self._parts.append(f"-{term}" if term else "")
        elif word in _FILLERS:
            self._at += 1
        else:
            self._parts.append(self._meaning())

    def _meaning(self) -> str:
        """Take a word, and return the term that it means."""
        token = self._tokens[self._at]
        self._at += 1
        word = token.lower()
        if token.startswith('"'):
            return _literal(token.strip('"'))
        if word in _LEVELS:
            # "error logs" and "errors" are a level.
            return f"level:{_LEVELS[word]}"
        return _MEANT.get(word) or _literal(word)

    def _place(self) -> None:
        token = self._tokens[self._at]
        self._at += 1
        name = token.strip('"').lower()
        place = name if _PLAIN_PLACE.fullmatch(name) else ""
        self._parts.append(f"service:*{place}*" if place else _literal(token.strip('"')))
        if self._word() in ("service", "services"):
            self._at += 1

    def _time(self) -> bool:
        """Take a time where one is next.

        Returns:
            Whether there was one.
        """
        ahead = 0
        while self._word(ahead) in ("the", "in", "from", "within", "during", "over"):
            ahead += 1
        word = self._word(ahead)
        midnight = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        if word == "today":
            self._period(ahead + 1, f"since:{_moment(midnight)}")
            return True
        if word == "yesterday":
            before = midnight - timedelta(days=1)
            self._period(ahead + 1, f"since:{_moment(before)}", f"until:{_moment(midnight)}")
            return True
        if word not in _LAST:
            return False
        number, used = self._number(ahead + 1)
        unit = _UNITS.get(self._word(ahead + 1 + used))
        if unit is None or not number:
            return False
        self._period(ahead + used + 2, f"since:{number}{unit}")
        return True

    def _period(self, used: int, *terms: str) -> None:
        self._at += used
        self._parts = [one for one in self._parts if not one.startswith(("since:", "until:"))]
        self._parts += terms

    def _number(self, ahead: int) -> tuple[int, int]:
        word = self._word(ahead)
        if word.isascii() and word.isdigit():
            return int(word[:6]), 1
        return (_NUMBERS[word], 1) if word in _NUMBERS else (1, 0)


def _literal(text: str) -> str:
    """Return a word as a term, in quotes where the language would read it otherwise."""
    if re.fullmatch(r"[^\W_]\w*", text) and text not in ("OR", "AND", "NOT"):
        return text
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"' if plain.strip() else ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
