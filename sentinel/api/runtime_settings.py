"""Settings that are changed while everything runs: log levels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, json_of, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.shown_rules import store_of
from sentinel.duration import Duration
from sentinel.settings.log_levels import (
    ALL,
    COMPONENTS,
    DEFAULT_LENGTH,
    LEVELS,
    LogLevel,
    checked_component,
    checked_level,
)
from sentinel.store.log_levels import LogLevels

__all__ = ["router"]

router = APIRouter(prefix="/admin/settings", tags=["settings"])

CONFIGURED = "default"
"""The value that takes a level back."""
Length = Annotated[
    Duration,
    WithJsonSchema({"type": "string", "pattern": "^([1-9][0-9]?h|[1-7]d)$", "examples": ["1h"]}),
]
Component = Annotated[str, WithJsonSchema({"type": "string", "enum": list(COMPONENTS)})]
Value = Annotated[str, WithJsonSchema({"type": "string", "enum": [*LEVELS, CONFIGURED]})]
_duration = Field(
    DEFAULT_LENGTH,
    description="When the level goes back by itself; 1h by default, at most 7d.",
    json_schema_extra={"default": "1h"},
)


class LogLevelItem(BaseModel):
    """A log level that was set, and until when."""

    component: str
    level: str
    until: datetime = Field(description="When it goes back by itself.")
    set_at: datetime
    set_by: str


class RuntimeSettings(BaseModel):
    """What is set at run time."""

    alert_debug_mode: bool = Field(description="Whether everything logs at DEBUG.")
    log_levels: list[LogLevelItem]
    components: list[str] = Field(description="Whose levels can be set.")


class DebugMode(BaseModel):
    """Everything logs at DEBUG, or no longer does."""

    model_config = ConfigDict(extra="forbid")

    key: Literal["alert_debug_mode"]
    value: Literal["true", "false"] | bool
    duration: Length = _duration


class ComponentLevel(BaseModel):
    """The log level of one component, or of all."""

    model_config = ConfigDict(extra="forbid")

    key: Literal["log_level"]
    value: Value = Field(description="A level, or `default` to take back what was set.")
    component: Component = Field(ALL, description="Whose; all by default.")
    duration: Length = _duration


class RuntimeSetting(RootModel[DebugMode | ComponentLevel]):
    """A setting that is changed at run time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"key": "alert_debug_mode", "value": "true"},
                {"key": "log_level", "value": "DEBUG", "component": "store", "duration": "30m"},
                {"key": "log_level", "value": "default", "component": "store"},
            ]
        },
    )


_KINDS: dict[str, type[DebugMode | ComponentLevel]] = {
    "alert_debug_mode": DebugMode,
    "log_level": ComponentLevel,
}


@router.get("", summary="Settings at run time", responses=responses())
@needs(Permission.ADMINISTER, "settings")
def get_settings(request: Request) -> RuntimeSettings:
    """Return the log levels that are set now, and until when."""
    return _shown(LogLevels(store_of(request)).held())


@router.post(
    "",
    summary="Change a setting at run time",
    responses=responses(400, 413),
    openapi_extra=described_as(RuntimeSetting),
)
@needs(Permission.ADMINISTER, "settings")
def change_setting(request: Request, body: Body, who: Acting) -> RuntimeSettings:
    """Set or take back a log level. Every process of Sentinel follows within seconds.

    Returns:
        All that is set at run time.

    Raises:
        Problem: 422 for an unknown component, level or length
    """
    asked = _read(body)
    levels = LogLevels(store_of(request))
    component, level = _wanted(asked)
    if level is None:
        levels.reset(component, actor=who.name)
    else:
        levels.set(component, level, actor=who.name, length=asked.duration)
    return _shown(levels.held())


def _read(body: bytes) -> DebugMode | ComponentLevel:
    given = json_of(body)
    key = cast("dict[str, object]", given).get("key") if isinstance(given, dict) else None
    kind = _KINDS.get(key) if isinstance(key, str) else None
    if kind is None:
        raise Problem(
            422, "invalid", "the body must have the `key` of a setting", field="key",
            hint=f"Settings at run time: {', '.join(_KINDS)}.",
        )  # fmt: skip
    return read_as(kind, body)


def _wanted(asked: DebugMode | ComponentLevel) -> tuple[str, str | None]:
    """Return whose level is set, and to which; None where it is taken back."""
    if isinstance(asked, DebugMode):
        return ALL, "DEBUG" if asked.value in ("true", True) else None
    component = checked_component(asked.component)
    if asked.value.lower() == CONFIGURED:
        return component, None
    return component, checked_level(asked.value)


def _shown(found: list[LogLevel]) -> RuntimeSettings:
    return RuntimeSettings(
        alert_debug_mode=any(one.component == ALL and one.level == "DEBUG" for one in found),
        log_levels=[LogLevelItem(**msgspec.structs.asdict(one)) for one in found],
        components=list(COMPONENTS),
    )
