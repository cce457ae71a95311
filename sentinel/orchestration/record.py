"""What is kept with an alert of what orchestration did, bounded, and how that reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sentinel.orchestration.incoming import Step

__all__ = ["KEPT_IN", "record_of", "sentences"]

KEPT_IN = "orchestration"
"""The name of the record among the details of an alert."""


class _Step(msgspec.Struct):
    rule: str
    changed: dict[str, tuple[str, str]] = {}
    more: int = 0
    verdict: str = ""
    errors: list[str] = []


class _Record(msgspec.Struct):
    version: int
    steps: list[_Step]
    more: int = 0
    identity_kept: bool = False


_MOST_STEPS = 20
_MOST_CHANGES = 20
_MOST_ERRORS = 5
_MOST_TEXT = 200


def record_of(version: int, steps: Sequence[Step], *, kept: bool = False) -> dict[str, Any]:
    """Return the record of the steps that did anything.

    Args:
        version: of the document; 0 for none
        steps: in order
        kept: whether the alert keeps the labels it opened with, which this version would change

    Returns:
        JSON of at most about 100 kB; `more` counts what was left out.
    """
    record: dict[str, Any] = {
        "version": version,
        "steps": [_step(one) for one in steps[:_MOST_STEPS]],
    }
    if len(steps) > _MOST_STEPS:
        record["more"] = len(steps) - _MOST_STEPS
    if kept:
        record["identity_kept"] = True
    return record


def sentences(record: object) -> list[str]:
    """Return a record in sentences.

    Args:
        record: as `record_of` made it, read back from JSON

    Returns:
        One sentence for each step; none where there is no record.
    """
    try:
        known = msgspec.convert(record, _Record)
    except msgspec.ValidationError:
        return []  # a check may keep whatever it likes under this name
    version = known.version
    said = [_said(one, version) for one in known.steps]
    if known.more:
        said.append(f"{known.more} more rules of orchestration did something.")
    if known.identity_kept:
        said.append(
            f"The alert keeps the labels it opened with until it is resolved, although version "
            f"{version} of the orchestration changes them otherwise."
        )
    return said


def _step(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {"rule": _cut(step.rule)}
    if step.changed:
        some = list(step.changed.items())[:_MOST_CHANGES]
        made["changed"] = {_cut(name): [_cut(was), _cut(now)] for name, (was, now) in some}
        if len(step.changed) > _MOST_CHANGES:
            made["more"] = len(step.changed) - _MOST_CHANGES
    if step.verdict:
        made["verdict"] = step.verdict
    if step.errors:
        made["errors"] = [_cut(one) for one in step.errors[:_MOST_ERRORS]]
    return made


def _said(step: _Step, version: int) -> str:
    parts = [
        f"set {name} to {now!r} (was {was!r})" if was and now
        else f"set {name} to {now!r}" if now
        else f"removed {name} (was {was!r})"
        for name, (was, now) in step.changed.items()
    ]  # fmt: skip
    if step.more:
        parts.append(f"changed {step.more} more fields")
    if step.verdict == "hold":
        parts.append("held it back")
    parts += [f"could not do something: {one}" for one in step.errors]
    return f"Rule {step.rule!r} of orchestration version {version} {'; '.join(parts)}."


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"
