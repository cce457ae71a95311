"""`sentinel digest …`: what a team's digest says."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli.oncall import moment_of_option
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Digests: what fired for a team, what is open, who is on call."
)


@commands.callback()
def digest() -> None:
    """Digests: what fired for a team, what is open, who is on call."""


@commands.command()
def show(
    team: Annotated[str, typer.Argument(help="Team of the on-call document.", show_default=False)],
    at: Annotated[
        str, typer.Option("--at", help="The last one before this moment: 2026-12-24T18:00+01:00.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Print the digest of a team as it was last due; nothing is sent.

    Example:
        sentinel digest show db --at 2026-12-21T09:00+01:00
    """
    moment = moment_of_option(at) if at else None
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import digests

        with client_here() as client:
            there = client.do(digests.digest(team, moment))
        if json:
            json_out(there.model_dump(mode="json", exclude={"title", "text"}))
        else:
            _print(there.title, there.text)
        return
    from sentinel.notifications.digest import digest_text, digest_title
    from sentinel.store.reports.digests import digest_of

    with open_store() as store:
        found = digest_of(store, team, moment)
    if json:
        json_out(found)
        return
    _print(digest_title(found), digest_text(found))


def _print(title: str, text: str) -> None:
    say(title)
    for line in text.split("\n"):
        say(line)
