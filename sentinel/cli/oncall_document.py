"""`sentinel oncall apply`, `show` and their like: the on-call document and its versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.oncall import Note, commands
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

__all__ = ["commands"]

File = Annotated[Path, typer.Argument(help="YAML file of on-call.", show_default=False)]


@commands.command()
def apply(
    file: File,
    message: Note = "",
    expect: Annotated[
        int | None,
        typer.Option(help="Refuse unless this version is active; 0 for none.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a file the active on-call document: people, teams, schedules, escalation policies.

    Example:
        sentinel oncall apply oncall.yaml -m "cem joins the rotation"
    """
    from sentinel.store.oncall.documents import OnCallDocuments, expecting

    with open_store() as store:
        done = OnCallDocuments(store).apply(
            _text(file), actor=actor(), note=message, check=expecting(expect)
        )
    if json:
        json_out({"version": done.number, "changed": done.changed})
    elif done.changed:
        say(f"Version {done.number} of the on-call document is active.")
    else:
        say(f"Nothing changed: version {done.number} of the on-call document says the same.")


@commands.command()
def check(file: File, json: AsJson = False) -> None:
    """Read a file as the on-call document without applying it; exit code 2 where it cannot be used.

    Example:
        sentinel oncall check oncall.yaml
    """
    from sentinel.oncall.document import read_oncall

    found = read_oncall(_text(file))
    if json:
        json_out({"receivers": sorted(found.receivers), "document": found.model_dump(mode="json")})
        return
    say(
        f"{file} can be used: people {len(found.people)}, teams {len(found.teams)}, "
        f"schedules {len(found.schedules)}, escalation policies {len(found.escalation_policies)}."
    )


@commands.command()
def show(
    version: Annotated[
        int | None, typer.Argument(help="Number of a version.", show_default="the active one")
    ] = None,
    json: AsJson = False,
) -> None:
    """Print the active on-call document, or an earlier version, as YAML.

    Example:
        sentinel oncall show > oncall.yaml
    """
    from sentinel.store.oncall.documents import OnCallDocuments

    with open_store() as store:
        found = OnCallDocuments(store).version(version)
    if json:
        json_out(found.model_dump())
        return
    for line in found.document.rstrip("\n").split("\n"):
        say(line)


@commands.command()
def history(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of versions.")] = 50,
    json: AsJson = False,
) -> None:
    """List every version of the on-call document, the active one first.

    Example:
        sentinel oncall history
    """
    from sentinel.store.oncall.documents import OnCallDocuments

    with open_store() as store:
        found = OnCallDocuments(store).history(limit)
    if json:
        json_out({"items": [one.model_dump(exclude={"document"}) for one in found]})
        return
    print_table(
        ["VERSION", "APPLIED", "ACTOR", "REASON"],
        [
            (
                f"{one.number} (active)" if place == 0 else one.number,
                f"{one.applied_at:%Y-%m-%d %H:%M:%S}",
                one.applied_by,
                one.note
                if one.rolled_back_to is None
                else f"rolled back to {one.rolled_back_to} {one.note}".strip(),
            )
            for place, one in enumerate(found)
        ],
        empty="There is no on-call document yet: sentinel oncall apply FILE",
    )


@commands.command()
def rollback(
    version: Annotated[int, typer.Argument(help="Number of a version.", show_default=False)],
    message: Note = "",
    json: AsJson = False,
) -> None:
    """Make an earlier version active again, as a new version.

    Example:
        sentinel oncall rollback 3 -m "the new rotation has a gap"
    """
    from sentinel.store.oncall.documents import OnCallDocuments

    with open_store() as store:
        done = OnCallDocuments(store).rollback(version, actor=actor(), note=message)
    if json:
        json_out({"version": done.number, "changed": done.changed})
    else:
        say(f"Version {done.number} of the on-call document is active, as version {version} was.")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
