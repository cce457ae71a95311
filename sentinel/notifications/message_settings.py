"""Message limits and templates as a document in Git has them, and what applying it changes. Pure.

A document that says nothing about a limit or a template leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.errors import ConfigurationError
from sentinel.notifications.message_limit import MOST_PER_MINUTE, MessageLimits
from sentinel.notifications.message_template import MessageTemplate, checked

if TYPE_CHECKING:
    from sentinel.notifications.notify_document import NotifyDocument

__all__ = [
    "ALL",
    "LimitChange",
    "PerMinute",
    "SettingChanges",
    "TemplateChange",
    "TemplateNode",
    "setting_changes",
]

ALL = "all"
"""What a document calls the channels that have no template of their own."""
PerMinute = Annotated[int, Field(strict=True, ge=0, le=MOST_PER_MINUTE)] | Literal["default"]
"""Messages a minute; 0 for no limit, `default` for that of SENTINEL_MESSAGES_PER_MINUTE."""


class TemplateNode(BaseModel):
    """A title and a text; what is left out is the built-in one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    text: str = ""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            checked(self.template)
        except ConfigurationError as error:
            raise ValueError(f"{error.message}. {error.hint or ''}".strip()) from None
        return self

    @property
    def template(self) -> MessageTemplate:
        """Return the template as it is stored."""
        return MessageTemplate(title=self.title, text=self.text)


class LimitChange(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of messages a minute that becomes another one; None for that of all.

    Both are equal where the document only becomes what set it.
    """

    kind: Literal["receiver", "channel"]
    name: str
    before: int | None
    after: int | None


class TemplateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A template that becomes another one; None for none, an empty channel for all others.

    Both are equal where the document only becomes what set it.
    """

    receiver: str
    channel: str
    before: MessageTemplate | None
    after: MessageTemplate | None


class SettingChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of limits, of templates, and of who is notified of silences, by receiver."""

    announced: tuple[tuple[str, bool], ...] = ()
    limits: tuple[LimitChange, ...] = ()
    templates: tuple[TemplateChange, ...] = ()


def setting_changes(
    document: NotifyDocument, limits: MessageLimits,
    templates: Mapping[str, Mapping[str, MessageTemplate]], announced: Collection[str] = (),
    declared: Collection[tuple[str, str]] = (),
) -> SettingChanges:  # fmt: skip
    """Return what applying a document changes of limits and templates.

    Args:
        document: that is wanted
        limits: those that are stored
        templates: those that are stored, by receiver and channel
        announced: receivers that are notified of every silence that mutes them
        declared: receiver and channel of the templates that a document set last

    Returns:
        The changes; none where nothing would change.
    """
    nodes = [*(document.receivers or {}).values()]
    wanted = [("receiver", one.name, one.per_minute, limits.receivers) for one in nodes]
    wanted += [
        ("channel", ref, most, limits.channels) for ref, most in document.channel_limits.items()
    ]
    return SettingChanges(
        announced=tuple(
            (one.name, one.announce_silences)
            for one in nodes
            if one.announce_silences is not None
            and one.announce_silences != (one.name in announced)
        ),
        limits=tuple(_limits(wanted, limits.declared)),
        templates=tuple(
            change
            for one in nodes
            if one.templates is not None
            for change in _templates(one.name, one.templates, templates.get(one.name, {}), declared)
        ),
    )


def _limits(
    wanted: list[tuple[Any, str, Any, Mapping[str, int]]], declared: Collection[tuple[str, str]]
) -> Iterator[LimitChange]:
    for kind, name, given, stored in wanted:
        if given is None:
            continue
        before, after = stored.get(name), None if given == "default" else given
        if before != after or (after is not None and (kind, name) not in declared):
            yield LimitChange(kind=kind, name=name, before=before, after=after)


def _templates(
    receiver: str, nodes: Mapping[str, TemplateNode], stored: Mapping[str, MessageTemplate],
    declared: Collection[tuple[str, str]],
) -> Iterator[TemplateChange]:  # fmt: skip
    wanted = {"" if name == ALL else name: node.template for name, node in nodes.items()}
    for channel in (*wanted, *(name for name in sorted(stored) if name not in wanted)):
        before, after = stored.get(channel), wanted.get(channel)
        taken_over = after is not None and (receiver, channel) not in declared
        if before != after or taken_over:
            yield TemplateChange(receiver=receiver, channel=channel, before=before, after=after)
