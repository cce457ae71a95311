"""`sentinel channel …`: list, add, test and remove channels; each is a Prefect block."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.audit.change import channel_change
from sentinel.cli import completion
from sentinel.cli.change_log import recorded
from sentinel.cli.channel_rows import channel_rows, print_channels
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.receivers import said_of_open
from sentinel.cli.remote_url import refuse_remote
from sentinel.cli.secret_input import secret_of
from sentinel.cli.target import actor, open_store, settings_here, share_networks

if TYPE_CHECKING:
    from blocks.channel_blocks import SavedChannel
    from sentinel.prefect_client.blocks import ChannelBlocks

__all__ = [
    "NewName", "Receiver", "Replace", "added", "adding", "blocks_and_client", "commands",
    "recorded_save",
]  # fmt: skip

commands = typer.Typer(
    no_args_is_help=True,
    help="Notification channels: add, test and remove them.",
)


@commands.callback()
def channel(context: typer.Context) -> None:
    """Notification channels: add, test and remove them."""
    # Most of them speak to Prefect as this machine knows it.
    if context.invoked_subcommand != "limit":
        refuse_remote()


adding = typer.Typer(no_args_is_help=True, help="Add a channel, saved as a Prefect block.")
commands.add_typer(adding, name="add")

Name = Annotated[
    str,
    typer.Argument(
        help="Its name, or type/name as `sentinel channel list` prints it.",
        show_default=False,
        autocompletion=completion.channels,
    ),
]
NewName = Annotated[
    str,
    typer.Argument(help="Name: lower-case letters, digits and dashes.", show_default=False),
]
Receiver = Annotated[
    str,
    typer.Option(
        "--receiver",
        "-r",
        help="Add the channel to this receiver.",
        show_default=False,
        autocompletion=completion.receivers,
    ),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a channel of the same name.")]
# A secret is no plain option: every user of the machine can read the command line of a process.
_SECRET = "prompted for by default; - reads it from standard input"  # noqa: S105 - help


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List all channels, their health, and the receivers that use them.

    A channel is healthy, failing (tried again), down (it does not answer), refused (it refused
    the last message for good), untried (never sent a message) or missing (it has no block). Its
    circuit breaker is closed (messages are sent), open (they wait) or half-open (one is tried).

    Example:
        sentinel channel list --json
    """
    with _blocks() as prefect:
        found = {one.ref for one in prefect.channels()}
    with open_store() as store:
        rows = channel_rows(store, found)
    if json:
        json_out({"items": rows})
        return
    print_channels(rows)


@adding.command("slack")
def add_slack(
    name: NewName,
    url: Annotated[
        str,
        typer.Option(
            envvar="ALERT_SLACK_WEBHOOK_URL",
            help=f"URL of the incoming webhook: {_SECRET}.",
            show_default=False,
            show_envvar=True,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add a Slack channel. The command prompts for the URL of an incoming webhook.

    Create the webhook in Slack under *Incoming Webhooks* of an app (api.slack.com/apps).

    Examples:
        sentinel channel add slack ops --receiver default

        cat webhook-url | sentinel channel add slack ops --url -
    """
    address = secret_of("URL of the incoming webhook", url, "--url", "ALERT_SLACK_WEBHOOK_URL")
    with blocks_and_client():
        from blocks import channel_blocks

        with recorded_save("slack-incoming-webhook", name):
            made = channel_blocks.slack(name, url=address, replace=replace)
        added(made, receiver, as_json=json)


@adding.command("webhook")
def add_webhook(
    name: NewName,
    url: Annotated[
        str,
        typer.Option(
            envvar="ALERT_WEBHOOK_URL", help=f"URL to post to: {_SECRET}.", show_default=False
        ),
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            envvar="ALERT_WEBHOOK_SECRET",
            help=f"Signing secret, at least 8 characters: {_SECRET}.",
            show_default=False,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add a webhook: Sentinel posts JSON to a URL, signed with a shared secret.

    Example:
        sentinel channel add webhook ops --url https://hooks.example.org/alerts
    """
    address = secret_of("URL to post to", url, "--url", "ALERT_WEBHOOK_URL")
    signing = secret_of("Signing secret", secret, "--secret", "ALERT_WEBHOOK_SECRET")
    with blocks_and_client():
        from blocks import channel_blocks

        with recorded_save("sentinel-webhook", name):
            made = channel_blocks.webhook(name, url=address, secret=signing, replace=replace)
        added(made, receiver, as_json=json)


@adding.command("email")
def add_email(
    name: NewName,
    to: Annotated[
        list[str],
        typer.Option(help="Address of a recipient; repeatable.", show_default=False),
    ],
    sender: Annotated[
        str, typer.Option("--from", help="Address of the sender.", show_default=False)
    ],
    host: Annotated[str, typer.Option(help="Host name of the SMTP server.", show_default=False)],
    port: Annotated[
        int | None,
        typer.Option(help="Its port; by default 587, 465 or 25.", show_default=False),
    ] = None,
    security: Annotated[
        str, typer.Option(help="Encryption: starttls, ssl or insecure.")
    ] = "starttls",
    username: Annotated[
        str, typer.Option(help="Login name; empty if the server needs none.", show_default=False)
    ] = "",
    password: Annotated[
        str,
        typer.Option(
            envvar="ALERT_SMTP_PASSWORD",
            help=f"Password of the login: {_SECRET}.",
            show_default=False,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add an email channel. The command prompts for the password of the login.

    Example:
        sentinel channel add email ops --to ops@x.org --from s@x.org --host smtp.x.org -r default

    Raises:
        ConfigurationError: `--security` is unknown
    """
    from sentinel.errors import ConfigurationError

    if security.lower() not in ("starttls", "ssl", "insecure"):
        raise ConfigurationError(
            f"--security: {security!r} is unknown", hint="Write starttls, ssl or insecure."
        )
    secret = ""
    if username:
        secret = secret_of("Password", password, "--password", "ALERT_SMTP_PASSWORD")
    with blocks_and_client():
        from blocks import channel_blocks

        with recorded_save("sentinel-email", name):
            made = channel_blocks.email(
                name, host=host, port=port, to=to, sender=sender, security=security,
                username=username, password=secret, replace=replace,
            )  # fmt: skip
        added(made, receiver, as_json=json)


@commands.command()
def sync(json: AsJson = False) -> None:
    """Create channels from the `ALERT_*` variables in the environment or `.env`.

    `ALERT_SLACK_WEBHOOK_URL`, `ALERT_SMTP_HOST` and `ALERT_WEBHOOK_URL`, with their related
    variables, each create a block named `env`. A new channel is added to the receiver `default`.
    `sentinel up` does the same at every start.

    Example:
        sentinel channel sync

    Raises:
        ConfigurationError: a variable has an invalid value
    """
    from pydantic import ValidationError

    from sentinel.errors import ConfigurationError
    from sentinel.up.channels import make_channels

    try:
        with blocks_and_client() as prefect, open_store() as store:
            here = settings_here().model_copy(update={"prefect_api_url": prefect.url})
            made = make_channels(store, here)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = str(first["loc"][0])
        raise ConfigurationError(f"{name}: {first['msg']}", hint="Correct it in .env.") from None
    if json:
        json_out({"items": made})
        return
    for one in made:
        outcome = "created, and added to the receiver default" if one.new else "up to date"
        say(f"{one.ref}: {outcome}.")
    if not made:
        say("No ALERT_ variable defines a channel.")


@commands.command("test")
def try_(
    name: Name,
    end: Annotated[
        bool, typer.Option("--end/--no-end", help="Send the resolve of the test alert too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Send a test message through a channel now. Exits with 1 if the delivery fails.

    Examples:
        sentinel channel test ops

        sentinel channel test sentinel-email/ops --end

    Raises:
        DeliveryError: the channel did not accept a message
    """
    from sentinel.engine.channel_test import send_test
    from sentinel.errors import DeliveryError
    from sentinel.links import Addresses

    with blocks_and_client() as refs, open_store() as store:
        ref = "inbox" if name == "inbox" else refs.find(name).ref
        try:
            from blocks.channels import Channels

            sent = send_test(
                store, Channels(store).channel_of(ref), ref, end=end, actor=actor(),
                said=f"{actor()} tested this channel with `sentinel channel test`.",
                dashboard=Addresses.of(settings_here()).dashboard,
            )  # fmt: skip
        except DeliveryError as error:
            if json:
                json_out({"channel": ref, "ok": False, "error": str(error)})
            raise
    if json:
        json_out({"channel": ref, "ok": True, "error": ""})
    else:
        say(f"{ref} accepted the test message{' and its resolve' if sent > 1 else ''}.")


@commands.command()
def remove(
    name: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Remove it from the receivers that use it, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Delete a channel's block, its limit and templates. One that receivers use needs `--force`.

    Example:
        sentinel channel remove slack-incoming-webhook/ops

    Raises:
        Conflict: a receiver uses the channel, and `--force` was not given
    """
    from sentinel.errors import Conflict
    from sentinel.store.notifications.removed_channels import forget_channel

    with _blocks() as prefect, open_store() as store:
        block = prefect.find(name)
        users = {one: refs for one, refs in store.receivers.all().items() if block.ref in refs}
        if users and not force:
            raise Conflict(
                f"{block.ref} is a channel of {', '.join(sorted(users))}",
                hint="Give the receiver other channels first, or add --force.",
            )
        for receiver, refs in users.items():
            left = [ref for ref in refs if ref != block.ref]
            # A receiver without a channel would lose its notifications.
            store.receivers.set(receiver, left or ["inbox"], actor=actor())
        with store.audit.outside([channel_change("channel.removed", block.ref)], actor=actor()):
            gone = prefect.remove(block)
        forget_channel(store, block.ref, actor=actor())
    if json:
        json_out({"removed": gone, "receivers": sorted(users)})
    else:
        say(f"Removed {' and '.join(gone)}.")


def recorded_save(kind: str, name: str) -> AbstractContextManager[None]:
    """Record that a channel is saved, by the type and the name of its block."""
    return recorded([channel_change("channel.saved", f"{kind}/{name}")])


def added(made: SavedChannel, receiver: str, *, as_json: bool) -> None:
    """Add a saved channel to a receiver, and say so.

    Args:
        made: the channel
        receiver: name of the receiver; empty for none
        as_json: print JSON
    """
    before = _add_to_receiver(receiver, made.ref) if receiver else 0
    if as_json:
        json_out(
            {
                "channel": made.ref, "new": made.new, "receiver": receiver or None,
                "open_before": before,
            }
        )  # fmt: skip
        return
    say(f"Saved {made.ref}" + (f" and added it to the receiver {receiver}." if receiver else "."))
    if before:
        say(said_of_open(before))
    say(f"Test it: sentinel channel test {made.ref}")
    if not receiver:
        say(f"Use it: sentinel receiver set default -c inbox -c {made.ref}")


def _add_to_receiver(receiver: str, ref: str) -> int:
    """Return how many alerts are open that the channel is not notified of."""
    with open_store() as store:
        known = store.receivers.all().get(receiver, [])
        return 0 if ref in known else store.receivers.set(receiver, [*known, ref], actor=actor())


@contextmanager
def _blocks() -> Generator[ChannelBlocks]:
    from sentinel.prefect_client.blocks import ChannelBlocks

    with ChannelBlocks.of(settings_here()) as prefect:
        yield prefect


@contextmanager
def blocks_and_client() -> Generator[ChannelBlocks]:
    """Yield the channel blocks, with Prefect's client pointed at this instance's server."""
    with _blocks() as blocks:
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        share_networks()
        login = settings_here().prefect_auth_string.get_secret_value()
        own = {PREFECT_API_AUTH_STRING: login} if login else {}
        with temporary_settings(updates={PREFECT_API_URL: blocks.url, **own}):
            yield blocks
