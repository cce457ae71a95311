"""Forms of channels, made from the schemas of Prefect's blocks, and saving what they were given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sentinel.errors import ConfigurationError, Conflict
from sentinel.prefect_client.blocks import ABLE, ChannelBlock, ChannelBlocks
from sentinel.prefect_client.channel_types import OURS
from sentinel.prefect_client.channel_values import data_of

__all__ = ["ChannelForm", "ChannelForms", "FormField"]

Kind = Literal["text", "secret", "number", "switch", "choice", "list", "block"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# They open one more incident for each reminder, so that no receiver takes them.
_LEFT_OUT = ("pager-duty-webhook", "opsgenie-webhook")


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a form.

    Attributes:
        name: of the block's field
        title: for people
        help: for people
        kind: how it is typed; a list is written with commas, a block is chosen by its name
        required: whether it must be given
        default: what it is where nothing is given
        choices: what a choice or a block may be: shown text by value
        schema: JSON Schema of the value
    """

    name: str
    title: str
    help: str
    kind: Kind
    required: bool
    default: Any = None
    choices: dict[str, str] = {}
    schema: dict[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Whether a number must be a whole one."""
        several: list[dict[str, Any]] = self.schema.get("anyOf") or [self.schema]
        return any(one.get("type") == "integer" for one in several)


class ChannelForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of one type of channel.

    Attributes:
        kind: slug of the block type
        title: its name
        type_id: id of the block type
        schema_id: id of its newest schema
        fields: in the order of the schema
    """

    kind: str
    title: str
    type_id: str
    schema_id: str
    fields: list[FormField]


class ChannelForms(ChannelBlocks):
    """A Prefect API that makes channels. Every method may raise `PrefectUnreachable`."""

    def forms(self) -> list[ChannelForm]:
        """Return the form of every type of channel that Prefect knows, ours first."""
        ours = {"block_types": {"slug": {"any_": list(OURS)}}}
        types = {
            str(one["id"]): one
            for where in (ours, *ABLE)
            for one in self._pages("/block_types/filter", where)
            if one["slug"] not in _LEFT_OUT
        }
        schemas = self._pages(
            "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": list(types)}}}
        )
        newest: dict[str, dict[str, Any]] = {}
        for schema in sorted(schemas, key=lambda one: str(one.get("created") or "")):
            newest[str(schema["block_type_id"])] = schema
        return [
            ChannelForm(
                kind=str(types[type_id]["slug"]),
                title=str(types[type_id]["name"]),
                type_id=type_id,
                schema_id=str(schema["id"]),
                fields=self._fields(schema["fields"]),
            )
            for type_id, schema in sorted(
                newest.items(),
                key=lambda pair: _order(types[pair[0]]),
            )
        ]

    def values(self, block: ChannelBlock) -> dict[str, Any]:
        """Return what a channel's block holds.

        Args:
            block: of the channel

        Returns:
            Values by field; secrets are masked by Prefect, and a block in it is its id.
        """
        document = self._get(f"/block_documents/{block.id}", f"block {block.ref}")
        references: dict[str, Any] = document.get("block_document_references") or {}
        inner = {name: str(one["block_document"]["id"]) for name, one in references.items()}
        return {**(document.get("data") or {}), **inner}

    def save(
        self, form: ChannelForm, name: str, given: Mapping[str, Any], block: ChannelBlock | None
    ) -> str:
        """Save a channel's block.

        Args:
            form: of its type
            name: of the block: lower-case letters, digits and dashes
            given: values by field, as `data_of` reads them
            block: the block to change; None for a new one

        Returns:
            the reference of the channel

        Raises:
            ConfigurationError: a value is missing or has a wrong form
            Conflict: there is a block of that name
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is not a valid name", hint="Use lower-case letters, digits and dashes."
            )
        data = data_of(form.fields, given, new=block is None)
        if block is not None:
            body = {"data": data, "block_schema_id": form.schema_id, "merge_existing_data": True}
            self._ok("PATCH", f"/block_documents/{block.id}", json=body)
            return block.ref
        response = self._send(
            "POST",
            "/block_documents/",
            json={"name": name, "data": data, "block_schema_id": form.schema_id,
                  "block_type_id": form.type_id},
        )  # fmt: skip
        if response.status_code == 409:
            raise Conflict(f"there is a channel {form.kind}/{name}", hint="Change that one.")
        self._checked(response)
        return f"{form.kind}/{name}"

    def _fields(self, schema: Mapping[str, Any]) -> list[FormField]:
        properties: dict[str, dict[str, Any]] = schema.get("properties") or {}
        references: dict[str, dict[str, Any]] = schema.get("block_schema_references") or {}
        needed: list[str] = schema.get("required") or []
        fields: list[FormField] = []
        for name, about in sorted(properties.items(), key=lambda p: p[1].get("position", 0)):
            choices: dict[str, str] = {}
            if name in references:
                kind: Kind | None = "block"
                slug = references[name]["block_type_slug"]
                found = self._documents({"block_types": {"slug": {"any_": [slug]}}})
                choices = {one.id: one.name for one in found}
            else:
                kind = _kind(about)
                choices = {str(one): str(one) for one in about.get("enum", [])}
            if kind is None and name not in needed:
                continue  # a form of its own; the Prefect UI edits it
            fields.append(
                FormField(
                    name=name,
                    title=str(about.get("title") or name),
                    help=str(about.get("description") or ""),
                    kind=kind or "text",
                    required=name in needed,
                    default=about.get("default"),
                    choices=choices,
                    schema={} if kind == "block" else _own(about, schema),
                )
            )
        return fields


def _order(kind: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Return the key that sorts webhook and email first, then vendors, then Prefect's types."""
    slug = str(kind["slug"])
    return slug not in OURS, not slug.startswith("sentinel-"), str(kind["name"])


def _own(about: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of one field with the definitions that it may refer to."""
    named = {name: whole[name] for name in ("definitions", "$defs") if name in whole}
    return {**about, **named}


def _kind(about: Mapping[str, Any]) -> Kind | None:
    """Return how a field is typed; None where it is no single value."""
    if about.get("format") == "password" or about.get("writeOnly"):
        return "secret"
    if "enum" in about:
        return "choice"
    kinds: dict[str, Kind] = {
        "string": "text", "integer": "number", "number": "number", "boolean": "switch",
        "array": "list",
    }  # fmt: skip
    several: list[dict[str, Any]] = about.get("anyOf") or [dict(about)]
    typed = [str(one.get("type")) for one in several if one.get("type") != "null"]
    return kinds.get(typed[0]) if len(set(typed)) == 1 else None
