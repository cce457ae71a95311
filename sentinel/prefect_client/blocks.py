"""Blocks that are channels, as Prefect's API knows them; with no import of Prefect.

Making one needs Prefect's own client, which knows the schemas: see `blocks.channel_blocks`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from sentinel.errors import Conflict, NotFound
from sentinel.prefect_client.channel_types import CAPABILITY, OURS
from sentinel.prefect_client.client import PrefectApi

__all__ = ["ChannelBlock", "ChannelBlocks"]

ABLE = [
    {"block_schemas": {"block_capabilities": {"all_": [capability]}}}
    for capability in (CAPABILITY, "notify")
]
"""Filters for blocks that can send: of `blocks/vendors`, and of Prefect."""
EMAIL = "sentinel-email"
SERVER = "email-server-credentials"
_INNER = {EMAIL: SERVER, "sentinel-slack-app": "slack-credentials"}
"""The block that each type of channel holds, which `channel add` saves beside it."""


class ChannelBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A saved block that is a channel; `ref` is how receivers name it."""

    id: str
    ref: str
    kind: str
    name: str


class ChannelBlocks(PrefectApi):
    """A Prefect API that is asked about channels. Every method may raise `PrefectUnreachable`."""

    def channels(self) -> list[ChannelBlock]:
        """Every block that can send: ours, and all of Prefect's notification blocks."""
        found = [
            *self._documents({"block_types": {"slug": {"any_": list(OURS)}}}),
            *(one for kind in ABLE for one in self._documents(kind)),
        ]
        return sorted({one.ref: one for one in found}.values(), key=lambda one: one.ref)

    def missing(self, refs: Collection[str]) -> list[str]:
        """Return which channels have no block; not the inbox, which is no block."""
        blocks = [ref for ref in dict.fromkeys(refs) if "/" in ref]
        if not blocks:
            return []
        known = {one.ref for one in self.channels()}
        return [ref for ref in blocks if ref not in known]

    def find(self, name: str) -> ChannelBlock:
        """Return the channel called `name`.

        Args:
            name: `<block type slug>/<name>`, or the name alone where only one has it

        Returns:
            The block, with its type and its name.

        Raises:
            NotFound: there is none
            Conflict: several have that name
        """
        known = self.channels()
        found = [one for one in known if name in (one.ref, one.name)]
        if len(found) == 1:
            return found[0]
        if found:
            refs = " or ".join(one.ref for one in found)
            raise Conflict(f"{name!r} is the name of several channels", hint=f"Write {refs}.")
        raise NotFound(f"there is no channel {name!r}", hint="See: sentinel channel list")

    def remove(self, block: ChannelBlock) -> list[str]:
        """Delete a channel's block, and the one it holds that no other channel uses.

        Returns:
            What was deleted, by type and name.
        """
        held = self._held_by(block)
        self._delete(block)
        gone = [block.ref]
        used = {
            one.id
            for other in (self.channels() if held else [])
            if other.kind == block.kind
            for one in self._held_by(other)
        }
        for one in held:
            # One that `channel add` has made for it has its name; any other is somebody's own.
            if one.id not in used and one.name == block.name:
                self._delete(one)
                gone.append(one.ref)
        return gone

    def _held_by(self, block: ChannelBlock) -> list[ChannelBlock]:
        if block.kind not in _INNER:
            return []
        document = self._get(f"/block_documents/{block.id}", f"block {block.ref}")
        references: dict[str, Any] = document.get("block_document_references") or {}
        used: list[dict[str, Any]] = [one["block_document"] for one in references.values()]
        return [
            _block(one)
            for one in used
            if _slug(one) == _INNER[block.kind] and not one.get("is_anonymous")
        ]

    def _delete(self, block: ChannelBlock) -> None:
        response = self._send("DELETE", f"/block_documents/{block.id}")
        if response.status_code != 404:  # somebody else was first
            self._checked(response)

    def _documents(self, where: dict[str, Any]) -> list[ChannelBlock]:
        only_named = {"block_documents": {"is_anonymous": {"eq_": False}}}
        return [
            _block(one) for one in self._pages("/block_documents/filter", {**only_named, **where})
        ]


def _slug(document: dict[str, Any]) -> str:
    kind: dict[str, Any] = document.get("block_type") or {}
    return str(kind.get("slug") or "")


def _block(document: dict[str, Any]) -> ChannelBlock:
    kind, name = _slug(document), str(document.get("name") or "")
    return ChannelBlock(id=str(document["id"]), ref=f"{kind}/{name}", kind=kind, name=name)
