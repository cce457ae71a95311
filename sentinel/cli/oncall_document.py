"""`sentinel oncall apply`, `show` and their like: the on-call document and its versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.document_versions import (
    Expected,
    HistoryLimit,
    Note,
    Which,
    print_applied,
    print_history,
    print_rolled_back,
    print_version,
    text_of,
)
from sentinel.cli.exit_codes import Exit
from sentinel.cli.oncall import commands
from sentinel.cli.oncall_here import oncall_here
from sentinel.cli.output import AsJson, json_out, say

__all__ = ["commands"]

_NOUN = "the on-call document"
File = Annotated[Path, typer.Argument(help="YAML file of on-call.", show_default=False)]


@commands.command()
def apply(
    file: File,
    message: Note = "",
    expect: Expected = None,
    json: AsJson = False,
) -> None:
    """Make a file the active on-call document: people, teams, schedules, escalation policies.

    Example:
        sentinel oncall apply oncall.yaml -m "cem joins the rotation"
    """
    text = text_of(file)
    with oncall_here() as oncall:
        done = oncall.apply(text, message, expect)
    print_applied(_NOUN, done, json=json)


@commands.command()
def plan(file: File, json: AsJson = False) -> None:
    """Print what `oncall apply` would change: + added, ~ changed, - removed.

    Exits with 0 where nothing would change, and with 7 where something would.

    Example:
        sentinel oncall plan oncall.yaml

    Raises:
        Exit: with 7 where something would change
    """
    from sentinel.cli.deploy import receivers_here
    from sentinel.oncall.document import read_oncall
    from sentinel.oncall.document_plan import counted, document_differences

    text = text_of(file)
    wanted = read_oncall(text)
    with oncall_here() as oncall:
        found = document_differences(wanted, oncall.document())
    known = receivers_here()  # None over HTTP, where only `apply` says it
    missing = [] if known is None else sorted(set(wanted.receivers) - set(known))
    if json:
        json_out({"differences": found, "missing_receivers": missing})
    else:
        for one in found:
            say(str(one))
        say(counted(found))
        if missing:
            say(f"`oncall apply` would refuse it: there is no receiver {', '.join(missing)}.")
    if found:
        raise typer.Exit(Exit.DIFFERS)


@commands.command()
def check(file: File, json: AsJson = False) -> None:
    """Read a file as the on-call document without applying it; exit code 2 where it cannot be used.

    Example:
        sentinel oncall check oncall.yaml
    """
    from sentinel.oncall.document import read_oncall

    found = read_oncall(text_of(file))
    if json:
        json_out({"receivers": sorted(found.receivers), "document": found.model_dump(mode="json")})
        return
    say(
        f"{file} can be used: people {len(found.people)}, teams {len(found.teams)}, "
        f"schedules {len(found.schedules)}, escalation policies {len(found.escalation_policies)}."
    )


@commands.command()
def show(
    version: Which = None,
    json: AsJson = False,
) -> None:
    """Print the active on-call document, or an earlier version, as YAML.

    Example:
        sentinel oncall show > oncall.yaml
    """
    with oncall_here() as oncall:
        found = oncall.version(version)
    print_version(found, f"Version {found.number} is an empty document.", json=json)


@commands.command()
def history(
    limit: HistoryLimit = 50,
    json: AsJson = False,
) -> None:
    """List every version of the on-call document, the active one first.

    Example:
        sentinel oncall history
    """
    with oncall_here() as oncall:
        found = oncall.history(limit)
    print_history(found, "There is no on-call document yet: sentinel oncall apply FILE", json=json)


@commands.command()
def rollback(
    version: Annotated[
        int, typer.Argument(help="Number of a version; 0 for no document.", show_default=False)
    ],
    message: Note = "",
    json: AsJson = False,
) -> None:
    """Make an earlier version active again, as a new version.

    Example:
        sentinel oncall rollback 3 -m "the new rotation has a gap"
    """
    with oncall_here() as oncall:
        done = oncall.rollback(version, message)
    print_rolled_back(_NOUN, version, done, json=json)
