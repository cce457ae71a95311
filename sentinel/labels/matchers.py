"""Matchers of labels, with Prometheus' semantics.

`=`, `!=`, `=~`, `!~`; regexes are anchored on both ends, and a label that is missing equals the
empty text (https://prometheus.io/docs/prometheus/latest/querying/basics/). Regexes are searched
in time linear in the text (`sentinel.regex.matcher`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sentinel.errors import ConfigurationError, PatternError
from sentinel.regex.matcher import pattern

__all__ = ["Matcher", "matcher", "matches"]

_FORM = re.compile(r'\s*([^\s=!~"{},]+)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|(.*?))\s*', re.S)


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
            raise ConfigurationError(
                f"the matcher {source!r} cannot be read",
                hint='Write env="prod", env!="test", host=~"web-.*" or host!~"old-.*"',
            )
        self.source = source
        self.label, operator, quoted, bare = found.groups()
        self.negative = operator.startswith("!")
        text: str = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        if operator.endswith("~"):
            # The escapes of a regex are its own, also between quotes.
            text = quoted if quoted is not None else bare
            try:
                self._pattern = pattern(rf"^(?:{text})$")
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


@lru_cache(maxsize=1000)
def matcher(source: str) -> Matcher:
    """Return `Matcher(source)`, made once."""
    return Matcher(source)


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether `labels` are as all of `matchers` say."""
    return all(one(labels) for one in matchers)
