"""`sentinel pack …`: the packs of rules that ship with Sentinel, listed, installed and removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.deploy import answer, carried_out, deploy
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentinel.client.packs import PackDetail
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.files import Entry
    from sentinel.rollout.plan import Step
    from sentinel.rollout.shipped_packs import ShippedPack

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Packs of rules: list, install and remove them.")

Name = Annotated[str, typer.Argument(metavar="PACK", help="Name of the pack.", show_default=False)]
_INSTALLED = {True: "yes", False: "no", None: "unknown"}
_NONE = "nothing to remove: no rule of {} is deployed"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan; change nothing.")]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List the packs of rules that ship with Sentinel, and whether all of their rules are deployed.

    Example:
        sentinel pack list
    """
    found = _all()
    if json:
        json_out({"items": found})
        return
    print_table(
        ["PACK", "RULES", "INSTALLED", "DESCRIPTION"],
        [
            (one["name"], one["rules"], _INSTALLED[one["installed"]], one["description"])
            for one in found
        ],
        empty="There are no packs.",
    )


@commands.command()
def show(name: Name, json: AsJson = False) -> None:
    """Show the rules of a pack.

    Example:
        sentinel pack show machine
    """
    pack = _one(name)
    if json:
        json_out(
            {"name": pack.name, "description": pack.description,
             "rules": [_rule(one) for one in pack.rules]}
        )  # fmt: skip
        return
    say(f"{pack.name}: {pack.description}")
    print_table(
        ["RULE", "TRIGGER", "SEVERITY", "SCHEDULE", "DESCRIPTION"],
        [
            (one.name, one.trigger, one.severity, "on" if one.scheduled else "off",
             one.description)
            for one in pack.rules
        ],
        empty="It has no rules.",
    )  # fmt: skip


@commands.command()
def install(name: Name, dry_run: DryRun = False, json: AsJson = False) -> None:
    """Deploy the rules of a pack that differ, as `sentinel deploy --pack` does.

    Exits with 1 if a deployment was refused; the others are deployed.

    Examples:
        sentinel pack install machine --dry-run

        sentinel --url https://sentinel.example.com pack install prefect
    """
    if remote_url():
        from sentinel.cli.remote_rollouts import roll_out_remotely
        from sentinel.client import packs

        roll_out_remotely(
            packs.installation(name), lambda: packs.install(name), dry_run=dry_run, json=json
        )
        return
    deploy(pack=[name], file=None, dry_run=dry_run, remove=False, json=json)


@commands.command()
def remove(name: Name, dry_run: DryRun = False, json: AsJson = False) -> None:
    """Delete the deployments that came from a pack; those of other files stay.

    Their alerts close as "rule disabled", never as recovered.

    Example:
        sentinel pack remove machine --dry-run
    """
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.files import pack_file, read_files

    if remote_url():
        from sentinel.cli.remote_rollouts import roll_out_remotely
        from sentinel.client import packs

        roll_out_remotely(
            packs.removal(name),
            lambda: packs.remove(name),
            dry_run=dry_run,
            json=json,
            nothing=_NONE.format(name),
        )
        return
    began = time.monotonic()
    entries = read_files([pack_file(name)])
    with RolloutApi.of(settings_here()) as api:
        steps = _removal(api, entries)
        if not dry_run:
            steps = carried_out(api, steps, silent=json)
    seconds = time.monotonic() - began
    answer(steps, dry_run=dry_run, json=json, seconds=seconds, nothing=_NONE.format(name))


def _removal(api: RolloutApi, entries: Sequence[Entry]) -> list[Step]:
    """Plan the removal; where no database answers, rows of rules are left as they are."""
    from sentinel.cli.target import open_store
    from sentinel.errors import DatabaseError
    from sentinel.rollout.removal import plan_removal

    try:
        with open_store() as store:
            return plan_removal(store, api, entries)
    except DatabaseError:
        return plan_removal(None, api, entries)


def _all() -> list[dict[str, Any]]:
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import packs

        with client_here() as client:
            return [one.model_dump() for one in client.do(packs.packs()).items]
    from sentinel.cli.target import open_store
    from sentinel.errors import DatabaseError
    from sentinel.rollout.shipped_packs import is_installed, shipped_packs

    there: list[tuple[str, str]] | None = None
    try:
        with open_store() as store:
            there = [(row.source, row.name) for row in store.rules.list()]
    except DatabaseError:
        pass  # which packs there are is known without a database
    return [
        {
            "name": one.name, "description": one.description, "rules": len(one.rules),
            "installed": None if there is None else is_installed(one, there),
        }
        for one in shipped_packs()
    ]  # fmt: skip


def _one(name: str) -> PackDetail | ShippedPack:
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import packs

        with client_here() as client:
            return client.do(packs.pack(name))
    from sentinel.rollout.shipped_packs import shipped_pack

    return shipped_pack(name)


def _rule(one: Any) -> dict[str, Any]:
    names = ("name", "description", "trigger", "severity", "scheduled")
    return {name: getattr(one, name) for name in names}
