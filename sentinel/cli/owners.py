"""`sentinel owner …`: whose the rules are."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli.output import AsJson, json_out, print_table
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Owners: whose the rules and their alerts are.")


@commands.callback()
def _group() -> None:
    """Keep `list` a word of the command, although it is the only one."""


@commands.command("list")
def list_(
    unowned: Annotated[bool, typer.Option("--unowned", help="Only what nobody owns.")] = False,
    json: AsJson = False,
) -> None:
    """List the rules with their owners, and what says so: the rule, a label, a tag, a pattern.

    Example:
        sentinel owner list --unowned
    """
    from sentinel.store.notifications.owned_rules import OwnedRule, owned_rules

    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import alert_routes

        with client_here() as client:
            items = client.do(alert_routes.owners(unowned=unowned)).items
        found = [OwnedRule(**one.model_dump()) for one in items]
    else:
        with open_store() as store:
            found = owned_rules(store, unowned=unowned)
    if json:
        json_out({"items": found})
        return
    print_table(
        ["RULE", "TENANT", "OWNER", "BY", "TEAM", "WORK POOL"],
        [
            (one.rule, one.tenant, one.owner or "nobody", one.by, one.team, one.work_pool)
            for one in found
        ],
        empty="No rule is without an owner." if unowned else "No rule has run yet.",
    )
