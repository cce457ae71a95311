"""Shared by the checks over logs and traces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sentinel import Context

__all__ = ["known_groups", "quoted"]

_KEPT = timedelta(days=1)
_MOST_GROUPS = 200


def known_groups(ctx: Context, seen: dict[str, int]) -> dict[str, int]:
    """Return the counts of groups, with 0 for those that had some within the last day.

    Args:
        ctx: whose state remembers the groups
        seen: groups that have some now

    Returns:
        A count for each group, by name.
    """
    now = ctx.now()
    before: dict[str, Any] = ctx.state.get("groups", {})
    last = {name: at for name, at in before.items() if now - datetime.fromisoformat(at) < _KEPT}
    last |= dict.fromkeys((name for name, count in seen.items() if count), now.isoformat())
    newest = sorted(last, key=lambda name: (last[name], name))[-_MOST_GROUPS:]
    ctx.state["groups"] = {name: last[name] for name in newest}
    return {name: seen.get(name, 0) for name in sorted({*newest, *seen})}


def quoted(field: str, value: str) -> str:
    """Return the term of a query for a field with a value, empty for none; `*` is any text."""
    if not value:
        return ""
    plain = value.replace("\\", "").replace('"', "")
    return f"{field}:{plain}" if plain.replace("*", "").isalnum() else f'{field}:"{plain}"'
