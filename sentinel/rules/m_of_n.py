"""Bad in n of the last m evaluations. Pure.

Amazon CloudWatch's "M out of N datapoints": a series is bad once n of its last m evaluations were.
An evaluation that did not see it is unknown: it neither counts nor pushes an older one out, unlike
CloudWatch, where a missing datapoint may count as either. What is open stays open while its latest
reading is bad, since only a reading seen to be good resolves.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Often", "bad_often", "remembered"]


class Often(BaseModel):
    """How often within how many evaluations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int = Field(ge=1, le=100, description="Bad in so many …")
    of_last: int = Field(ge=1, le=100, description="… of the last evaluations.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.times > self.of_last:
            raise ValueError(f"times: must be at most of_last ({self.of_last}), got {self.times}")
        return self


def remembered(history: str, bad: bool, often: Often) -> str:
    """Add one evaluation to the history of a series.

    Args:
        history: of the evaluations before, as this function returned it; empty for none
        bad: what the series was seen to be now
        often: how many evaluations count

    Returns:
        `1` for each evaluation that was bad and `0` for each that was not, oldest first. Empty
        where none was bad, so that nothing has to be kept for a healthy series.
    """
    after = (history + ("1" if bad else "0"))[-often.of_last :]
    return after.lstrip("0")


def bad_often(history: str, bad: bool, is_open: bool, often: Often) -> bool | None:
    """Decide whether a series counts as bad now.

    Args:
        history: of `remembered`, the present evaluation included
        bad: what it was seen to be now
        is_open: whether it has an open alert
        often: how often it takes

    Returns:
        Whether it is bad; None where it is bad, and not yet often enough to count.
    """
    enough = history.count("1") >= often.times
    if is_open:
        return bad or enough
    if not bad:
        return False
    return True if enough else None
