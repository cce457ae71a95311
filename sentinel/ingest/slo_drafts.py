"""What readers of SLO files share: an SLO before its name is settled, and values of YAML. Pure."""

from __future__ import annotations

from typing import Any, cast

import msgspec

__all__ = ["SloDraft", "object_in", "objects_in", "words_of"]


class SloDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO of a file.

    Attributes:
        place: in the file, for the report
        name: as the file has it
        fields: of the definition, but for its name
    """

    place: str
    name: str
    fields: dict[str, Any]


def object_in(given: Any) -> dict[str, Any]:
    """Return names and values; empty where it is something else."""
    return dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {}


def objects_in(given: Any) -> list[dict[str, Any]]:
    """Return those entries of a list that are names and values."""
    if not isinstance(given, list):
        return []
    return [object_in(one) for one in cast("list[Any]", given) if isinstance(one, dict)]


def words_of(given: Any) -> str:
    """Return a text, a number as one; empty where it is something else."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return ""
    return str(given).strip()
