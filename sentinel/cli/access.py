"""`sentinel access …`: separation of duties, and reviews of who may do what."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.person_rows import moment
from sentinel.cli.target import actor, open_store
from sentinel.store.approvals.separation import Separation

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Separation of duties, and reviews of who may do what."
)


@commands.command()
def separation(
    switch: Annotated[
        Literal["on", "off"] | None,
        typer.Argument(help="Leave it out to see where it is on.", show_default=False),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="Tenant that it holds for; by default, all.", show_default=False),
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="The reason; audited.")] = "",
    json: AsJson = False,
) -> None:
    """Switch separation of duties on or off, or list where it is on.

    Where it is on, a change to a critical rule waits until a second person approves it. All
    tenants and each tenant have a switch of their own: it is on where either is.

    Examples:
        sentinel access separation on --tenant acme

        sentinel access separation off --tenant acme -m "emergency 4711"
    """
    with open_store() as store:
        found = Separation(store)
        changed = switch is not None and found.switch(
            tenant, on=switch == "on", actor=actor(), reason=message
        )
        there = found.list()
    if json:
        json_out({"changed": changed, "items": there})
        return
    if switch is not None:
        where = f"the tenant {tenant}" if tenant else "all tenants"
        already = "" if changed else " already"
        say(f"Separation of duties is {switch}{already} in {where}.")
        return
    print_table(
        ["TENANT", "ON SINCE", "SWITCHED BY"],
        [(one.tenant or "all", moment(one.switched_at), one.switched_by) for one in there],
        empty="Separation of duties is on nowhere: sentinel access separation on",
    )
