"""Commands about silences against a server on another machine."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sentinel.cli.output import json_out, print_table, say
from sentinel.cli.remote import client_here
from sentinel.duration import format_duration
from sentinel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from sentinel.client.models import Silence

__all__ = [
    "end_silence_remotely", "extend_silence_remotely", "list_silences", "preview_remotely",
    "silence_matching_remotely", "silence_remotely",
]  # fmt: skip


def list_silences(rule: str, *, ended: bool, json: bool) -> None:
    """Print the silences of the server."""
    with client_here() as client:
        found = client.silences(rule=rule, ended=ended).items
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    now = datetime.now(UTC)
    print_table(
        ["SILENCED", "TENANT", "EXPIRES", "BY", "REASON", "ID"],
        [
            (
                one.rule or " or ".join("{" + text + "}" for text in one.matchers), one.tenant,
                _end(one, now), one.created_by, one.reason, one.id,
            )
            for one in found
        ],
        empty="Nothing is silenced.",
    )  # fmt: skip


def _end(one: Silence, now: datetime) -> str:
    if one.state == "pending":
        return f"begins in {format_duration(one.starts_at - now)}"
    return f"in {format_duration(one.until - now)}" if one.state == "active" else one.state


def silence_remotely(
    rule: str, span: timedelta, reason: str, tenant: str, *, announce: bool, json: bool
) -> None:
    """Silence a rule of the server."""
    from sentinel.client import resources

    minutes = span.total_seconds() / 60
    asked = resources.silence_rule(
        rule, minutes=minutes, reason=reason, tenant=tenant, announce=announce
    )
    with client_here() as client:
        made = client.do(asked)
    if json:
        json_out(made.model_dump())
        return
    say(f"Silenced {rule} for {format_duration(span)}; live alerts: {made.silenced}.")


def silence_matching_remotely(
    matchers: Sequence[str],
    span: timedelta,
    begins: datetime,
    reason: str,
    asked: Mapping[str, Any],
) -> tuple[dict[str, Any], int]:
    """Silence what matchers match on the server.

    Args:
        matchers: sets as Alertmanager writes them
        span: for how long
        begins: when it begins
        reason: why
        asked: recurrence, maintenance, tenant and announce, as of `resources.silence_matching`

    Returns:
        The fields of the silence, and how many alerts that fire match.
    """
    from sentinel.client import resources

    minutes = span.total_seconds() / 60
    request = resources.silence_matching(
        matchers, minutes=minutes, starts_at=begins, reason=reason, **asked
    )
    with client_here() as client:
        made = client.do(request)
    return made.model_dump(), made.silenced or 0


def preview_remotely(matchers: Sequence[str], tenant: str) -> dict[str, Any]:
    """Return which alerts of the server a silence would mute."""
    from sentinel.client import resources

    with client_here() as client:
        return client.do(resources.preview_silence(matchers, tenant=tenant)).model_dump()


def extend_silence_remotely(silence_id: str, span: timedelta) -> dict[str, Any]:
    """Move the end of a silence of the server, and return the silence."""
    from sentinel.client import resources

    asked = resources.extend_silence(silence_id, minutes=span.total_seconds() / 60)
    with client_here() as client:
        return client.do(asked).model_dump()


def end_silence_remotely(silence: str, tenant: str, *, json: bool) -> None:
    """End a silence of the server.

    Args:
        silence: its id, or the name of its rule
        tenant: whose the rule is
        json: whether to print JSON

    Raises:
        NotFound: the rule is not silenced
    """
    with client_here() as client:
        if re.fullmatch("[0-9a-f]{32}", silence):
            ended = client.end_silence(silence)
        else:
            mine = [one for one in client.silences(rule=silence).items if one.tenant == tenant]
            if not mine:
                raise NotFound(f"the rule {silence!r} is not silenced")
            ended = client.end_silence(mine[0].id)
    if json:
        json_out(ended.model_dump())
        return
    say(f"Ended the silence of {ended.rule}." if ended.rule else "Ended the silence.")
