"""What the tests of the vendors' channels share: messages at the limit, and what has arrived."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from sentinel.notifications.channel import Message
from tests.blocks.messages import message
from tests.prefect_server import Receiver

__all__ = ["HARD_TEXTS", "acknowledged", "arrived", "fits", "hard_texts", "storm"]

HARD_TEXTS = {
    "long": "x" * 9000,
    "wide": "磁" * 9000,
    "pairs": "🔥" * 5000,
    "markup": "&<>\"'*_[](){}|`~#" * 500,
    "lines": "\n" * 50,
    "empty": "",
}
hard_texts = pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
"""Runs a test with each text that a vendor may take badly."""


def storm(text: str = "disk", count: int = 400, firing: int = 4000) -> Message:
    """A message that names as many alerts as any, each with long texts."""
    one = message().alerts[0]
    alerts = [
        replace(
            one, id=f"a{n}", title=text, description=text, category=text[:300],
            labels={f"{text}{n}"[:300]: text for n in range(30)},
            annotations={f"link{n}": f"https://r.example/{'p' * 300}" for n in range(9)},
        )
        for n in range(count)
    ]  # fmt: skip
    return message(alerts=alerts, firing=firing, title=text, reason_text=text)


def acknowledged(**changed: object) -> Message:
    """A message about a group all of whose alerts somebody has acknowledged."""
    alerts = [replace(one, status="acknowledged") for one in message().alerts]
    return message(alerts=alerts, **changed)


def arrived(receiver: Receiver) -> list[Any]:
    """The JSON bodies that have arrived, which are forgotten then."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    receiver.requests.clear()
    return bodies


def fits(body: object, schema: dict[str, Any]) -> bool:
    """Raise where a body is not as the vendor publishes it."""
    library: Any = jsonschema
    library.Draft202012Validator(schema).validate(body)
    return True
