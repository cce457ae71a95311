"""What commands list of a server on another machine: receivers, keys and the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sentinel.cli.output import ago, fields, json_out, print_table, say
from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sentinel.audit.chain import Head
    from sentinel.client.access import AuditVerdict

__all__ = ["list_audit", "list_keys", "list_receivers", "show_audit_row", "verified_there"]


def list_receivers(*, json: bool) -> None:
    """Print the receivers of the server."""
    with client_here() as client:
        found = client.receivers().items
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    print_table(
        ["RECEIVER", "CHANNELS", "MESSAGES PER MINUTE"],
        [
            (one.name, ", ".join(one.channels), str(one.messages_per_minute or "no limit"))
            for one in found
        ],
        empty="There are no receivers.",
    )


def list_keys(*, revoked: bool, json: bool) -> None:
    """Print the API keys of the server."""
    with client_here() as client:
        found = client.keys(revoked=revoked).items
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    now = datetime.now(UTC)
    print_table(
        ["KEY", "PREFIX", "ROLE", "SCOPES", "STATUS", "EXPIRES", "LAST USED"],
        [
            (
                one.name, str(one.secrets[0]["prefix"]) if one.secrets else "",
                "; ".join(map(_granted, one.grants)), ", ".join(one.scopes) or "all",
                one.state, f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "never",
                ago(one.used_at, now) or "never",
            )
            for one in found
        ],
        empty="There are no API keys, or none that this token may see.",
    )  # fmt: skip


def list_audit(
    words: Sequence[str], actor: str, actions: Sequence[str], thing: str,
    since: timedelta | None, limit: int, *, json: bool,
) -> None:  # fmt: skip
    """Print changes from the audit trail of the server, newest first."""
    begin = None if since is None else datetime.now(UTC) - since
    with client_here() as client:
        found = client.audit(
            q=" ".join(words), actor=actor, actions=actions, thing=thing, since=begin, limit=limit
        )
    if json:
        items = [one.model_dump() for one in found.items]
        json_out({"items": items, "next": found.next_cursor})
        return
    print_table(
        ("Row", "Time", "Actor", "Door", "Action", "Object", "Reason"),
        [
            (one.seq or "-", f"{one.at:%Y-%m-%d %H:%M:%S}", one.actor, one.door, one.action,
             one.object_name, one.note)
            for one in found.items
        ],
        empty="No changes.",
    )  # fmt: skip


def show_audit_row(reference: str, *, json: bool) -> None:
    """Print one change of the server's audit trail."""
    with client_here() as client:
        found = client.audit_row(reference)
    if json:
        json_out(found.model_dump())
        return
    say(f"{found.actor} {found.words} {found.object_name}")
    before, after = found.before or {}, found.after or {}
    fields(
        {
            "time": f"{found.at:%Y-%m-%d %H:%M:%S}", "door": found.door, "tenant": found.tenant,
            "reason": found.note,
            **{
                name: f"{before.get(name, '-')} -> {after.get(name, '-')}"
                for name in sorted({*before, *after})
            },
        }
    )  # fmt: skip


def verified_there(known: Sequence[Head]) -> AuditVerdict:
    """Verify the audit trail of the server, and that the known ends are in it."""
    from sentinel.client.access import verify_audit

    with client_here() as client:
        return client.do(verify_audit([str(one) for one in known]))


def _granted(grant: dict[str, Any]) -> str:
    """Return a role with where it holds, as `editor in acme, team db`."""
    where = [", ".join(grant["tenants"])] if grant.get("tenants") else []
    where += [f"team {', '.join(grant['teams'])}"] if grant.get("teams") else []
    return f"{grant['role']} in {', '.join(where)}" if where else str(grant["role"])
