"""`sentinel receiver …`: who hears of an alert, and through which channels."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import open_store

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Who hears of an alert, through which channels.")

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the receiver.", show_default=False, autocompletion=completion.receivers
    ),
]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """All receivers and their channels; `default` is the inbox until you say otherwise.

    Example:
        sentinel receiver list --json
    """
    with open_store() as store:
        found = store.receivers.all()
    if json:
        json_out({"items": [{"name": name, "channels": found[name]} for name in sorted(found)]})
        return
    print_table(
        ["RECEIVER", "CHANNELS"],
        [(name, ", ".join(found[name])) for name in sorted(found)],
        empty="There is none.",
        ranks=[0 for _ in found],
    )


@commands.command("set")
def set_(
    name: Name,
    channel: Annotated[
        list[str],
        typer.Option(
            "--channel",
            "-c",
            help="inbox, or a Prefect block as type/name; repeatable.",
            show_default=False,
        ),
    ],
    json: AsJson = False,
) -> None:
    """Make a receiver, or give it other channels.

    Example:
        sentinel receiver set default --channel inbox --channel sentinel-webhook/ops
    """
    with open_store() as store:
        store.receivers.set(name, channel)
    if json:
        json_out({"name": name, "channels": channel})
    else:
        say(f"{name} tells {', '.join(channel)}.")


@commands.command()
def remove(name: Name, json: AsJson = False) -> None:
    """Forget a receiver; what names it goes to `default` from then on.

    Example:
        sentinel receiver remove night-shift
    """
    with open_store() as store:
        store.receivers.remove(name)
    if json:
        json_out({"name": name, "outcome": "removed"})
    else:
        say(f"{name} is gone.")
