"""What is kept of a command for alerts: its results, how to undo it, and which alerts still fire.

It is stored with the change that the command made, so that the same command is answered the same,
and can be undone, whichever process gets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from sentinel.alerts.actions import ActionResult, action_named, name_of
from sentinel.alerts.bulk import Step
from sentinel.store.answered_requests import Claim

__all__ = ["KeptCommand", "claim_of", "kept_steps"]


class _KeptStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that undoes something, with the action by its name."""

    op: str
    actor: str
    comment: str = ""
    assignee: str = ""
    until: datetime | None = None
    versions: dict[str, int] = {}


class KeptCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a command that was carried out.

    Attributes:
        results: of each alert
        undo: the steps that undo it; none where nothing does, or once it was undone
        firing: alerts that it resolved and whose condition still held
        more: whether more alerts matched than one command may change
    """

    results: list[ActionResult]
    undo: list[_KeptStep] = []
    firing: list[str] = []
    more: bool = False

    @classmethod
    def read(cls, kept: str) -> KeptCommand:
        """Read what `text` returned."""
        return msgspec.json.decode(kept, type=cls)

    def text(self) -> str:
        """Return it as the store keeps it, as JSON."""
        return msgspec.json.encode(self).decode()

    def steps(self) -> list[Step]:
        """Return the steps that undo it."""
        return [
            Step(
                action_named(
                    one.op, actor=one.actor, comment=one.comment, assignee=one.assignee,
                    until=one.until,
                ),
                list(one.versions), one.versions,
            )
            for one in self.undo
        ]  # fmt: skip


def kept_steps(steps: Sequence[Step]) -> list[_KeptStep]:
    """Return steps as they are kept.

    Args:
        steps: with the actions of `undo_steps`

    Returns:
        One for each.
    """
    kept: list[_KeptStep] = []
    for one in steps:
        fields: dict[str, Any] = msgspec.structs.asdict(one.action)
        op = name_of(one.action)
        kept.append(_KeptStep(op=op, versions=one.versions, **fields))
    return kept


def claim_of(actor: str, command_id: str, said: object = None) -> Claim:
    """Return what stands for a command in the store.

    Args:
        actor: who sent it, so that nobody can name somebody else's
        command_id: made by the browser
        said: the whole command; None to find what was kept of it

    Returns:
        The claim of its id.
    """
    digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
    caller = f"dashboard:{actor}"[:200]
    return Claim(caller=caller, path="alerts", key=command_id, digest=digest)
