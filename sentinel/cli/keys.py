"""`sentinel key …`: API keys of programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.access import Role
from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.person_rows import grant_words, moment
from sentinel.cli.remote_keys import create_key, revoke_key_there, rotate_key_there, show_key
from sentinel.cli.remote_lists import list_keys
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import format_duration, parse_duration

if TYPE_CHECKING:
    from sentinel.store.access.key_views import KeyView
    from sentinel.store.access.keys import MadeKey

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="API keys: what programs may do over HTTP, and where."
)

WhichKey = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="Name or id of the key, or the prefix of its secret.",
        show_default=False,
    ),
]


def _length(given: str) -> timedelta:
    return parse_duration(given)


Expires = Annotated[
    timedelta | None,
    typer.Option(
        "--expires",
        parser=_length,
        metavar="LENGTH",
        help="How long the secret is valid, such as 90d.",
        show_default=False,
    ),
]


@commands.command()
def create(
    name: Annotated[
        str, typer.Argument(help="Of the program that will use it.", show_default=False)
    ],
    role: Annotated[Role, typer.Option(help="What it may do.", show_default=False)],
    tenant: Annotated[
        list[str] | None,
        typer.Option(help="Tenant that it is confined to; repeatable. By default, none.",
                     show_default=False),
    ] = None,
    team: Annotated[
        list[str] | None,
        typer.Option(help="Team whose alerts and rules it is confined to; repeatable.",
                     show_default=False),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Area of the API that it is confined to, such as metrics or "
                     "alerts:read; repeatable.", show_default=False),
    ] = None,
    expires: Expires = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make an API key. Its secret is printed this once, and stored nowhere.

    Example:
        sentinel key create grafana --role responder --tenant acme --scope webhooks --expires 90d
    """
    from sentinel.store.access.keys import Keys

    if remote_url():
        create_key(name, role, tenant, team, scope or (), expires, json=json)
        return
    with open_store() as store:
        made = Keys(store).create(
            name, role, actor=actor(), tenants=tenant or None, teams=team or None,
            scopes=scope or (), expires_in=expires,
        )  # fmt: skip
        _print_made(made, store.now(), json=json)


@commands.command("list")
def list_(
    revoked: Annotated[
        bool, typer.Option("--revoked", help="Those that were revoked, too.")
    ] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """List the API keys, without their secrets.

    Example:
        sentinel key list --json
    """
    from sentinel.store.access.keys import Keys

    if remote_url():
        list_keys(revoked=revoked, json=json)
        return
    with open_store() as store:
        found, now = Keys(store).list(revoked=revoked), store.now()
    if json:
        json_out({"items": [_json(one, now) for one in found]})
        return
    rows = [
        (
            one.name, one.secrets[0].prefix if one.secrets else "",
            grant_words(one.grants), ", ".join(one.scopes) or "all",
            one.state(now), f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "never",
            ago(one.used_at, now) or "never",
        )
        for one in found
    ]  # fmt: skip
    print_table(
        ["KEY", "PREFIX", "ROLE", "SCOPES", "STATUS", "EXPIRES", "LAST USED"],
        rows,
        empty="There are no API keys.",
    )


@commands.command()
def show(key: WhichKey, json: AsJson = False) -> None:
    """Show one API key: its roles, its secrets by their prefixes, and when it was last used.

    Example:
        sentinel key show grafana
    """
    from sentinel.store.access.keys import Keys

    if remote_url():
        show_key(key, json=json)
        return
    with open_store() as store:
        found, now = Keys(store).get(key), store.now()
    if json:
        json_out(_json(found, now))
        return
    fields(
        {
            "name": found.name,
            "id": found.id,
            "status": found.state(now),
            "role": grant_words(found.grants),
            "scopes": ", ".join(found.scopes) or "all",
            "secrets": "; ".join(
                f"{one.prefix} until {moment(one.expires_at) or 'it is revoked'}"
                for one in found.secrets
            ),
            "created": f"{moment(found.created_at)} by {found.created_by}",
            "last used": moment(found.used_at) or "never",
            "revoked": f"{moment(found.revoked_at)} by {found.revoked_by}"
            if found.revoked_at
            else "",
        }
    )


@commands.command()
def revoke(key: WhichKey, json: AsJson = False) -> None:
    """End an API key for good; a running API refuses it within five seconds.

    Example:
        sentinel key revoke grafana
    """
    from sentinel.store.access.keys import Keys

    if remote_url():
        revoke_key_there(key, json=json)
        return
    with open_store() as store:
        found, now = Keys(store).revoke(key, actor=actor()), store.now()
    if json:
        json_out(_json(found, now))
    else:
        say(f"Revoked the key {found.name}.")


@commands.command()
def rotate(
    key: WhichKey,
    overlap: Annotated[
        timedelta,
        typer.Option(parser=_length, metavar="LENGTH",
                     help="How long the secret before is accepted.", show_default="1d"),
    ] = timedelta(days=1),
    expires: Expires = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Give an API key a new secret, which is printed this once; the one before works for a while.

    Example:
        sentinel key rotate grafana --overlap 2h
    """
    from sentinel.store.access.keys import Keys

    if remote_url():
        rotate_key_there(key, overlap, expires, json=json)
        return
    with open_store() as store:
        made = Keys(store).rotate(key, actor=actor(), overlap=overlap, expires_in=expires)
        _print_made(made, store.now(), json=json)
    if not json:
        say(f"The secret before is accepted for {format_duration(overlap)}.")


def _print_made(made: MadeKey, now: datetime, *, json: bool) -> None:
    if json:
        json_out({"key": _json(made.key, now), "secret": made.secret.text})
        return
    say(made.secret.text)
    may = grant_words(made.key.grants)
    say(f"The key {made.key.name} is {may}. This is shown once: keep it where secrets are kept.")


def _json(key: KeyView, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id, "name": key.name, "state": key.state(now),
        "grants": [
            {
                "role": one.role.value,
                "tenants": None if one.tenants is None else sorted(one.tenants),
                "teams": None if one.teams is None else sorted(one.teams),
            }
            for one in key.grants
        ],
        "scopes": key.scopes, "secrets": key.secrets, "created_at": key.created_at,
        "created_by": key.created_by, "expires_at": key.expires_at, "used_at": key.used_at,
        "revoked_at": key.revoked_at, "revoked_by": key.revoked_by,
    }  # fmt: skip
