"""`sentinel oncall feed …`: addresses at which calendar programs read shifts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.oncall_calendars import commands
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_access import feeds_there, make_feed_there, revoke_feed_there
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.client.oncall_feeds import Feed
    from sentinel.schema.calendar_feeds import CalendarFeed

__all__ = ["commands"]

feeds = typer.Typer(
    no_args_is_help=True, help="Calendar feeds: addresses at which calendar programs read shifts."
)
commands.add_typer(feeds, name="feed")


@feeds.command()
def add(
    person: Annotated[str, typer.Option(help="Only the shifts of this person.")] = "",
    schedule: Annotated[
        str, typer.Option(help="Name of a schedule.", show_default="all schedules")
    ] = "",
    json: AsJson = False,
) -> None:
    """Make a feed of a person or a schedule, and print its address, which is shown only once.

    Whoever has the address reads the shifts. It is below SENTINEL_PUBLIC_URL.

    Example:
        sentinel oncall feed add --person ann

    Raises:
        ConfigurationError: SENTINEL_PUBLIC_URL is not set
    """
    from sentinel.links import calendar_address
    from sentinel.store.oncall.calendar_feeds import CalendarFeeds

    if remote_url():
        there = make_feed_there(person, schedule)
        feed_id, url = there.id, there.url
    else:
        with open_store() as store:
            public = store.options.public_url
            if not public:
                raise ConfigurationError(
                    "feeds are public pages, and SENTINEL_PUBLIC_URL is not set",
                    hint="Set it to the address at which `sentinel public-pages` is reached.",
                )
            made = CalendarFeeds(store).create(actor=actor(), person=person, schedule=schedule)
        feed_id, url = made.feed.id, calendar_address(public, made.token)
    if json:
        json_out({"id": feed_id, "url": url})
    else:
        say(url)
        say(f"It is shown only once. End it with: sentinel oncall feed revoke {feed_id}")


@feeds.command("list")
def list_(json: AsJson = False) -> None:
    """List the feeds that were not revoked, and when a program read each last.

    Example:
        sentinel oncall feed list
    """
    from sentinel.store.oncall.calendar_feeds import CalendarFeeds

    found: Sequence[CalendarFeed | Feed]
    if remote_url():
        found = feeds_there()
    else:
        with open_store() as store:
            found = CalendarFeeds(store).rows()
    if json:
        hidden = {"secret_hash", "revoked_at", "revoked_by"}
        json_out({"items": [one.model_dump(exclude=hidden) for one in found]})
        return
    print_table(
        ["ID", "PERSON", "SCHEDULE", "ACTOR", "LAST USED"],
        [
            (
                one.id, one.person or "everybody", one.schedule or "all", one.created_by,
                f"{one.used_at:%Y-%m-%d %H:%M:%S}" if one.used_at else "never",
            )
            for one in found
        ],
        empty="There are no calendar feeds.",
    )  # fmt: skip


@feeds.command()
def revoke(
    feed_id: Annotated[str, typer.Argument(help="Id of the feed.", show_default=False)],
    json: AsJson = False,
) -> None:
    """End a feed: from now on its address shows nothing.

    Example:
        sentinel oncall feed revoke 0192f3a5c4e87d1b9a06d2f41c3b5e77
    """
    from sentinel.store.oncall.calendar_feeds import CalendarFeeds

    if remote_url():
        found = revoke_feed_there(feed_id)
    else:
        with open_store() as store:
            found = CalendarFeeds(store).revoke(feed_id, actor=actor())
    if json:
        json_out(found.model_dump(exclude={"secret_hash"}))
    else:
        say("Revoked the feed.")
