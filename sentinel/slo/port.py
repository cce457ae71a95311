"""What a check may ask about SLOs, whatever keeps them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from sentinel.slo.counts import Counts
from sentinel.slo.definition import SloDefinition

__all__ = ["KeptSlo", "SloPort"]


class KeptSlo(NamedTuple):
    """An SLO and its version, its events as they are kept, and up to where they are counted."""

    definition: SloDefinition
    counts: Counts
    counted_until: datetime | None
    version: int


class SloPort(Protocol):
    """The SLOs of a rule's tenant, as a check asks for them."""

    def kept(self, name: str) -> KeptSlo:
        """Return an SLO with its events.

        Raises:
            NotFound: there is no such SLO in the tenant
        """
        ...

    def replace(self, kept: KeptSlo, start: datetime, end: datetime, counts: Counts) -> None:
        """Keep the events of a span in place of those that are there.

        A rehearsal keeps none. Nor are those kept of an SLO that changed since it was read: they
        may be another indicator's.

        Raises:
            NotFound: there is no such SLO in the tenant any more
        """
        ...
