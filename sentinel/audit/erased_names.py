"""A person's name, replaced by a pseudonym in texts and in what was recorded about them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ErasedName"]

_NAMES = frozenset({"who", "subject", "object", "person", "actor"})
"""Fields that are a name as a whole."""
_TEXTS = frozenset({"title", "description", "message", "summary"})
"""Fields that are sentences, in which a name may stand."""


class ErasedName:
    """A name, and what stands in its place from now on.

    Args:
        name: of the person
        label: the pseudonym
        any_case: whether `Maria` is `maria`
    """

    def __init__(self, name: str, label: str, *, any_case: bool = False) -> None:
        self._label = label
        flags = re.IGNORECASE if any_case else re.NOFLAG
        # `maria` is neither in `maria.lopez`, `maria-2` and `maria@example.org` nor in `ana.maria`,
        # but in `by maria.`
        self._word = re.compile(rf"(?<![\w.@-]){re.escape(name)}(?![\w@-]|\.\w)", flags)
        # A key may act for a person: `maria via deploy-bot`.
        self._whole = re.compile(rf"{re.escape(name)}(?= via |\Z)", flags)

    def in_text(self, text: str) -> str:
        """Return a text with the name replaced wherever it stands as a word.

        Args:
            text: for people

        Returns:
            The text, the same where the name is not in it.
        """
        return self._word.sub(self._label, text)

    def in_texts(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """Return texts by whatever names, such as annotations, with the name replaced in each."""
        return {
            field: self.in_text(value) if isinstance(value, str) else value
            for field, value in texts.items()
        }

    def in_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields with the name replaced in those that are names or sentences.

        Every other field stays as it is, also where its value, or its own name, is the same word:
        somebody may be called `admin` or `key`.

        Args:
            fields: of an event, of labels, or of what JSON holds of an alert or message

        Returns:
            The fields, with what they hold treated in the same way.
        """
        about_people = fields.get("object_kind", "person") == "person"
        return {
            field: self._within(field, value) if field != "object" or about_people else value
            for field, value in fields.items()
        }

    def _within(self, field: str, value: Any) -> Any:
        if isinstance(value, str):
            if field in _NAMES:
                found = self._whole.match(value)
                return value if found is None else self._label + value[found.end() :]
            return self.in_text(value) if field in _TEXTS else value
        if isinstance(value, Mapping):
            inner: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType] - of JSON
            return self.in_texts(inner) if field == "annotations" else self.in_fields(inner)
        if isinstance(value, list):
            return [self._within("", one) for one in value]  # pyright: ignore[reportUnknownVariableType] - of JSON
        return value
