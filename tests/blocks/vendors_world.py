"""What the tests of the vendors' channels share: messages at the limit, and what has arrived.

`schemas/WORD.json` has what a vendor publishes about the fields that its channel sends. `x-sources`
says where and of which version, `x-unverified` what could not be read there.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from sentinel.notifications.channel import Message
from tests.blocks.messages import message
from tests.prefect_server import Receiver

__all__ = [
    "HARD_TEXTS",
    "acknowledged",
    "arrived",
    "fits",
    "hard_texts",
    "refused",
    "schema",
    "storm",
]

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


@cache
def schema(word: str) -> dict[str, Any]:
    """What the vendor publishes about a request of its channel."""
    return json.loads((Path(__file__).parent / "schemas" / f"{word}.json").read_text())


def fits(body: object, word: str, part: str = "") -> bool:
    """Raise where a body is not as the vendor publishes it.

    Args:
        body: what arrived there
        word: the vendor's
        part: of its schema, where it is not the request that opens something
    """
    library: Any = jsonschema
    whole = schema(word)
    about = {**whole["$defs"][part], "$defs": whole["$defs"]} if part else whole
    library.Draft202012Validator(about).validate(body)
    return True


def refused(body: object, word: str, *path: str | int, to: object = None) -> bool:
    """Return whether the schema refuses a body that it takes, once one value is another.

    Args:
        body: what arrived there
        word: the vendor's
        path: names and numbers, down to the value
        to: what it becomes; None takes it out
    """
    library: Any = jsonschema
    changed = copy.deepcopy(body)
    *above, last = path
    inner: Any = changed
    for step in above:
        inner = inner[step]
    if to is None:
        del inner[last]
    else:
        inner[last] = to
    assert fits(body, word)
    return not library.Draft202012Validator(schema(word)).is_valid(changed)
