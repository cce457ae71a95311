"""`sentinel receiver …`: receivers and their channels."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_keys import remove_receiver_there, set_receiver_there
from sentinel.cli.remote_lists import list_receivers
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.printable import counted

__all__ = ["commands", "said_of_open"]

commands = typer.Typer(
    no_args_is_help=True, help="Receivers: named sets of channels that rules notify."
)

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the receiver.", show_default=False, autocompletion=completion.receivers
    ),
]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List all receivers and their channels; `default` notifies the inbox until you change it.

    Example:
        sentinel receiver list --json
    """
    from sentinel.store.notifications.announced_receivers import announced_receivers
    from sentinel.store.notifications.message_limits import message_limits

    if remote_url():
        list_receivers(json=json)
        return
    with open_store() as store:
        found, limits = store.receivers.all(), message_limits(store)
        announced, declared = announced_receivers(store), store.receivers.declared()
    if json:
        items = [
            {"name": name, "channels": found[name],
             "messages_per_minute": limits.of_receiver(name),
             "limit_source": limits.source("receiver", name),
             "announce_silences": name in announced,
             "source": "file" if name in declared else "ui"}
            for name in sorted(found)
        ]  # fmt: skip
        json_out({"items": items})
        return
    print_table(
        ["RECEIVER", "CHANNELS", "MESSAGES PER MINUTE"],
        [
            (name, ", ".join(found[name]), str(limits.of_receiver(name) or "no limit"))
            for name in sorted(found)
        ],
        empty="There are no receivers.",
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
            help="Channel: inbox, or a Prefect block as type/name; repeatable.",
            show_default=False,
        ),
    ],
    notify_open: Annotated[
        bool, typer.Option("--notify-open", help="Notify new channels of every open alert, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Create a receiver, or replace the channels of one.

    A new channel is notified of what opens from now on. A channel that Prefect has no block of is
    accepted and named, since the block may be saved later.

    Example:
        sentinel receiver set default --channel inbox --channel sentinel-webhook/ops
    """
    if remote_url():
        there = set_receiver_there(name, channel, notify_open=notify_open)
        before, missing = there.open_before, there.missing
    else:
        with open_store() as store:
            before = store.receivers.set(name, channel, notify_open=notify_open, actor=actor())
        missing = _missing(channel)
    if json:
        json_out({"name": name, "channels": channel, "open_before": before, "missing": missing})
        return
    say(f"Receiver {name} notifies: {', '.join(channel)}.")
    if before:
        say(said_of_open(before))
    if missing is None:
        say("Prefect does not answer, so it is not known whether these channels exist.")
    for ref in missing or ():
        say(
            f"Warning: Prefect has no block {ref}, so nothing is sent there. Save it "
            "(sentinel channel add), or correct the name: sentinel channel list"
        )


def _missing(channels: list[str]) -> list[str] | None:
    """Return which channels Prefect has no block of; None where it does not answer."""
    from sentinel.errors import PrefectUnreachable
    from sentinel.prefect_client.blocks import ChannelBlocks

    try:
        with ChannelBlocks.of(settings_here()) as blocks:
            return blocks.missing(channels)
    except PrefectUnreachable:
        return None


def said_of_open(count: int) -> str:
    """Return a sentence about alerts that were open before a channel was added."""
    are = counted(count, "alert is", "alerts are")
    return (
        f"{are} open already: new channels are notified of what opens from now on, or if it "
        "becomes more severe."
    )


@commands.command()
def remove(name: Name, json: AsJson = False) -> None:
    """Remove a receiver; rules that name it notify `default` from then on.

    Example:
        sentinel receiver remove night-shift
    """
    if remote_url():
        remove_receiver_there(name)
    else:
        with open_store() as store:
            store.receivers.remove(name, actor=actor())
    if json:
        json_out({"name": name, "outcome": "removed"})
    else:
        say(f"Removed the receiver {name}.")
