"""The packs of rules that ship with Sentinel, over HTTP; `sentinel deploy --pack` rolls one out."""

from __future__ import annotations

from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.rollout.files import Entry, pack_file, packs, read_files

__all__ = ["router"]

router = APIRouter(prefix="/packs", tags=["packs"])

PackName = Annotated[
    str,
    Path(pattern="^[a-z0-9][a-z0-9-]{0,99}$", description="Name of it.", examples=["machine"]),
]


class PackItem(BaseModel):
    """A pack."""

    name: str
    description: str = Field(description="As the head of its file has it; empty for none.")
    rules: int = Field(description="How many rules it has.")


class PackList(BaseModel):
    """All packs, by name."""

    items: list[PackItem]


class PackRule(BaseModel):
    """A rule of a pack, as a rollout of the pack makes it."""

    name: str
    description: str
    trigger: str
    severity: str
    scheduled: bool = Field(description="Whether it runs without being changed first.")


class PackDetail(BaseModel):
    """A pack with its rules."""

    name: str
    description: str
    rules: list[PackRule]


@router.get("", summary="List packs", responses=responses())
@needs(Permission.READ, "rules", confined=True)
def list_packs() -> PackList:
    """List the packs of rules that ship with Sentinel, by name."""
    return PackList(
        items=[
            PackItem(name=name, description=_head(file), rules=len(read_files([file])))
            for name, file in packs().items()
        ]
    )


@router.get("/{pack}", summary="One pack", responses=responses(404))
@needs(Permission.READ, "rules", confined=True)
def read(pack: PackName) -> PackDetail:
    """Return a pack with its rules, in the order of its file.

    Returns:
        The pack.

    Raises:
        NotFound: there is no pack of that name
    """
    file = pack_file(pack)
    return PackDetail(
        name=pack, description=_head(file), rules=[_rule(one) for one in read_files([file])]
    )


def _rule(entry: Entry) -> PackRule:
    parameters: dict[str, Any] = entry.spec.get("parameters") or {}
    rule: dict[str, Any] = parameters.get("rule") or {}
    schedules: list[dict[str, Any]] = entry.spec.get("schedules") or []
    return PackRule(
        name=entry.name, description=str(entry.spec.get("description") or ""),
        trigger=entry.entrypoint.rpartition(".")[2], severity=str(rule.get("severity") or "medium"),
        scheduled=any(one.get("active", True) is not False for one in schedules),
    )  # fmt: skip


def _head(file: File) -> str:
    """Return the comment at the head of a file, as one text."""
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(" ".join(lines).split())
