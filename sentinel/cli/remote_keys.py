"""API keys and receivers of a server on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel.access import Role
from sentinel.cli.output import fields, json_out, say
from sentinel.cli.person_rows import grant_words, grants_of, moment
from sentinel.cli.remote import client_here
from sentinel.duration import format_duration
from sentinel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from sentinel.client import Client
    from sentinel.client.access import ChangedReceiver, MadeKey
    from sentinel.client.models import Key

__all__ = [
    "create_key",
    "remove_receiver_there",
    "revoke_key_there",
    "rotate_key_there",
    "set_receiver_there",
    "show_key",
]


def set_receiver_there(name: str, channels: Sequence[str], *, notify_open: bool) -> ChangedReceiver:
    """Set the channels of a receiver of the server.

    Args:
        name: of the receiver
        channels: its channels
        notify_open: whether new ones are notified of what is open already

    Returns:
        The receiver as it is now.
    """
    from sentinel.client.access import set_receiver

    with client_here() as client:
        return client.do(set_receiver(name, channels, notify_open=notify_open))


def remove_receiver_there(name: str) -> None:
    """Remove a receiver of the server."""
    from sentinel.client.access import remove_receiver

    with client_here() as client:
        client.carry_out(remove_receiver(name))


def create_key(
    name: str, role: Role, tenants: Sequence[str] | None, teams: Sequence[str] | None,
    scopes: Sequence[str], expires: timedelta | None, *, json: bool,
) -> None:  # fmt: skip
    """Make an API key of the server, and print its secret this once."""
    from sentinel.client.access import make_key

    asked = make_key(
        name, role.value, tenants=tenants or None, teams=teams or None, scopes=scopes,
        expires_in=expires,
    )  # fmt: skip
    with client_here() as client:
        _print_made(client.do(asked), json=json)


def show_key(wanted: str, *, json: bool) -> None:
    """Print one API key of the server."""
    with client_here() as client:
        found = _found(client, wanted)
    if json:
        json_out(found.model_dump())
        return
    more = found.model_extra or {}
    fields(
        {
            "name": found.name,
            "id": found.id,
            "status": found.state,
            "role": grant_words(grants_of(found.grants)),
            "scopes": ", ".join(found.scopes) or "all",
            "secrets": ", ".join(str(one["prefix"]) for one in found.secrets),
            "created by": str(more.get("created_by", "")),
            "last used": moment(found.used_at) or "never",
        }
    )


def revoke_key_there(wanted: str, *, json: bool) -> None:
    """End an API key of the server for good."""
    from sentinel.client.access import revoke_key

    with client_here() as client:
        ended = client.do(revoke_key(_found(client, wanted).id))
    if json:
        json_out(ended.model_dump())
    else:
        say(f"Revoked the key {ended.name}.")


def rotate_key_there(
    wanted: str, overlap: timedelta, expires: timedelta | None, *, json: bool
) -> None:
    """Give an API key of the server a new secret, and print it this once."""
    from sentinel.client.access import rotate_key

    with client_here() as client:
        asked = rotate_key(_found(client, wanted).id, overlap=overlap, expires_in=expires)
        _print_made(client.do(asked), json=json)
    if not json:
        say(f"The secret before is accepted for {format_duration(overlap)}.")


def _found(client: Client, wanted: str) -> Key:
    """Return the key that is meant; one that is not revoked goes first.

    Args:
        client: of the server
        wanted: an id, a name, or the prefix of a secret

    Returns:
        The key.

    Raises:
        NotFound: there is none
        Conflict: there are several
    """
    keys = client.keys(revoked=True).items
    named = [
        one for one in keys
        if wanted in (one.id, one.name, *(str(secret["prefix"]) for secret in one.secrets))
    ]  # fmt: skip
    live = [one for one in named if one.state != "revoked"]
    found = live or named
    if not found:
        raise NotFound(f"there is no API key {wanted!r}", hint="sentinel key list")
    if len(found) > 1:
        raise Conflict(f"{len(found)} API keys are called {wanted!r}", hint="Write the key's id.")
    return found[0]


def _print_made(made: MadeKey, *, json: bool) -> None:
    if json:
        json_out(made.model_dump())
        return
    say(made.secret)
    may = grant_words(grants_of(made.key.grants))
    say(f"The key {made.key.name} is {may}. This is shown once: keep it where secrets are kept.")
