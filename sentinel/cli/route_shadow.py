"""`sentinel route shadow …`: a draft of the routes beside the active ones, without any effect."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.store.notifications.route_shadow_report import ShadowReport

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="A draft of the routes beside the active ones, without any effect."
)


@commands.command()
def start(
    file: Annotated[Path, typer.Argument(help="YAML file with the routes.", show_default=False)],
    message: Annotated[str, typer.Option("--message", "-m", help="The reason.")] = "",
    json: AsJson = False,
) -> None:
    """Run a draft beside the active routes, once the tests in it pass; it notifies nobody.

    Of each alert that opens from now on, Sentinel records whom the draft would have notified.

    Example:
        sentinel route shadow start draft.yaml -m "the db team gets a pager"

    Raises:
        ConfigurationError: the file cannot be read or used
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import route_shadow

        with client_here() as client:
            began = client.do(route_shadow.start(text, note=message)).started_at
    else:
        from sentinel.store.notifications.route_shadow import start_shadow

        with open_store() as store:
            began = start_shadow(store, text, actor=actor(), note=message).started_at
    if json:
        json_out({"started_at": began})
    else:
        say(f"The draft runs since {began:%Y-%m-%d %H:%M:%S} UTC: sentinel route shadow report")


@commands.command()
def stop(json: AsJson = False) -> None:
    """Stop the draft; what it would have done can still be reported.

    Example:
        sentinel route shadow stop
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import route_shadow

        with client_here() as client:
            ended = client.do(route_shadow.stop()).stopped_at
    else:
        from sentinel.store.notifications.route_shadow import stop_shadow

        with open_store() as store:
            ended = stop_shadow(store, actor=actor()).stopped_at
    if json:
        json_out({"stopped_at": ended})
    else:
        say("The draft is stopped.")


@commands.command()
def report(
    since: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar="LENGTH", show_default="since it was started",
            help="Only alerts that opened in the last 2d, say.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Print what the draft would have done, by receiver, beside what the active routes did.

    Example:
        sentinel route shadow report --since 2d
    """
    found = _report(since)
    if json:
        json_out(found)
        return
    state = "runs" if found.running else "ran"
    say(
        f"The draft {state} since {found.started_at:%Y-%m-%d %H:%M} UTC. {found.alerts:,} alerts "
        f"opened from {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC."
    )
    if not found.receivers:
        return
    print_table(
        ["RECEIVER", "WOULD NOTIFY", "WOULD NOT", "WAITING", "NOTIFIED BY ACTIVE", "ONLY DRAFT",
         "ONLY ACTIVE"],
        [
            (
                one.receiver or "nobody", f"{one.notified:,} in {one.groups:,} groups",
                f"{one.held:,}", f"{one.waiting:,}", f"{one.active_notified:,} of {one.active:,}",
                f"{one.only_draft:,}", f"{one.only_active:,}",
            )
            for one in found.receivers
        ],
        empty="",
    )  # fmt: skip
    _differences(found)


def _differences(found: ShadowReport) -> None:
    from sentinel.notifications.reasons import words

    for one in found.receivers:
        name = one.receiver or "nobody"
        for reason, count in one.reasons.items():
            say(f"{name} would not be notified of {count:,}: {words(reason)}.")
        for example in one.examples:
            title = f"{example.title or 'a deleted alert'} ({example.alert_id[:12]})"
            if example.kind == "draft":
                say(f"  only the draft sends {name}: {title}")
            elif example.kind == "active":
                say(f"  only the active routes send {name}: {title}")
            else:
                say(f"  the draft does not notify {name}: {title}, {example.reason_text}")


def _report(since: timedelta | None) -> ShadowReport:
    from sentinel.store.notifications.route_shadow_report import ShadowReport, shadow_report

    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import route_shadow

        with client_here() as client:
            days = None if since is None else since / timedelta(days=1)
            return msgspec.convert(client.do(route_shadow.report(days=days)).model_dump(),
                                   ShadowReport)  # fmt: skip
    with open_store() as store:
        return shadow_report(store, None if since is None else store.now() - since)
