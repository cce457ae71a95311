"""Matchers of labels, with Prometheus' semantics.

`=`, `!=`, `=~`, `!~`; regexes are anchored on both ends, and a label that is missing equals the
empty text (https://prometheus.io/docs/prometheus/latest/querying/basics/). Texts in quotes have
Prometheus' escapes, also those of regexes, so that what is copied from there means the same here.
Regexes are RE2's, and `.` is any character (`sentinel.regex.matcher`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sentinel.errors import ConfigurationError, PatternError
from sentinel.labels.string_literal import unquoted
from sentinel.regex.matcher import pattern

__all__ = ["Matcher", "matcher", "matches"]

_FORM = re.compile(r"""\s*([^\s=!~"'`{},]+)\s*(=~|!~|!=|=)\s*(.*?)\s*""", re.S)
_QUOTES = "\"'`"
_ANOTHER = re.compile(r"""["'`{}]|,\s*[^\s=!~"'`{},]+\s*(=~|!~|!=|=)""")
"""What shows that a text without quotes was not meant as one text."""


class Matcher:
    """One condition on one label, read from text such as `env=~"prod|stage"`.

    Args:
        source: a name, an operator, and a text with or without quotes

    Raises:
        ConfigurationError: it cannot be read
    """

    def __init__(self, source: str) -> None:
        found = _FORM.fullmatch(source)
        if found is None:
            raise _unreadable(source, "")
        label, operator, given = found.groups()
        self._be(source, label, operator, _text(source, given), "s")

    @classmethod
    def of(cls, source: str, label: str, operator: str, text: str, flags: str = "s") -> Matcher:
        """Return the matcher that was read elsewhere.

        Args:
            source: what it was read from, for messages
            label: name of the label
            operator: `=`, `!=`, `=~` or `!~`
            text: without quotes; for `=~` and `!~` a regex
            flags: of RE2 for the regex; `s` lets `.` be a line break, too

        Returns:
            The matcher.

        Raises:
            ConfigurationError: the regex cannot be used
        """
        made = cls.__new__(cls)
        made._be(source, label, operator, text, flags)
        return made

    def _be(self, source: str, label: str, operator: str, text: str, flags: str) -> None:
        self.source = source
        self.label = label
        self.operator = operator
        self.negative = operator.startswith("!")
        if operator.endswith("~"):
            try:
                pattern(text)  # by itself, so that no bracket in it ends the group around it
                self._pattern = pattern(rf"^(?{flags}:{text})$")
            except PatternError as error:
                raise ConfigurationError(
                    f"the matcher {source!r} cannot be used: {error.message}", hint=error.hint
                ) from None
        else:
            self._pattern = None
        self.text = text
        self._known: dict[str, bool] = {}

    @property
    def certain(self) -> bool:
        """Return whether every series that matches has exactly this text in this label."""
        return self._pattern is None and not self.negative and bool(self.text)

    def __call__(self, labels: Mapping[str, str]) -> bool:
        """Return whether `labels` are as it says."""
        value = labels.get(self.label, "")
        if self._pattern is None:
            return (value == self.text) is not self.negative
        known = self._known.get(value)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[value] = self._pattern.search(value) is not self.negative
        return known


def _text(source: str, given: str) -> str:
    """Return the text of a matcher, which may be in quotes."""
    if given[:1] in _QUOTES and given:
        try:
            return unquoted(given)
        except ValueError as error:
            raise _unreadable(source, f": {error}") from None
    if _ANOTHER.search(given):
        raise _unreadable(source, ": put the text in quotes, and each matcher by itself")
    return given


def _unreadable(source: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the matcher {source!r} cannot be read{why}",
        hint='Write env="prod", env!="test", host=~"web-.*" or host!~"old-.*"',
    )


@lru_cache(maxsize=1000)
def matcher(source: str) -> Matcher:
    """Return `Matcher(source)`, made once."""
    return Matcher(source)


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether `labels` are as all of `matchers` say."""
    return all(one(labels) for one in matchers)
