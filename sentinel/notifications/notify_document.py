"""Receivers, routes, silences and time intervals as one YAML document in Git. Pure.

It may lie in several files, and has message limits and templates, too.

Credentials are in Prefect blocks; a document names the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self, TypeVar, cast, get_origin

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded, written
from sentinel.notifications.channel_names import is_channel, is_receiver
from sentinel.notifications.message_settings import ALL, PerMinute, TemplateNode
from sentinel.notifications.route_document import HINT, RouteDocument, refusal_of
from sentinel.notifications.route_trial import checked
from sentinel.notifications.silence_document import SilenceNode

__all__ = ["NotifyDocument", "ReceiverNode", "read_notify", "routes_text"]

_ROUTES = tuple(RouteDocument.model_fields)
_BESIDE = ("receivers", "channel_limits", "silences")
_LISTS = (
    "receivers",
    "silences",
    *(
        name
        for name, one in RouteDocument.model_fields.items()
        if get_origin(one.annotation) is list
    ),
)
_DEFAULT = "default"
_NAMED = ("receivers", "silences", "time_intervals")


def _named(name: str) -> str:
    if not is_receiver(name):
        raise ValueError("use lower-case letters, digits, '-', '_' and '.'")
    return name


def _channel(ref: str) -> str:
    if not is_channel(ref):  # which is not repeated: it may hold a secret
        raise ValueError(
            "is no channel: write inbox, or a Prefect block as type/name; addresses and secrets "
            "stay in the block"
        )
    return ref


def _by_channel(given: Any, also: str = "") -> Any:
    """Refuse keys that are no channels before an error could name the place, and so repeat them."""
    if isinstance(given, dict):
        for one in cast("dict[Any, Any]", given):
            if one != also:
                _channel(one if isinstance(one, str) else "")
    return cast("Any", given)


def _by_channel_or_all(given: Any) -> Any:
    return _by_channel(given, ALL)


class ReceiverNode(BaseModel):
    """A named set of channels."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(_named)]
    channels: list[Annotated[str, AfterValidator(_channel)]] = Field(min_length=1, max_length=50)
    description: str = Field(default="", max_length=1000)
    per_minute: PerMinute | None = Field(
        default=None, description="Messages a minute; left out, the limit stays as it is."
    )
    announce_silences: StrictBool | None = Field(
        default=None,
        description="Whether it is notified of every silence that mutes it; left out, as it is.",
    )
    templates: Annotated[dict[str, TemplateNode] | None, BeforeValidator(_by_channel_or_all)] = (
        Field(default=None, description="By channel or all; left out, they stay as they are.")
    )

    @model_validator(mode="after")
    def _of_its_channels(self) -> Self:
        for one in self.templates or {}:
            if one != ALL and one not in self.channels:
                raise ValueError(f"templates: write all or a channel of {self.name}, not {one!r}")
        return self


class _Receivers(BaseModel):
    receivers: list[ReceiverNode]


class _ChannelLimits(BaseModel):
    channel_limits: Annotated[dict[str, PerMinute], BeforeValidator(_by_channel)]


class _Silences(BaseModel):
    silences: list[SilenceNode]


class NotifyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says; None for what it says nothing about, which stays as it is.

    Attributes:
        receivers: by name
        channel_limits: messages a minute by channel, for all receivers together
        silences: by name
        routes: whose tests pass
        text: of the routes, as they are stored
    """

    receivers: Mapping[str, ReceiverNode] | None
    silences: Mapping[str, SilenceNode] | None = None
    channel_limits: Mapping[str, PerMinute] = msgspec.field(default_factory=dict[str, PerMinute])
    routes: RouteDocument | None
    text: str

    def unlisted_receivers(self) -> list[str]:
        """Return the receivers that the routes name and the document does not have.

        Returns:
            Names, sorted; without `default`, which need not be made. Somebody may have made the
            others elsewhere.
        """
        named: set[str] = set() if self.routes is None else self.routes.receivers
        return sorted(named.difference(self.receivers or (), (_DEFAULT,)))


def read_notify(files: Mapping[str, str]) -> NotifyDocument:
    """Read a document, which may lie in several files, and run its tests.

    Args:
        files: YAML, by the name that errors give

    Returns:
        The document.

    Raises:
        ConfigurationError: a file cannot be used, two say the same, or a test fails
    """
    merged: dict[str, Any] = {}
    said: dict[tuple[str, str], str] = {}

    def once(part: str, name: object, file: str) -> None:
        other = said.get((part, str(name)))
        if other is not None:
            where = f"twice in {file}" if other == file else f"in {other} and in {file}"
            raise ConfigurationError(f"{part} {name} is {where}")
        said[part, str(name)] = file

    for file, text in files.items():
        given = loaded(text, file, HINT)
        unknown = [str(part) for part in given if part not in (*_ROUTES, *_BESIDE)]
        if unknown:
            raise ConfigurationError(
                f"{file}: {', '.join(unknown)} is no part of a document",
                hint=f"There are {', '.join((*_BESIDE, *_ROUTES))}.",
            )
        for part, value in given.items():
            if part in _LISTS:
                if not isinstance(value, list):
                    raise ConfigurationError(f"{file}: {part} must be a list")
                items = cast("list[Any]", value)
                for one in items if part in _NAMED else []:
                    if isinstance(one, dict):
                        once(part, cast("dict[str, Any]", one).get("name"), file)
                merged.setdefault(part, []).extend(items)
            elif part == "channel_limits" and isinstance(value, dict):
                for name in cast("dict[Any, Any]", value):
                    if is_channel(str(name)):  # or it is refused without being repeated
                        once(part, name, file)
                merged.setdefault(part, {}).update(value)
            elif part == "defaults" and _is_twofold(value):
                for by, names in value.items():
                    for name in names:
                        once(f"defaults.{by}", name, file)
                    merged.setdefault(part, {}).setdefault(by, {}).update(names)
            else:
                once("the part", part, file)
                merged[part] = value
    return _read(merged, ", ".join(files))


def _is_twofold(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, dict) for one in cast("dict[Any, Any]", value).values()
    )


def _read(merged: Mapping[str, Any], where: str) -> NotifyDocument:
    receivers = silences = None
    if "receivers" in merged:
        read = _part(_Receivers, "receivers", merged, where)
        receivers = {one.name: one for one in read.receivers}
    if "silences" in merged:
        found = _part(_Silences, "silences", merged, where)
        silences = {one.name: one for one in found.silences}
    limits: Mapping[str, PerMinute] = {}
    if "channel_limits" in merged:
        limits = _part(_ChannelLimits, "channel_limits", merged, where).channel_limits
    beside = NotifyDocument(
        receivers=receivers, silences=silences, channel_limits=limits, routes=None, text=""
    )
    given = {part: merged[part] for part in _ROUTES if part in merged}
    if not given:
        return beside
    if "route" not in given:
        raise ConfigurationError(
            f"{where}: {', '.join(given)} without route:", hint="Write the first route, too."
        )
    text = routes_text(given)
    return _of_file(lambda: msgspec.structs.replace(beside, routes=checked(text), text=text), where)


P = TypeVar("P", bound=BaseModel)


def _part(model: type[P], name: str, merged: Mapping[str, Any], where: str) -> P:
    try:
        return model.model_validate({name: merged[name]})
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {refusal_of(error, model)}") from None


def _of_file(work: Callable[[], NotifyDocument], where: str) -> NotifyDocument:
    try:
        return work()
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}", hint=error.hint) from None


def routes_text(given: Mapping[str, Any]) -> str:
    """Return the routes of a document as the YAML that is stored."""
    return written(dict(given))
