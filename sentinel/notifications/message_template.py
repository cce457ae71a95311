"""Templates of messages: a title and a text that take the place of the built-in ones. Pure.

They are those of `sentinel.template`: names in braces, and nothing that can act. Names are those of
the JSON of webhooks, as far as they are about what a message says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.notifications.channel import Message
from sentinel.template import MAX_TEXT, misspelt, placeholders, render

__all__ = ["FIELDS", "MessageTemplate", "checked", "templated"]

_OF_ALERT = (
    "title", "description", "severity", "category", "status", "rule", "team", "value", "labels",
    "annotations", "acknowledged_by",
)  # fmt: skip
FIELDS = frozenset((
    *_OF_ALERT, "alert_id", "alert_url", "alerts", "firing", "group_id", "group_severity",
    "group_status", "group_title", "reason", "reason_text", "receiver", "resolved", "url",
))  # fmt: skip
"""Names that a template may have; `labels` and `annotations` have names of their own."""


class MessageTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A title and a text; an empty one means the built-in one."""

    title: str = ""
    text: str = ""


def checked(template: MessageTemplate) -> MessageTemplate:
    """Return a template that can be used.

    Args:
        template: as somebody wrote it

    Returns:
        The same.

    Raises:
        ConfigurationError: a name or a format is unknown, at a line and column; or both texts are
            empty or one is too long
    """
    if not template.title.strip() and not template.text.strip():
        raise ConfigurationError("the template is empty", hint="Give it a title, a text or both.")
    for part, text in (("title", template.title), ("text", template.text)):
        if len(text) > MAX_TEXT:
            raise ConfigurationError(f"{part}: has more than {MAX_TEXT:,} characters")
        for wrong in misspelt(text):
            raise ConfigurationError(
                f"{part}, {_place(text, wrong)}: {wrong} has a format that is not known",
                hint="Write for example {value:.1f}.",
            )
        for name in placeholders(text):
            if name.split(".")[0] not in FIELDS:
                raise ConfigurationError(
                    f"{part}, {_place(text, name)}: {{{name}}} is unknown",
                    hint=f"There are {', '.join(sorted(FIELDS))}.",
                )
    return template


def templated(message: Message, template: MessageTemplate) -> tuple[Message, str]:
    """Return a message with the texts of a template.

    Args:
        message: with the built-in texts
        template: of its receiver and channel

    Returns:
        The message, and why a text of the template was not used; empty where all were. A message
        is never lost by its template.
    """
    fields, problems = _fields(message), list[str]()
    made = {"title": message.title, "text": ""}
    for part, text in (("title", template.title), ("text", template.text)):
        if not text:
            continue
        try:
            said = render(text, fields)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            problems.append(f"its {part} cannot be filled in ({type(error).__name__})")
            continue
        said = " ".join(said.split()) if part == "title" else said.strip()
        if said:
            made[part] = said
        else:
            problems.append(f"its {part} came out empty")
    return msgspec.structs.replace(message, **made), "; ".join(problems)


def _place(text: str, what: str) -> str:
    """Return where a text has something first: `line 2, column 5`."""
    before = text[: max(text.find(what), 0)]
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _fields(message: Message) -> Mapping[str, Any]:
    worst = message.alerts[0] if message.alerts else None
    of_alert = {name: getattr(worst, name) if worst else "" for name in _OF_ALERT}
    return {
        **of_alert,
        "labels": dict(worst.labels) if worst else {},
        "annotations": dict(worst.annotations) if worst else {},
        "title": worst.title if worst else message.title,
        "severity": worst.severity if worst else message.severity,
        "status": worst.status if worst else message.status,
        "alert_id": worst.id if worst else "",
        "alert_url": worst.url if worst else message.url,
        "alerts": [msgspec.to_builtins(alert) for alert in message.alerts[:100]],
        "firing": message.firing,
        "resolved": message.resolved,
        "group_id": message.group_id,
        "group_severity": message.severity,
        "group_status": message.status,
        "group_title": message.title,
        "reason": message.reason,
        "reason_text": message.reason_text,
        "receiver": message.receiver,
        "url": message.url,
    }
