"""Silences by matchers as a document in Git has them, and what applying it changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from sentinel.clock import utc
from sentinel.errors import ConfigurationError
from sentinel.notifications.silence import canonical, matcher_sets
from sentinel.tenant import TENANT_PATTERN
from sentinel.timing.recurrence import Recurrence

__all__ = ["PresentSilence", "SilenceChange", "SilenceNode", "silence_changes", "start_of"]

_REPLACED = frozenset(("tenant", "matchers"))
_NAME = r"^[a-z0-9][a-z0-9._-]{0,99}$"


class SilenceNode(BaseModel):
    """A silence by matchers, once or within windows that come again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=_NAME)]
    matchers: list[Annotated[str, Field(min_length=1)]] = Field(
        min_length=1, description="Sets of matchers, of which one that matches is enough."
    )
    start: AwareDatetime | None = Field(default=None, description="Left out, when it is applied.")
    until: AwareDatetime
    recurrence: Recurrence | None = Field(
        default=None, description="Windows within which it mutes; left out, all the time."
    )
    comment: str = Field(default="", max_length=2000)
    maintenance: bool = False
    announce: bool = Field(
        default=False,
        description="Notify the receivers that it mutes: it began, ends soon, is over.",
    )
    tenant: str = Field(default="default", pattern=f"^({TENANT_PATTERN})$")

    @field_validator("matchers")
    @classmethod
    def _readable(cls, given: list[str]) -> list[str]:
        try:
            matcher_sets(given)
        except ConfigurationError as error:
            raise ValueError(error.message) from None
        return given

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start is not None and self.start >= self.until:
            raise ValueError("until: it must be after start")
        return self

    @property
    def terms(self) -> dict[str, Any]:
        """Return what is compared with the stored silence, but for its start and its end."""
        recurrence: dict[str, Any] = {}
        if self.recurrence is not None:
            recurrence = self.recurrence.model_dump(
                mode="json", exclude_none=True, exclude_defaults=True
            )
        return {
            "tenant": self.tenant, "matchers": canonical(matcher_sets(self.matchers)),
            "recurrence": recurrence, "comment": self.comment, "maintenance": self.maintenance,
            "announce": self.announce,
        }  # fmt: skip


class PresentSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that a document made and that is not over.

    Attributes:
        id: of the silence
        name: by which the document has it
        terms: as of `SilenceNode.terms`
        start: when it begins or began
        until: when it ends
        created_at: when it was made
    """

    id: str
    name: str
    terms: Mapping[str, Any]
    start: datetime
    until: datetime
    created_at: datetime


class SilenceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one silence.

    Attributes:
        name: of it
        what: `create`, `extend` to another end, `change` of anything but matchers and tenant,
            `replace` by another one, or `end`
        node: as the document has it; None where it has it no longer
        present: as it is stored; None where it is not
        differing: names of what differs
    """

    name: str
    what: Literal["create", "extend", "change", "replace", "end"]
    node: SilenceNode | None
    present: PresentSilence | None
    differing: tuple[str, ...] = ()


def silence_changes(
    wanted: Sequence[SilenceNode], present: Sequence[PresentSilence], now: datetime
) -> Iterator[SilenceChange]:
    """Yield what applying a document changes of silences.

    Matchers of a silence never change: another one takes its place, which mutes and is announced by
    itself. One of the document that is
    over is left alone, and so is one that is not of a document.

    Args:
        wanted: silences of the document
        present: those that documents made and that are not over
        now: the present moment, timezone-aware

    Yields:
        The changes; none where nothing would change.
    """
    stored = {one.name: one for one in present}
    for node in wanted:
        there = stored.pop(node.name, None)
        over = utc(node.until) <= now
        if there is None:
            if not over:
                yield SilenceChange(name=node.name, what="create", node=node, present=None)
            continue
        if over:
            yield SilenceChange(name=node.name, what="end", node=node, present=there)
            continue
        differing = [name for name, value in node.terms.items() if there.terms[name] != value]
        if start_of(node, there) != there.start:
            differing.append("start")
        later = ("until",) if utc(node.until) != there.until else ()
        if differing or later:
            what = "change" if differing else "extend"
            if _REPLACED.intersection(differing):
                what = "replace"
            yield SilenceChange(
                name=node.name, what=what, node=node, present=there,
                differing=(*differing, *later),
            )  # fmt: skip
    for there in stored.values():
        yield SilenceChange(name=there.name, what="end", node=None, present=there)


def start_of(node: SilenceNode, there: PresentSilence) -> datetime:
    """Return when the silence would have begun, had it been made of this node."""
    given = there.created_at if node.start is None else utc(node.start)
    return max(given, there.created_at)
