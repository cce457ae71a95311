"""An SLO as its row has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from sentinel.slo.definition import SloDefinition, definition_of

__all__ = ["SloKey", "StoredSlo", "stored_slo"]

SloKey = tuple[str, str]
"""The tenant and the name of an SLO."""


class StoredSlo(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO as it is stored.

    Attributes:
        rule: name of its rule
        version: rises with each change, from 1
        counted_until: up to where its rule has counted events; None where it has not
    """

    definition: SloDefinition
    rule: str
    version: int
    saved_at: datetime
    saved_by: str
    counted_until: datetime | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name

    @property
    def key(self) -> SloKey:
        """Its tenant and its name."""
        return self.definition.tenant, self.definition.name


def stored_slo(row: Row[Any], now: Row[Any] | None = None) -> StoredSlo:
    """Return the SLO of a row.

    Args:
        row: of it, or of one of its versions
        now: its row, where the other is a version's

    Returns:
        The SLO; one of a version has no events of its own.
    """
    return StoredSlo(
        definition=definition_of(msgspec.json.decode(row.document)), version=row.version,
        saved_at=row.saved_at, saved_by=row.saved_by, rule=(now or row).rule,
        counted_until=row.counted_until if now is None else None,
    )  # fmt: skip
