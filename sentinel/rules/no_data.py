"""What a rule does when its check works and sees nothing. Pure.

Grafana's states for no data, under its names: alerting, ok, keep last state; and an alert of its
own beside them (there: NoData). A check that fails is something else and is `errors:`. For a
closed-world check, nothing seen means that all is well, so that this does not apply.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel.alerts.state import AlertState
from sentinel.severity import SeverityWord

__all__ = ["NoData", "gone", "is_due"]


class NoData(BaseModel):
    """What to do where a check sees nothing, or no longer sees a series."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    then: Literal["keep", "ok", "alert", "own"] = Field(
        default="keep",
        description="keep: alerts stay as they are. ok: alerts of series that are gone close as "
        "'no data'. alert: nothing seen is as bad as the rule's severity. own: it is an alert of "
        "the severity below.",
    )
    after: int = Field(
        default=3, ge=1, le=1000, description="After so many evaluations in a row without."
    )
    severity: SeverityWord = Field(default="medium", description="Severity of the alert of own.")


def is_due(no_data: NoData, empty: int) -> bool:
    """Return whether nothing seen in `empty` evaluations in a row is worth an alert."""
    return no_data.then in ("alert", "own") and empty >= no_data.after


def gone(
    no_data: NoData,
    live: Mapping[str, AlertState],
    seen: Collection[str],
    *,
    at: datetime,
    period: timedelta | None,
) -> Iterator[str]:
    """Find the live alerts that close because their series is not seen any more.

    Args:
        no_data: what the rule says
        live: its alerts that are not resolved
        seen: fingerprints of what this evaluation saw
        at: the moment of this evaluation
        period: of the rule; without one, the first evaluation that does not see it closes it

    Yields:
        Their fingerprints.
    """
    if no_data.then != "ok":
        return
    patience = no_data.after * (period or timedelta(0))
    for print_, alert in live.items():
        if print_ not in seen and alert.seen_at + patience <= at:
            yield print_
