"""Windows over the events that a policy matches, as people write them.

Names and meanings are ElastAlert's where it has them (frequency, spike, flatline, change,
new_term, cardinality, percentage_match), and Sigma's `temporal_ordered` for sequence. Each is
kept for every value of the policy's `by` by itself, and goes by the events' own time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentinel.duration import Duration
from sentinel.event_policies.clause import Clause

__all__ = [
    "Cardinality",
    "Change",
    "Flatline",
    "Frequency",
    "NewTerm",
    "PercentageMatch",
    "Sequence",
    "Spike",
    "Window",
]

_LONGEST = timedelta(days=31)


def _as_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


Fields = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1, max_length=10)]


class _Timed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    timeframe: Duration = Field(description="How long it looks back from the newest event.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not timedelta(seconds=1) <= self.timeframe <= _LONGEST:
            raise ValueError("timeframe: at least 1s, at most 31d")
        return self


class Frequency(_Timed):
    """So many events within the timeframe; it then begins from nothing, as ElastAlert's does."""

    type: Literal["frequency"]
    num_events: int = Field(ge=1, le=10_000)


class Spike(_Timed):
    """Many more or fewer events within the timeframe than within the one before it.

    Nothing fires until two timeframes have passed, also after it fired.
    """

    type: Literal["spike"]
    spike_height: float = Field(gt=1, description="So many times as many, or as few.")
    spike_type: Literal["up", "down", "both"] = "up"
    threshold_ref: int = Field(
        default=1, ge=0, description="At least so many before; 0 for a spike after none at all."
    )
    threshold_cur: int = Field(default=0, ge=0, description="At least so many now.")


class Flatline(_Timed):
    """Fewer events than the threshold within the timeframe, once one timeframe has passed.

    Without `by` it also notices that there never was any; with it, a key once it was seen.
    """

    type: Literal["flatline"]
    threshold: int = Field(default=1, ge=1, le=1_000_000)
    forget_keys: bool = Field(default=False, description="Fire once for a key that stays away.")


class Change(BaseModel):
    """A field's value is another than in the last event of the same key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["change"]
    compare_key: Fields = Field(description="The field, or several.")
    ignore_null: bool = Field(
        default=True, description="Events that lack one of them do not count."
    )
    timeframe: Duration | None = Field(
        default=None, description="Only where the last event is not longer ago."
    )


class NewTerm(BaseModel):
    """A value of a field that was not seen before.

    Up to 10,000 different values are remembered exactly; of more, a share of the new ones is
    overlooked, which the alert's text names, and none that was seen is called new.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["new_term"]
    fields: Fields
    terms_window_size: Duration = Field(
        default=timedelta(days=30), description="A value not seen for this long is new again."
    )
    learn_for: Duration = Field(
        default=timedelta(days=1),
        description="Nothing fires for this long after the first event: all would be new.",
    )


class Cardinality(_Timed):
    """More different values of a field within the timeframe than a maximum, or fewer than a
    minimum; the latter once one timeframe has passed.
    """

    type: Literal["cardinality"]
    cardinality_field: str = Field(min_length=1, max_length=200)
    max_cardinality: int | None = Field(default=None, ge=0, le=9999)
    min_cardinality: int | None = Field(default=None, ge=1, le=9999)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.max_cardinality is None and self.min_cardinality is None:
            raise ValueError("give max_cardinality or min_cardinality, or both")
        return self


class PercentageMatch(_Timed):
    """Of the policy's events within the timeframe, the percentage that satisfies `of`."""

    type: Literal["percentage_match"]
    of: list[Clause] = Field(min_length=1, description="All of these conditions.")
    min_percentage: float | None = Field(default=None, gt=0, le=100)
    max_percentage: float | None = Field(default=None, ge=0, lt=100)
    min_denominator: int = Field(
        default=10, ge=1, le=1_000_000, description="Nothing fires on fewer events."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.max_percentage is None and self.min_percentage is None:
            raise ValueError("give max_percentage or min_percentage, or both")
        return self


class Sequence(_Timed):
    """First an event that the policy's `rules` describe, then one for each of `then`, in order.

    The whole within the timeframe, as Sigma's `temporal_ordered`. An event is one step only.
    In any order it is Sigma's `temporal`; then an event may be several of them at once.
    """

    type: Literal["sequence"]
    then: list[Clause] = Field(min_length=1, max_length=20)
    any_order: bool = Field(default=False, description="Whether the events may come in any order.")


Window = Annotated[
    Frequency | Spike | Flatline | Change | NewTerm | Cardinality | PercentageMatch | Sequence,
    Field(discriminator="type"),
]
