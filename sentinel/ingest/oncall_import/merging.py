"""An import beside what is here: what is added, what stays, and where both differ.

Names decide. What is here stays as it is, also where the vendor has another under the same name:
that is a conflict, and named. `replace` says for which names the vendor's is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import yaml
from pydantic import BaseModel

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.oncall_import.imported import ImportedOnCall, ImportNote
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.oncall.document_plan import KINDS, OnCallDifference, document_differences
from sentinel.oncall.document_plan import field_changes as _changes
from sentinel.store.oncall.imports import Here, NewOverride
from sentinel.store.oncall.overrides import as_override

__all__ = ["Merge", "merged"]

ALL = "all"


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """What applying an import makes.

    Attributes:
        number: of the version that it was planned against; 0 for none
        text: the new document
        document: the same, read
        differences: what changes; none where nothing does
        receivers: to make, with their channels
        overrides: to make
        over: that are over, and are made no more
        notes: conflicts
    """

    number: int
    text: str
    document: OnCallDocument
    differences: Sequence[OnCallDifference]
    receivers: Mapping[str, Sequence[str]]
    overrides: Sequence[NewOverride]
    over: Sequence[NewOverride]
    notes: Sequence[ImportNote]


def merged(
    found: ImportedOnCall, present: Here, now: datetime, replace: Collection[str] = ()
) -> Merge:
    """Return what is here with what an import found.

    Args:
        found: the import
        present: what is here
        now: the present moment
        replace: `schedule:primary`, `person:ann`, `team:db`, `escalation policy:default`, or `all`:
            where the vendor's is taken

    Returns:
        The document, and how it differs.

    Raises:
        ConfigurationError: `replace` names what is no conflict
    """
    active = read_oncall(present.text, known=True) if present.text else OnCallDocument()
    here = loaded(present.text, "the on-call document", "", known=True) if present.text else {}
    asked, notes = set(replace), list[ImportNote]()
    whole: dict[str, Any] = dict(here)
    kept: set[str] = set()
    for part, kind in KINDS.items():
        items: dict[str, Any] = dict(here.get(part) or {})
        ours: Mapping[str, BaseModel] = getattr(active, part)
        theirs: Mapping[str, BaseModel] = getattr(found.document, part)
        for name, one in theirs.items():
            there, key = ours.get(name), f"{kind}:{name}"
            differs = there is not None and there != one
            if there is None or (differs and (key in asked or ALL in asked)):
                items[name] = found.raw[part][name]
            elif differs:
                kept.add(key)
                text = f"kept as it is here ({_changes(there, one)}); take theirs: --replace"
                notes.append(ImportNote(kind="conflict", place=key, text=f"{text} '{key}'"))
            asked.discard(key)
        if items:
            whole[part] = items
    if unknown := asked - {ALL}:
        raise ConfigurationError(
            f"--replace: {', '.join(sorted(unknown))} is not in the import",
            hint="Write schedule:NAME, person:NAME, team:NAME, 'escalation policy:NAME' or all.",
        )
    text = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100) if whole else ""
    document = read_oncall(text) if text else OnCallDocument()
    differences = document_differences(document, active)
    if not differences:
        text = present.text
    elif "#" in present.text:
        notes.append(ImportNote(kind="conflict", place="the document", text="it is written anew: "
                                "comments in it are kept in its earlier version only"))  # fmt: skip
    receivers = {
        name: channels for name, channels in found.receivers.items()
        if name in document.receivers and name not in present.receivers
    }  # fmt: skip
    for name, channels in found.receivers.items():
        there = present.receivers.get(name)
        if name in document.receivers and there is not None and list(there) != list(channels):
            said = f"kept with {', '.join(there)}, where the import has {', '.join(channels)}"
            notes.append(ImportNote(kind="conflict", place=f"receiver:{name}", text=said))
    coming = [one for one in found.overrides if one.override.end > now]
    overrides = _overrides(coming, present, kept, notes)
    made = [
        OnCallDifference(sign="+", kind="receiver", name=name, text=", ".join(channels))
        for name, channels in receivers.items()
    ]
    return Merge(
        number=present.number, text=text, document=document, receivers=receivers,
        overrides=overrides, notes=notes,
        over=[one for one in found.overrides if one.override.end <= now
              and f"schedule:{one.schedule}" not in kept],
        differences=[*made, *differences, *(_said(one, document) for one in overrides)],
    )  # fmt: skip


def _overrides(
    coming: Sequence[NewOverride], present: Here, kept: Collection[str], notes: list[ImportNote]
) -> list[NewOverride]:
    known = {(one.schedule, one.reason, one.starts_at, one.replaces): one for one in present.made}
    new: list[NewOverride] = []
    for one in coming:
        place, given = f"override:{one.reason}", one.override
        if f"schedule:{one.schedule}" in kept:
            text = f"left out, since the schedule {one.schedule} is kept as it is here"
            notes.append(ImportNote(kind="conflict", place=place, text=text))
            continue
        there = known.get((one.schedule, one.reason, given.start, given.replaces))
        if there is None:
            new.append(one)
        elif there.removed_at is not None or as_override(there) != given:
            text = "kept as it is here: it was changed there, or changed or taken back here"
            notes.append(ImportNote(kind="conflict", place=place, text=text))
    return new


def _said(one: NewOverride, document: OnCallDocument) -> OnCallDifference:
    zone, given = document.schedules[one.schedule].zone, one.override
    times = (
        f"{given.start.astimezone(zone):%Y-%m-%d %H:%M} to {given.end.astimezone(zone):%F %H:%M}"
    )
    who = ", ".join(given.people) or "nobody"
    instead = f" instead of {given.replaces}" if given.replaces else ""
    text = f"{who}{instead} from {times} ({one.reason})"
    return OnCallDifference(sign="+", kind="override", name=one.schedule, text=text)
