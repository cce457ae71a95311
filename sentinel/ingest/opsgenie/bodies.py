"""What Opsgenie's senders send. A null is absent, and unknown fields are ignored, as there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentinel.errors import SampleError
from sentinel.ingest.given import text_of

__all__ = ["AlertStep", "Assignment", "NewAlert", "Note", "Priority", "Snooze", "Who", "body_as"]

MOST_LISTED = 100
MOST_DETAILS = 200
Priority = Literal["P1", "P2", "P3", "P4", "P5"]
_Text = Annotated[str, BeforeValidator(text_of)]
_Texts = Annotated[list[_Text], Field(max_length=MOST_LISTED)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        whole = cast("dict[str, Any]", given)
        return {name: value for name, value in whole.items() if value is not None}


class Who(_Given):
    """A person, a team, an escalation or a schedule, by id, name or address."""

    type: _Text = ""
    id: _Text = ""
    name: _Text = ""
    username: _Text = ""

    @property
    def named(self) -> str:
        """What people call it."""
        return self.name or self.username or self.id

    @property
    def given(self) -> dict[str, str]:
        """Its fields as they were sent."""
        return {name: text for name, text in self.model_dump().items() if text}


class AlertStep(_Given):
    """What every action takes: who asks for it, from where, and a note."""

    user: _Text = ""
    source: _Text = ""
    note: _Text = ""


class NewAlert(AlertStep):
    """The body of `POST /v2/alerts`."""

    message: _Text = Field(min_length=1)
    alias: _Text = ""
    description: _Text = ""
    responders: list[Who] = Field(default_factory=list[Who], max_length=MOST_LISTED)
    visible_to: list[Who] = Field(
        default_factory=list[Who], alias="visibleTo", max_length=MOST_LISTED
    )
    actions: _Texts = Field(default_factory=list[str])
    tags: _Texts = Field(default_factory=list[str])
    details: dict[str, Any] = Field(default_factory=dict[str, Any], max_length=MOST_DETAILS)
    entity: _Text = ""
    priority: Priority = "P3"


class Note(AlertStep):
    """The body of `POST …/notes`."""

    note: _Text = Field(min_length=1)


class Snooze(AlertStep):
    """The body of `POST …/snooze`."""

    end_time: AwareDatetime = Field(alias="endTime")

    @property
    def until(self) -> datetime:
        """When notifications begin again."""
        return self.end_time


class Assignment(AlertStep):
    """The body of `POST …/assign`."""

    owner: Who


M = TypeVar("M", bound=_Given)


def body_as(model: type[M], given: object) -> M:
    """Read the body of a request.

    Args:
        model: of the body
        given: the decoded JSON; None for no body

    Returns:
        The body.

    Raises:
        SampleError: a field is missing or cannot be read; names it
    """
    try:
        return model.model_validate({} if given is None else given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    message = "may not be empty" if first["type"] == "missing" else first["msg"]
    raise SampleError(message, field=field)
