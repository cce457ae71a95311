"""The packs of rules that ship with Sentinel, over HTTP: listed, read, installed and removed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.editing import ETAG, IfMatch
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.rollouts import RolledOut, carry_out, plan
from sentinel.api.scoped import within
from sentinel.rollout.files import pack_file, read_files
from sentinel.rollout.shipped_packs import is_installed, shipped_pack, shipped_packs

__all__ = ["router"]

router = APIRouter(prefix="/packs", tags=["packs"])

PackName = Annotated[
    str,
    Path(pattern="^[a-z0-9][a-z0-9-]{0,99}$", description="Name of it.", examples=["machine"]),
]


class PackItem(BaseModel):
    """A pack."""

    name: str
    description: str = Field(description="One sentence; empty for none.")
    rules: int = Field(description="How many rules it has.")
    installed: bool = Field(
        description="Whether all of its rules are deployed from files, of those in your scope."
    )


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
def list_packs(request: Request) -> PackList:
    """List the packs of rules that ship with Sentinel, by name.

    Returns:
        All packs, and which of them are installed.
    """
    there = [(row.source, row.name) for row in within(request).scoped_rules.listed()]
    return PackList(
        items=[
            PackItem(
                name=one.name,
                description=one.description,
                rules=len(one.rules),
                installed=is_installed(one, there),
            )
            for one in shipped_packs()
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
    return PackDetail.model_validate(msgspec.to_builtins(shipped_pack(pack)))


@router.get(
    "/{pack}/installation",
    summary="What installing a pack would change",
    responses={
        **responses(403, 404),
        200: {"headers": ETAG, "description": "The plan; of what is installed whole, unchanged"},
    },
)
@needs(Permission.READ, "rules")
def installation(request: Request, response: Response, pack: PackName) -> RolledOut:
    """Compare the rules of a pack with the deployments in Prefect. Nothing is changed.

    The tag of the answer, as `If-Match`, lets an installation change only what was compared here.

    Returns:
        A step for each rule.
    """
    entries = read_files([pack_file(pack)])
    return plan(request, response, entries, lambda rollout: rollout.plan(entries))


@router.put(
    "/{pack}/installation",
    summary="Install a pack",
    responses=responses(403, 404, 409, 412),
)
@needs(Permission.EDIT, "rules")
def install(
    request: Request, response: Response, pack: PackName, who: Acting, if_match: IfMatch = None
) -> RolledOut:
    """Deploy the rules of a pack that differ, as `sentinel deploy --pack` does.

    A rule that was edited in Prefect is reset to the pack; switches, pauses and schedules stay as
    they are. A rule that Prefect rejects, or that waits for a second person, is refused; the others
    are deployed.

    Returns:
        A step for each rule, as it was carried out.
    """
    entries = read_files([pack_file(pack)])
    return carry_out(
        request, response, entries, lambda rollout: rollout.plan(entries), if_match=if_match,
        actor=who.name,
    )  # fmt: skip


@router.get(
    "/{pack}/removal",
    summary="What removing a pack would delete",
    responses={**responses(403, 404), 200: {"headers": ETAG, "description": "The plan"}},
)
@needs(Permission.READ, "rules")
def removal(request: Request, response: Response, pack: PackName) -> RolledOut:
    """Return the deployments that installing a pack made.

    Returns:
        A step for each; none where nothing of the pack is installed.
    """
    entries = read_files([pack_file(pack)])
    return plan(request, response, entries, lambda rollout: rollout.plan_removal(entries))


@router.delete(
    "/{pack}/installation",
    summary="Remove a pack",
    responses=responses(403, 404, 409, 412),
)
@needs(Permission.EDIT, "rules")
def remove(
    request: Request, response: Response, pack: PackName, who: Acting, if_match: IfMatch = None
) -> RolledOut:
    """Delete the deployments that came from a pack; those of other files stay.

    Their alerts close as "rule disabled", never as recovered, and stay in the history. `If-Match`
    takes the tag of `removal`. A repetition deletes nothing more.

    Returns:
        A step for each deployment, as it was carried out.
    """
    entries = read_files([pack_file(pack)])
    return carry_out(
        request, response, entries, lambda rollout: rollout.plan_removal(entries),
        if_match=if_match, actor=who.name,
    )  # fmt: skip
