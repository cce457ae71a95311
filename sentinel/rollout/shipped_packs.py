"""The packs of rules that ship with Sentinel, as people choose among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sentinel.rollout.files import Entry, pack_file, packs, read_files

__all__ = ["PackRule", "ShippedPack", "is_installed", "shipped_pack", "shipped_packs"]


class PackRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a pack, as a rollout of the pack makes it.

    Attributes:
        name, description, trigger, severity: of the rule
        scheduled: whether it runs without being changed first
    """

    name: str
    description: str
    trigger: str
    severity: str
    scheduled: bool


class ShippedPack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, with its rules in the order of its file; the description begins the file."""

    name: str
    description: str
    rules: Sequence[PackRule]


def is_installed(pack: ShippedPack, deployed: Iterable[tuple[str, str]]) -> bool:
    """Return whether all rules of a pack are deployed from files.

    Args:
        pack: the pack
        deployed: owner and name of each rule that there is

    Returns:
        False where one of its rules is missing or has another owner.
    """
    of_files = {name for owner, name in deployed if owner == "file"}
    return of_files.issuperset(rule.name for rule in pack.rules)


def shipped_packs() -> list[ShippedPack]:
    """Return all packs, by name."""
    return [_read(name, file) for name, file in packs().items()]


def shipped_pack(name: str) -> ShippedPack:
    """Return one pack.

    Args:
        name: of the pack

    Returns:
        The pack.

    Raises:
        NotFound: there is no pack of that name
    """
    return _read(name, pack_file(name))


def _read(name: str, file: Path) -> ShippedPack:
    rules = [_rule(one) for one in read_files([file])]
    return ShippedPack(name=name, description=_head(file), rules=rules)


def _rule(entry: Entry) -> PackRule:
    parameters: dict[str, Any] = entry.spec.get("parameters") or {}
    rule: dict[str, Any] = parameters.get("rule") or {}
    schedules: list[dict[str, Any]] = entry.spec.get("schedules") or []
    return PackRule(
        name=entry.name, description=str(entry.spec.get("description") or ""),
        trigger=entry.entrypoint.rpartition(".")[2], severity=str(rule.get("severity") or "medium"),
        scheduled=any(one.get("active", True) is not False for one in schedules),
    )  # fmt: skip


def _head(file: Path) -> str:
    """Return the first sentence of the comment at the head of a file.

    What follows says how to deploy the file, to whoever reads it.

    Args:
        file: of the pack

    Returns:
        The sentence; empty for none.
    """
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    text = " ".join(" ".join(lines).split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
