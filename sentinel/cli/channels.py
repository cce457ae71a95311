"""`sentinel channel …`: the ways to reach people, each a Prefect block."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import open_store, settings_here

if TYPE_CHECKING:
    from blocks.channel_blocks import SavedChannel
    from sentinel.prefect_client.blocks import ChannelBlocks

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Channels to people: add Slack, email, a webhook; try them out."
)
adding = typer.Typer(no_args_is_help=True, help="Add a channel, as a block in Prefect.")
commands.add_typer(adding, name="add")

Name = Annotated[
    str,
    typer.Argument(
        help="Its name, or its type and name as lists show it.",
        show_default=False,
        autocompletion=completion.channels,
    ),
]
NewName = Annotated[
    str,
    typer.Argument(help="Name: small letters, digits and dashes.", show_default=False),
]
Receiver = Annotated[
    str,
    typer.Option(
        "--receiver",
        "-r",
        help="Add it to this receiver at once.",
        show_default=False,
        autocompletion=completion.receivers,
    ),
]
Replace = Annotated[bool, typer.Option("--replace", help="Also where one of that name exists.")]
# Never a plain option with a value: a command line can be read by everybody on the machine.
_SECRET = "left out, it is asked for; - reads it from standard input"  # noqa: S105 - help


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """All channels, and which receivers use them.

    Example:
        sentinel channel list --json
    """
    with _blocks() as prefect:
        found = {one.ref: one for one in prefect.channels()}
    with open_store() as store:
        receivers = store.receivers.all()
    users: dict[str, list[str]] = {"inbox": [], **{ref: [] for ref in found}}
    for receiver, refs in sorted(receivers.items()):
        for ref in refs:
            users.setdefault(ref, []).append(receiver)
    rows: list[dict[str, Any]] = [
        {
            "channel": ref,
            "state": "ready" if ref == "inbox" or ref in found else "missing",
            "receivers": named,
        }
        for ref, named in sorted(users.items(), key=lambda item: (item[0] != "inbox", item[0]))
    ]
    if json:
        json_out({"items": rows})
        return
    print_table(
        ["CHANNEL", "STATE", "RECEIVERS"],
        [(row["channel"], row["state"], ", ".join(row["receivers"]) or "none") for row in rows],
        empty="There is none.",
        ranks=[4 if row["state"] == "missing" else 0 for row in rows],
    )


@adding.command("slack")
def add_slack(
    name: NewName,
    url: Annotated[
        str,
        typer.Option(
            envvar="ALERT_SLACK_WEBHOOK_URL",
            help=f"Address of the incoming webhook: {_SECRET}.",
            show_default=False,
            show_envvar=True,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add a Slack channel: the address of an incoming webhook, which you are asked for.

    Slack makes one under *Incoming Webhooks* of an app (api.slack.com/apps).

    Examples:
        sentinel channel add slack ops --receiver default

        cat webhook-url | sentinel channel add slack ops --url -
    """
    address = _secret("Address of the incoming webhook", url)
    with _prefect():
        from blocks import channel_blocks

        _added(channel_blocks.slack(name, url=address, replace=replace), receiver, as_json=json)


@adding.command("webhook")
def add_webhook(
    name: NewName,
    url: Annotated[
        str,
        typer.Option(
            envvar="ALERT_WEBHOOK_URL", help=f"Where to post: {_SECRET}.", show_default=False
        ),
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            envvar="ALERT_WEBHOOK_SECRET",
            help=f"Signs the body, 8 characters or more: {_SECRET}.",
            show_default=False,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add a webhook: JSON posted to an address, signed with a secret that both sides know.

    Example:
        sentinel channel add webhook ops --url https://hooks.example.org/alerts
    """
    address = _secret("Address to post to", url)
    signing = _secret("Secret that signs the body", secret)
    with _prefect():
        from blocks import channel_blocks

        made = channel_blocks.webhook(name, url=address, secret=signing, replace=replace)
        _added(made, receiver, as_json=json)


@adding.command("email")
def add_email(
    name: NewName,
    to: Annotated[
        list[str],
        typer.Option(help="Who gets the mails; repeatable.", show_default=False),
    ],
    sender: Annotated[str, typer.Option("--from", help="Whom they are from.", show_default=False)],
    host: Annotated[str, typer.Option(help="The mail server.", show_default=False)],
    port: Annotated[
        int | None,
        typer.Option(help="Its port; left out, 587, 465 or 25.", show_default=False),
    ] = None,
    security: Annotated[
        str, typer.Option(help="How it is encrypted: starttls, ssl or insecure.")
    ] = "starttls",
    username: Annotated[
        str, typer.Option(help="Its login; empty where it wants none.", show_default=False)
    ] = "",
    password: Annotated[
        str,
        typer.Option(
            envvar="ALERT_SMTP_PASSWORD",
            help=f"The password of that login: {_SECRET}.",
            show_default=False,
        ),
    ] = "",
    receiver: Receiver = "",
    replace: Replace = False,
    json: AsJson = False,
) -> None:
    """Add an email channel; the password of the login is asked for.

    Example:
        sentinel channel add email ops --to ops@x.org --from s@x.org --host smtp.x.org -r default
    """
    from sentinel.errors import ConfigurationError

    if security.lower() not in ("starttls", "ssl", "insecure"):
        raise ConfigurationError(
            f"--security: {security!r} is none", hint="Write starttls, ssl or insecure."
        )
    secret = _secret("Password", password) if username else ""
    if username and not secret:
        raise ConfigurationError(
            f"there is no password for the login {username!r}",
            hint="Set ALERT_SMTP_PASSWORD, or leave --username out where none is wanted.",
        )
    with _prefect():
        from blocks import channel_blocks

        made = channel_blocks.email(
            name, host=host, port=port, to=to, sender=sender, security=security,
            username=username, password=secret, replace=replace,
        )  # fmt: skip
        _added(made, receiver, as_json=json)


@commands.command()
def sync(json: AsJson = False) -> None:
    """Make channels of the `ALERT_*` variables, from the environment or `.env`.

    `ALERT_SLACK_WEBHOOK_URL`, `ALERT_SMTP_HOST` and `ALERT_WEBHOOK_URL` with what belongs to
    them; each makes a block called `env`. One that is new tells the receiver `default`, too.
    `sentinel up` does the same at every start.

    Example:
        sentinel channel sync
    """
    from pydantic import ValidationError

    from sentinel.errors import ConfigurationError
    from sentinel.up.channels import make_channels

    try:
        with _prefect() as prefect, open_store() as store:
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
        say(f"{one.ref} is {'made, and tells the receiver default' if one.new else 'up to date'}.")
    if not made:
        say("No ALERT_ variable describes a channel.")


@commands.command("test")
def try_(
    name: Name,
    end: Annotated[
        bool, typer.Option("--end/--no-end", help="Send the end of the test alert as well.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Send a test message through a channel, right now. Exits with 1 where it is not taken.

    Examples:
        sentinel channel test ops

        sentinel channel test sentinel-email/ops --end
    """
    from sentinel.cli.sample_message import send_test
    from sentinel.errors import DeliveryError

    with _prefect() as refs, open_store() as store:
        ref = "inbox" if name == "inbox" else refs.find(name).ref
        try:
            sent = send_test(store, ref, end=end)
        except DeliveryError as error:
            if json:
                json_out({"channel": ref, "ok": False, "error": str(error)})
            raise
    if json:
        json_out({"channel": ref, "ok": True, "error": ""})
    else:
        say(f"{ref} took {'the test message and its end' if sent > 1 else 'the test message'}.")


@commands.command()
def remove(
    name: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Take it out of the receivers that use it, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Delete a channel's block. One that a receiver uses is kept, unless forced.

    Example:
        sentinel channel remove slack-incoming-webhook/ops
    """
    from sentinel.errors import Conflict

    with _blocks() as prefect, open_store() as store:
        block = prefect.find(name)
        users = {
            receiver: refs for receiver, refs in store.receivers.all().items() if block.ref in refs
        }
        if users and not force:
            raise Conflict(
                f"{block.ref} tells {', '.join(sorted(users))}",
                hint="Give the receiver other channels first, or add --force.",
            )
        for receiver, refs in users.items():
            left = [ref for ref in refs if ref != block.ref]
            # A receiver that tells nobody would lose what is told to it.
            store.receivers.set(receiver, left or ["inbox"])
        gone = prefect.remove(block)
    if json:
        json_out({"removed": gone, "receivers": sorted(users)})
    else:
        say(f"{' and '.join(gone)} {'are' if len(gone) > 1 else 'is'} gone.")


def _added(made: SavedChannel, receiver: str, *, as_json: bool) -> None:
    if receiver:
        _tell_through(receiver, made.ref)
    if as_json:
        json_out({"channel": made.ref, "new": made.new, "receiver": receiver or None})
        return
    say(f"{made.ref} is saved" + (f", and tells the receiver {receiver}." if receiver else "."))
    say(f"Try it: sentinel channel test {made.ref}")
    if not receiver:
        say(f"Use it: sentinel receiver set default -c inbox -c {made.ref}")


def _tell_through(receiver: str, ref: str) -> None:
    with open_store() as store:
        known = store.receivers.all().get(receiver, [])
        if ref not in known:
            store.receivers.set(receiver, [*known, ref])


def _secret(what: str, given: str) -> str:
    """`given`, or what a person types unseen, or the first line of standard input."""
    if given == "-" or (not given and not sys.stdin.isatty()):
        return sys.stdin.readline().strip()
    return given or str(typer.prompt(what, hide_input=True))


@contextmanager
def _blocks() -> Generator[ChannelBlocks]:
    from sentinel.prefect_client.blocks import ChannelBlocks

    with ChannelBlocks.of(settings_here()) as prefect:
        yield prefect


@contextmanager
def _prefect() -> Generator[ChannelBlocks]:
    """Prefect's own client talks to the server that this instance is about."""
    with _blocks() as blocks:
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings(updates={PREFECT_API_URL: blocks.url}):
            yield blocks
