"""Requests about how many messages receivers and channels get, and by which templates.

```python
from sentinel.client import Client, message_settings

with Client() as sentinel:
    sentinel.do(message_settings.limit_receiver("ops", 10))
    sentinel.do(message_settings.set_template("ops", title="{group_severity}: {title}"))
```
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "Announced",
    "Limit",
    "Template",
    "TemplatePage",
    "announce_silences",
    "limit_channel",
    "limit_receiver",
    "remove_template",
    "set_template",
    "templates",
]


class Limit(BaseModel):
    """Messages a minute that hold now, 0 for no limit; `own` where it is not that of all."""

    name: str
    messages_per_minute: int
    own: bool


class Announced(BaseModel):
    """Whether a receiver is notified of every silence that mutes it."""

    name: str
    announce_silences: bool


class Template(BaseModel):
    """A template; of an empty channel, of all that have none of their own."""

    channel: str
    title: str
    text: str
    source: str = "ui"


class TemplatePage(BaseModel):
    """The templates of a receiver."""

    items: list[Template]


def limit_receiver(name: str, per_minute: int | None) -> Call[Limit]:
    """Return the request that limits a receiver; None for the limit of all, 0 for none."""
    return Call(Limit, "PUT", f"{_of(name)}/limit", body={"per_minute": per_minute})


def limit_channel(channel: str, per_minute: int | None) -> Call[Limit]:
    """Return the request that limits a channel; None for the limit of all, 0 for none."""
    body = {"channel": channel, "per_minute": per_minute}
    return Call(Limit, "PUT", f"{BASE}/channels/limits", body=body)


def announce_silences(receiver: str, announced: bool) -> Call[Announced]:
    """Return the request that announces every silence that mutes a receiver to it, or none more."""
    body = {"announce_silences": announced}
    return Call(Announced, "PUT", f"{_of(receiver)}/announcements", body=body)


def templates(receiver: str) -> Call[TemplatePage]:
    """Return the request for the templates of a receiver."""
    return Call(TemplatePage, "GET", f"{_of(receiver)}/templates")


def set_template(
    receiver: str, *, title: str = "", text: str = "", channel: str = ""
) -> Call[TemplatePage]:
    """Return the request that sets a template.

    Args:
        receiver: its name
        title: empty for the built-in one
        text: empty for the built-in one
        channel: one of the receiver's; empty for all that have none of their own

    Returns:
        The request.
    """
    body = {"channel": channel, "title": title, "text": text}
    return Call(TemplatePage, "PUT", f"{_of(receiver)}/templates", body=body)


def remove_template(receiver: str, channel: str = "") -> Call[TemplatePage]:
    """Return the request that removes a template."""
    path = f"{_of(receiver)}/templates"
    return Call(TemplatePage, "DELETE", path, {"channel": channel or None})


def _of(receiver: str) -> str:
    return f"{BASE}/receivers/{quote(receiver, safe='')}"
