"""Requests about log levels, for `Client.do` and `AsyncClient.do`."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from sentinel.client.calls import Call
from sentinel.duration import format_duration

__all__ = ["LogLevel", "LogLevels", "log_levels", "reset_log_level", "set_log_level"]

_PATH = "/api/v1/admin/settings"


class LogLevel(BaseModel):
    """The level of a component, and until when."""

    component: str
    level: str
    until: datetime
    set_at: datetime
    set_by: str


class LogLevels(BaseModel):
    """The levels that are set now; every other component logs as configured."""

    log_levels: list[LogLevel]


def log_levels() -> Call[LogLevels]:
    """Return the request for the log levels that are set now."""
    return Call(LogLevels, "GET", _PATH)


def set_log_level(component: str, level: str, *, length: timedelta) -> Call[LogLevels]:
    """Return the request that sets the log level of a component.

    Args:
        component: whose
        level: its name
        length: when it goes back by itself

    Returns:
        The request.
    """
    body = {
        "key": "log_level", "value": level, "component": component,
        "duration": format_duration(length),
    }  # fmt: skip
    return Call(LogLevels, "POST", _PATH, body=body)


def reset_log_level(component: str) -> Call[LogLevels]:
    """Return the request that takes the level of a component back."""
    body = {"key": "log_level", "value": "default", "component": component}
    return Call(LogLevels, "POST", _PATH, body=body)
