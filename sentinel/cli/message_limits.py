"""`sentinel receiver limit|announce` and `sentinel channel limit`: how much is said to whom."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError, NotFound

__all__ = ["add_commands"]

PerMinute = Annotated[
    str,
    typer.Argument(
        help="Messages a minute; 0 for no limit, default for SENTINEL_MESSAGES_PER_MINUTE.",
        show_default=False,
    ),
]


def add_commands(receivers: typer.Typer, channels: typer.Typer) -> None:
    """Add the commands to those of receivers and of channels."""
    receivers.command("limit")(limit_receiver)
    receivers.command("announce")(announce)
    channels.command("limit")(limit_channel)


def limit_receiver(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the receiver.", show_default=False, autocompletion=completion.receivers
        ),
    ],
    per_minute: PerMinute,
    json: AsJson = False,
) -> None:
    """Limit the messages a minute that a receiver is sent through each of its channels.

    What is held back follows in one summary as soon as the limit allows it.

    Example:
        sentinel receiver limit night-shift 10
    """
    _limit("receiver", name, per_minute, as_json=json)


def announce(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the receiver.", show_default=False, autocompletion=completion.receivers
        ),
    ],
    which: Annotated[
        str,
        typer.Argument(
            help="Silences that mute it: all, or marked for those added with --announce.",
            show_default=False,
        ),
    ],
    json: AsJson = False,
) -> None:
    """Announce every silence that mutes a receiver to it: it began, ends soon, is over.

    Example:
        sentinel receiver announce ops all

    Raises:
        ConfigurationError: it is neither all nor marked
    """
    if which not in ("all", "marked"):
        raise ConfigurationError(f"{which!r} are no silences", hint="Write all or marked.")
    announced = which == "all"
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import message_settings

        with client_here() as client:
            client.do(message_settings.announce_silences(name, announced))
    else:
        from sentinel.store.notifications.announced_receivers import set_announced

        with open_store() as store:
            set_announced(store, name, announced, actor=actor())
    if json:
        json_out({"name": name, "announce_silences": announced})
        return
    of = "every silence that mutes it" if announced else "silences that are marked to be announced"
    say(f"The receiver {name} is notified of {of}.")


def limit_channel(
    channel: Annotated[
        str,
        typer.Argument(
            help="Channel: inbox, or a Prefect block as type/name.",
            show_default=False,
            autocompletion=completion.channels,
        ),
    ],
    per_minute: PerMinute,
    json: AsJson = False,
) -> None:
    """Limit the messages a minute that a channel is sent for all receivers together.

    What is held back follows in one summary as soon as the limit allows it.

    Example:
        sentinel channel limit sentinel-twilio/ops 5
    """
    _limit("channel", channel, per_minute, as_json=json)


def _limit(
    kind: Literal["receiver", "channel"], name: str, per_minute: str, *, as_json: bool
) -> None:
    from sentinel.store.notifications.message_limits import message_limits, set_message_limit

    wanted = _number(per_minute)
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import message_settings

        with client_here() as client:
            limit = (
                message_settings.limit_receiver
                if kind == "receiver"
                else message_settings.limit_channel
            )
            number = client.do(limit(name, wanted)).messages_per_minute
        _say(kind, name, wanted, number, as_json=as_json)
        return
    with open_store() as store:
        known = store.receivers.all()
        names = (
            set(known) if kind == "receiver" else {ref for refs in known.values() for ref in refs}
        )
        if name not in names and wanted is not None:
            raise NotFound(
                f"no receiver has the channel {name!r}" if kind == "channel"
                else f"there is no receiver {name!r}",
                hint="See which there are: sentinel receiver list",
            )  # fmt: skip
        set_message_limit(store, kind, name, wanted, actor=actor())
        usual = message_limits(store).usual
    _say(kind, name, wanted, usual if wanted is None else wanted, as_json=as_json)


def _say(kind: str, name: str, wanted: int | None, number: int, *, as_json: bool) -> None:
    if as_json:
        json_out({kind: name, "per_minute": wanted})
        return
    most = f"at most {number:,} messages a minute" if number else "any number of messages"
    say(f"The {kind} {name} is sent {most}.")


def _number(given: str) -> int | None:
    if given == "default":
        return None
    try:
        return int(given)
    except ValueError:
        raise ConfigurationError(
            f"{given!r} is no number of messages",
            hint="Give a number, 0 for no limit, or default.",
        ) from None
