"""`sentinel digest …`: what a team's digest says."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli.oncall import moment_of_option
from sentinel.cli.output import AsJson, json_out, say
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
    from sentinel.notifications.digest import digest_notice, digest_text
    from sentinel.store.reports.digests import digest_of

    with open_store() as store:
        found = digest_of(store, team, moment_of_option(at) if at else None)
    if json:
        json_out(found)
        return
    say(digest_notice(found, "").title)
    for line in digest_text(found).split("\n"):
        say(line)
