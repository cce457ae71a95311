"""`sentinel feed …`: addresses at which feed readers read alerts, incidents and silences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="Feeds: addresses at which feed readers and calendars read alerts, incidents, silences.",
)
_SHOWN = {"id", "kind", "tenant", "created_by", "created_at", "used_at"}
Tenant = Annotated[str, typer.Option(help="Whose alerts, incidents and silences.")]


@commands.command()
def add(
    kind: Annotated[
        Literal["alerts", "incidents", "silences"],
        typer.Argument(help="What it shows.", show_default=False),
    ],
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Make a feed, and print its addresses, which are shown only once.

    Feeds of alerts and incidents are Atom and RSS, that of silences is iCalendar. Whoever has an
    address reads the feed. They are below SENTINEL_PUBLIC_URL.

    Example:
        sentinel feed add alerts

    Raises:
        ConfigurationError: SENTINEL_PUBLIC_URL is not set
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import web_feeds

        with client_here() as client:
            there = client.do(web_feeds.make(kind, tenant=tenant))
        feed_id, urls = there.id, there.urls
    else:
        from sentinel.links import feed_address
        from sentinel.store.web_feeds import FORMATS, WebFeeds

        with open_store() as store:
            public = store.options.public_url
            if not public:
                raise ConfigurationError(
                    "feeds are public pages, and SENTINEL_PUBLIC_URL is not set",
                    hint="Set it to the address at which `sentinel public-pages` is reached.",
                )
            made = WebFeeds(store).create(kind, tenant=tenant, actor=actor())
        feed_id = made.feed.id
        urls = [feed_address(public, made.token, one) for one in FORMATS[kind]]
    if json:
        json_out({"id": feed_id, "urls": urls})
        return
    for url in urls:
        say(url)
    say(f"It is shown only once. End it with: sentinel feed revoke {feed_id}")


@commands.command("list")
def list_(tenant: Tenant = "default", json: AsJson = False) -> None:
    """List the feeds of a tenant that were not revoked, and when each was read last.

    Example:
        sentinel feed list
    """
    found: list[dict[str, Any]]
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import web_feeds

        with client_here() as client:
            there = client.do(web_feeds.feeds(tenant=tenant)).items
        found = [one.model_dump(include=_SHOWN) for one in there]
    else:
        from sentinel.store.web_feeds import WebFeeds

        with open_store() as store:
            found = [one.model_dump(include=_SHOWN) for one in WebFeeds(store).rows(tenant)]
    if json:
        json_out({"items": found})
        return
    print_table(
        ["ID", "TENANT", "ACTOR", "LAST USED", "FEED"],
        [
            (
                one["id"], one["tenant"], one["created_by"],
                f"{one['used_at']:%Y-%m-%d %H:%M:%S}" if one["used_at"] else "never", one["kind"],
            )
            for one in found
        ],
        empty="There are no feeds.",
    )  # fmt: skip


@commands.command()
def revoke(
    feed_id: Annotated[str, typer.Argument(help="Id of the feed.", show_default=False)],
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """End a feed: from now on its addresses show nothing.

    Example:
        sentinel feed revoke 0192f3a5c4e87d1b9a06d2f41c3b5e77
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import web_feeds

        with client_here() as client:
            found = client.do(web_feeds.revoke(feed_id, tenant=tenant)).model_dump(include=_SHOWN)
    else:
        from sentinel.store.web_feeds import WebFeeds

        with open_store() as store:
            ended = WebFeeds(store).revoke(feed_id, tenant=tenant, actor=actor())
        found = ended.model_dump(include=_SHOWN)
    if json:
        json_out(found)
    else:
        say("Revoked the feed.")
