"""What ships, for the pages of the reference: every trigger of `triggers/`, every block of ours."""

from __future__ import annotations

from typing import Any

import msgspec
from prefect.blocks.core import Block

from blocks import VENDORS, SentinelEmail, SignedWebhook
from sentinel.checks.catalog import load
from sentinel.checks.form import form_of, summary_of
from sentinel.checks.trigger import Trigger
from sentinel.cli.trigger_run import condition_text

BLOCKS: tuple[type[Block], ...] = (SentinelEmail, SignedWebhook, *VENDORS.values())


def triggers() -> list[str]:
    """The lines about every trigger, by name."""
    lines = ["## Triggers that ship", ""]
    lines += [
        "Each is the entrypoint `flows.rules.NAME` of a rule; `sentinel trigger show NAME` prints"
    ]
    lines += ["the same, and `sentinel trigger run NAME` runs it once.", ""]
    shipped = (one for one in load().triggers.values() if one.module.startswith("triggers."))
    for one in sorted(shipped, key=lambda one: one.name):
        lines += _trigger(one)
    return lines


def blocks() -> list[str]:
    """The lines about every block."""
    lines = ["# Blocks", "", "Slack and other blocks of Prefect are used as they are. These are"]
    lines += [
        "Sentinel's own; create one with `sentinel channel add` or in Prefect's UI under *Blocks*.",
        "",
    ]
    for one in BLOCKS:
        schema = one.model_json_schema()
        about: str = getattr(one, "_description", "") or ""
        lines += [f"## `{one.get_block_type_slug()}`", "", about, ""]
        lines += _fields(schema)
    return lines


def _trigger(one: Trigger[..., Any]) -> list[str]:
    lines = [f"### `{one.name}`", "", summary_of(one), ""]
    facts = [f"Category `{one.category}`"]
    facts += [f"values in {one.unit}"] if one.unit else []
    facts += [f"fires when {condition_text(one.when, one.unit)}"] if one.when else []
    facts += ["a series without a reading counts as OK"] if one.closed_world else []
    facts += [] if one.backtest else ["it acts on the world"]
    lines += ["; ".join(facts) + ".", ""]
    return lines + _fields(form_of(one).model_json_schema())


def _fields(schema: dict[str, Any]) -> list[str]:
    fields: dict[str, dict[str, Any]] = schema.get("properties", {})
    needed: list[str] = schema.get("required", [])
    if not fields:
        return ["It takes no parameters.", ""]
    lines: list[str] = []
    for name, about in fields.items():
        default = about.get("default")
        said = "required" if name in needed else f"`{msgspec.json.encode(default).decode()}`"
        text = " ".join(str(about.get("description") or about.get("title") or "").split())
        lines.append(f"- `{name}` ({said}): {text}")
    return [*lines, ""]
