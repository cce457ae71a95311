"""`sentinel incident action`: what is to be done so that an incident does not happen again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from sentinel.cli.incident_calls import Id, do, whole_id
from sentinel.cli.output import AsJson, json_out, print_table, say

__all__ = ["actions"]

actions = typer.Typer(no_args_is_help=True, help="Action items of incidents.")


@actions.command("list")
def list_(incident: Id, json: AsJson = False) -> None:
    """Print the action items of an incident, oldest first.

    Example:
        sentinel incident action list 0198f2c4a7e07cc0b2a1d3f4e5a69788
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.action_items(incident)
    found: list[dict[str, Any]] = do(call, lambda here: here.action_items(incident))["items"]
    if json:
        json_out({"items": found})
        return
    print_table(
        ["ID", "DONE", "DUE", "OWNER", "TITLE"],
        [
            (one["id"], "yes" if one["done_at"] else "no", one["due"] or "", one["owner"],
             one["title"])
            for one in found
        ],
        empty="There are none.",
    )  # fmt: skip


@actions.command("add")
def add(
    incident: Id,
    title: Annotated[str, typer.Argument(help="What is to be done.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Who does it.")] = "",
    due: Annotated[
        datetime | None,
        typer.Option(help="By when.", formats=["%Y-%m-%d"], show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Add an action item.

    Example:
        sentinel incident action add 0198f2c4a7e07cc0b2a1d3f4e5a69788 "Watch the disk" --owner ben
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    day = None if due is None else due.date()
    call = incidents.add_action_item(incident, title, owner=owner, due=day)
    one = do(call, lambda here: here.added_action_item(incident, title, owner, day))
    if json:
        json_out(one)
        return
    say(f"Added the action item {one['id']}: {one['title']}")


@actions.command("done")
def done(
    incident: Id,
    item: Annotated[str, typer.Argument(help="Id of the action item.", show_default=False)],
    reopen: Annotated[bool, typer.Option("--reopen", help="It is not done after all.")] = False,
    json: AsJson = False,
) -> None:
    """Say that an action item is done.

    Example:
        sentinel incident action done ID ITEM
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.edit_action_item(incident, item, {"done": not reopen})
    one = do(call, lambda here: here.edited_action_item(incident, item, done=not reopen))
    if json:
        json_out(one)
        return
    say(f"{'Reopened' if reopen else 'Did'} the action item {one['id']}: {one['title']}")
