"""`sentinel event destination …` and `sentinel event replay`: where changes of alerts are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.client.calls import Call
    from sentinel.store.events.destinations import Destinations

__all__ = ["add_to"]

destinations = typer.Typer(
    no_args_is_help=True,
    help="Destinations: endpoints that are sent every change of alerts and incidents, as "
    "CloudEvents.",
)
_SHOWN = ("name", "tenant", "channel", "mode", "cursor", "failures", "error", "failed_at",
          "sent_at")  # fmt: skip
Name = Annotated[str, typer.Argument(help="Name of the destination.", show_default=False)]


def add_to(commands: typer.Typer) -> None:
    """Add the commands to those of events."""
    commands.add_typer(destinations, name="destination")
    commands.command()(replay)


@destinations.command("list")
def list_(json: AsJson = False) -> None:
    """List the destinations, how far each has come, and the last error of those that fail.

    Example:
        sentinel event destination list
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import lifecycle_events

        with client_here() as client:
            there = client.do(lifecycle_events.destinations()).items
        found = [one.model_dump(include=set(_SHOWN)) for one in there]
    else:
        found = _here(lambda known: [one.model_dump(include=set(_SHOWN)) for one in known.all()])
    if json:
        json_out({"items": found})
        return
    print_table(
        ["DESTINATION", "TENANT", "CHANNEL", "MODE", "CURSOR", "ERROR"],
        [
            (one["name"], one["tenant"], one["channel"], one["mode"], str(one["cursor"]),
             one["error"] or "none")
            for one in found
        ],
        empty="There are no destinations. Make one: sentinel event destination set NAME "
        "sentinel-webhook/NAME",
    )  # fmt: skip


@destinations.command("set")
def set_(
    name: Name,
    channel: Annotated[
        str,
        typer.Argument(
            help="The webhook that has its URL and secret: sentinel-webhook/NAME.",
            show_default=False,
        ),
    ],
    tenant: Annotated[str, typer.Option(help="Whose changes it is sent.")] = "default",
    mode: Annotated[
        Literal["structured", "batch"],
        typer.Option(help="One event in each request, or up to 100 in one."),
    ] = "batch",
    after: Annotated[
        int | None,
        typer.Option(
            "--from", min=0, show_default=False,
            help="Send what follows this change; 0 for all that are kept. By default what happens "
            "from now on, or what it has not taken yet.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Send an endpoint every change of a tenant's alerts and incidents, at least once each.

    The requests are CloudEvents 1.0, signed as the messages of that webhook. What an endpoint does
    not take is sent again, in order, until it does.

    Examples:
        sentinel channel add webhook warehouse

        sentinel event destination set warehouse sentinel-webhook/warehouse --from 0
    """
    from sentinel.client import lifecycle_events

    made = _made(
        lifecycle_events.save_destination(name, channel, tenant=tenant, mode=mode, after=after),
        lambda known: known.set(
            name, tenant=tenant, channel=channel, mode=mode, after=after, actor=actor()
        ),
    )
    if json:
        json_out(made)
    else:
        say(f"{name} is sent the changes of {tenant} after number {made['cursor']:,}.")


@destinations.command()
def remove(name: Name, json: AsJson = False) -> None:
    """Send nothing more to a destination.

    Example:
        sentinel event destination remove warehouse
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import lifecycle_events

        with client_here() as client:
            client.do(lifecycle_events.remove_destination(name))
    else:
        _here(lambda known: known.remove(name, actor=actor()))
    if json:
        json_out({"name": name, "removed": True})
    else:
        say(f"Removed the destination {name}.")


def replay(
    name: Name,
    after: Annotated[
        int,
        typer.Option(
            "--from", min=0, show_default=False,
            help="Number of the last change that it is not sent; 0 for all that are kept.",
        ),
    ],
    json: AsJson = False,
) -> None:  # fmt: skip
    """Send a destination all changes after a number again, with the ids that they had.

    A number above its cursor leaves changes out, such as one that it will never take.

    Example:
        sentinel event replay warehouse --from 1041
    """
    from sentinel.client import lifecycle_events

    made = _made(
        lifecycle_events.replay(name, after),
        lambda known: known.replay(name, after, actor=actor()),
    )
    if json:
        json_out(made)
    else:
        say(f"{name} is sent the changes after number {made['cursor']:,}.")


def _here(do: Callable[[Destinations], Any]) -> Any:
    from sentinel.store.events.destinations import Destinations

    with open_store() as store:
        return do(Destinations(store))


def _made(there: Call[Any], here: Callable[[Destinations], Any]) -> dict[str, Any]:
    """Carry a change out on the server that commands use, or on the database here."""
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            made = client.do(there)
    else:
        made = _here(here)
    return made.model_dump(include=set(_SHOWN))
