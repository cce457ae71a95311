"""`sentinel apikey`: keys of the consumers of an API, here and over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, ago, json_out, print_table, say
from sentinel.cli.secret_input import secret_of
from sentinel.duration import format_duration, parse_duration

if TYPE_CHECKING:
    from sentinel.client.consumer_keys import ConsumerKey, MadeConsumerKey

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="Keys of the consumers of your API. They open your API, never Sentinel: for that, there "
    "is `sentinel key`.",
)

WhichKey = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="Name or id of the key, or the prefix of its secret.",
        show_default=False,
    ),
]  # fmt: skip
OfTenant = Annotated[
    str | None,
    typer.Option("--tenant", help="Of the API.", show_default="default"),
]


def _length(given: str) -> timedelta:
    return parse_duration(given)


Expires = Annotated[
    timedelta | None,
    typer.Option(
        "--expires", parser=_length, metavar="LENGTH",
        help="How long the secret is valid, such as 90d.", show_default=False,
    ),
]  # fmt: skip


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="Unique in its tenant.", show_default=False)],
    consumer: Annotated[
        str, typer.Option(help="Whose it is, in the words of the API.", show_default=False)
    ] = "",
    plan: Annotated[
        str | None, typer.Option(help="To which limits refer, such as free.", show_default=False)
    ] = None,
    permission: Annotated[
        list[str] | None,
        typer.Option(help="In the words of the API, such as orders:read; repeatable.",
                     show_default=False),
    ] = None,
    tenant: OfTenant = None,
    expires: Expires = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make a key for a consumer. Its secret is printed this once, and stored nowhere.

    Example:
        sentinel apikey create "build server" --consumer user-7 --plan gold --expires 90d
    """
    from sentinel.cli.consumer_key_doors import key_door

    with key_door() as door:
        made = door.create(
            name, tenant=tenant, consumer=consumer, plan=plan, permissions=permission or (),
            expires_in=expires,
        )  # fmt: skip
    _print_made(made, json=json)


@commands.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only those of this tenant.", show_default=False)
    ] = None,
    revoked: Annotated[
        bool, typer.Option("--revoked", help="Those that were revoked, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List the keys of consumers, without their secrets.

    Example:
        sentinel apikey list --tenant acme
    """
    from sentinel.cli.consumer_key_doors import key_door

    found: list[ConsumerKey] = []
    cursor = None
    with key_door() as door:
        while True:
            page = door.page(tenant=tenant, revoked=revoked, cursor=cursor, named=None)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        now = door.now()
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    print_table(
        ["KEY", "TENANT", "PREFIX", "CONSUMER", "PLAN", "PERMISSIONS", "STATUS", "EXPIRES",
         "LAST USED"],
        [
            (
                one.name, one.tenant, one.prefixes[0] if one.prefixes else "", one.consumer,
                one.plan, ", ".join(one.permissions), one.state,
                f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "never",
                ago(one.used_at, now) or "never",
            )
            for one in found
        ],
        empty='There are no keys. Make one: sentinel apikey create "build server"',
    )  # fmt: skip


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
    """Give a key a new secret, which is printed this once; the one before works for a while.

    Example:
        sentinel apikey rotate "build server" --overlap 2h
    """
    from sentinel.cli.consumer_key_doors import find_key, key_door

    with key_door() as door:
        made = door.rotate(find_key(door, key).id, overlap, expires)
    _print_made(made, json=json)
    if not json:
        say(f"The secret before is accepted for {format_duration(overlap)}.")


@commands.command()
def revoke(key: WhichKey, json: AsJson = False) -> None:
    """End a key for good. Its offline tokens are accepted for 15 minutes at most.

    Example:
        sentinel apikey revoke "build server"
    """
    from sentinel.cli.consumer_key_doors import find_key, key_door

    with key_door() as door:
        ended = door.revoke(find_key(door, key).id)
    if json:
        json_out(ended.model_dump())
    else:
        say(f"Revoked the key {ended.name} of the tenant {ended.tenant}.")


@commands.command()
def verify(
    permission: Annotated[
        str | None, typer.Option(help="That the key must have.", show_default=False)
    ] = None,
    secret: Annotated[
        str,
        typer.Option("--secret", envvar="SENTINEL_CONSUMER_KEY",
                     help="- for a line of standard input; asked for where it is left out.",
                     show_default=False),
    ] = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Say whether a key may be used now, and whose it is; exit code 1 where it may not.

    Example:
        sentinel apikey verify --permission orders:read --secret - < key.txt

    Raises:
        Exit: it may not be used
    """
    from sentinel.cli.consumer_key_doors import key_door

    given = secret_of("Key of the consumer", secret, "--secret", "SENTINEL_CONSUMER_KEY")
    with key_door() as door:
        found = door.verify(given, permission)
    if json:
        json_out(found.model_dump(exclude={"token"}))
    elif found.key is None:
        say(f"The key is {found.state}.")
    else:
        of = f" of {found.consumer}" if found.consumer else ""
        plan = f", plan {found.plan}" if found.plan else ""
        may = ", ".join(found.permissions) or "none"
        say(f"The key {found.name}{of} in the tenant {found.tenant} is {found.state}{plan}; "
            f"permissions: {may}.")  # fmt: skip
    if not found.valid:
        raise typer.Exit(1)


@commands.command("rotate-signer")
def rotate_signer(
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="End all tokens now; for a key that leaked."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Replace the key that signs offline tokens; gateways read the new one within an hour.

    Example:
        sentinel apikey rotate-signer
    """
    from sentinel.cli.consumer_key_doors import key_door

    with key_door() as door:
        begins = door.rotate_signer(at_once=at_once)
    if json:
        json_out({"signs_from": begins})
    else:
        say(f"The new key signs from {begins:%Y-%m-%d %H:%M} UTC on; /api/v1/keys/jwks has it now.")


def _print_made(made: MadeConsumerKey, *, json: bool) -> None:
    if json:
        json_out(made.model_dump())
        return
    say(made.secret)
    say(
        f"The key {made.key.name} is of the tenant {made.key.tenant}. This is shown once: send it "
        "to its consumer."
    )
