"""What a rule file may say that somebody sends: rules, and nothing that runs other code. Pure.

A deployment file can name any code, steps that fetch it, variables of the infrastructure, and
Automations. On the machine of the server its owner has all of that anyway; from elsewhere it would
make whoever edits rules the owner of the worker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict, cast

import msgspec

from sentinel.rollout.desired import is_templated
from sentinel.rollout.files import Entry

__all__ = ["reasons_against"]

_Digits = Annotated[str, msgspec.Meta(pattern=r"^\d{0,9}$")]


class _Shape(TypedDict, total=False):
    """What an entry's fields hold, so far as a rollout reads into them."""

    tags: list[object] | None
    work_pool: dict[str, object] | None
    parameters: dict[str, object] | None
    schedules: list[dict[str, object]] | None
    concurrency_limit: int | _Digits | dict[str, object] | None
    triggers: list[dict[str, object]] | None


_RULE = re.compile(r"flows\.rules\.[a-z][a-z0-9_]*")
_FIELDS = frozenset(
    (
        "name", "description", "tags", "version", "entrypoint", "pull", "work_pool", "parameters",
        "schedules", "concurrency_limit", "paused", "enforce_parameter_schema",
    )
)  # fmt: skip
_OF_POOL = frozenset(("name", "work_queue_name"))
_ELSEWHERE = "roll it out on the machine of the server: sentinel deploy --file FILE"


def reasons_against(entry: Entry) -> list[str]:
    """Return why a file that somebody sent may not have an entry.

    Args:
        entry: of the file

    Returns:
        The reasons; none where it may.
    """
    spec = entry.spec
    if malformed := _malformed(entry):
        return [malformed]
    found: list[str] = []
    if not _RULE.fullmatch(entry.entrypoint):
        found.append(
            "its entrypoint is no rule of Sentinel, and a file that is sent can deploy nothing "
            "else; write `entrypoint: flows.rules.NAME`"
        )
    if foreign := sorted(name for name in spec if name not in _FIELDS and spec[name]):
        found.append(
            f"it has {', '.join(foreign)}, which a file that is sent may not; {_ELSEWHERE}"
        )
    if spec.get("pull", entry.whole.get("pull")) not in ([], None):
        found.append(f"it has steps in `pull`, which run on the worker; {_ELSEWHERE}")
    pool: object = spec.get("work_pool")
    if isinstance(pool, Mapping):
        given = cast("Mapping[str, Any]", pool)
        if more := sorted(name for name in given if name not in _OF_POOL and given[name]):
            found.append(f"its work pool has {', '.join(more)}; {_ELSEWHERE}")
    if is_templated(entry):
        found.append(
            "it has a template ({{ … }}), which would be filled in on the machine of the server; "
            f"write the value, or {_ELSEWHERE}"
        )
    return found


def _malformed(entry: Entry) -> str:
    """Return why an entry cannot be read as a deployment; nothing where it can."""
    try:
        msgspec.json.encode([entry.spec, entry.whole.get("pull")], enc_hook=str)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return f"it cannot be sent as JSON ({error}); write texts as the names of its fields"
    try:
        msgspec.convert(entry.spec, _Shape)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at ")
        return f"{place.strip('`').removeprefix('$.')}: {said[0].lower()}{said[1:]}"
    return ""
