"""`sentinel person …`: what is stored under a person's name, exported and erased."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, json_text, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, home_of, open_store, settings_here
from sentinel.errors import Conflict, TelemetryUnavailable

if TYPE_CHECKING:
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Personal data: export or erase what has a person's name."
)
Name = Annotated[
    str, typer.Argument(help="Name of the person, as timelines have it.", show_default=False)
]


@commands.command()
def export(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this new file instead of the terminal."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Export all that is stored under a person's name, as JSON, with their newest 50,000 requests.

    Example:
        sentinel person export maria -o maria.json

    Raises:
        Conflict: the file exists
    """
    if output is not None and output.exists():
        raise Conflict(f"the file {output} exists", hint="Use another name.")
    found = _export(name)
    if output is None:
        json_out(found)
        return
    output.touch(mode=0o600)
    output.write_text(json_text(found) + "\n", "utf-8")
    if json:
        json_out({"file": str(output)})
    else:
        say(f"Exported what is stored under {name} to {output}.")


@commands.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    json: AsJson = False,
) -> None:
    """Replace a person's name by a pseudonym everywhere; the audit trail still verifies.

    Their requests in the request log are deleted. Comments and reasons stay as they were written.
    An account is deleted first, with `sentinel user delete`.

    Example:
        sentinel person erase maria --yes
    """
    if not yes:
        typer.confirm(f"Erase the name {name}? It cannot be undone", abort=True)
    label = _erase(name)
    if json:
        json_out({"erased": name, "pseudonym": label})
    else:
        say(f"{name} is {label} from now on.")


def _export(name: str) -> dict[str, Any]:
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import personal_data

        with client_here() as client:
            there = client.do(personal_data.export(name))
        return {"name": there.name, **there.tables}
    from sentinel.store.audit.people import export as read

    telemetry = _telemetry("export")
    with open_store() as store:
        return read(store, name, actor=actor(), telemetry=telemetry)


def _erase(name: str) -> str:
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import personal_data

        with client_here() as client:
            return client.do(personal_data.erase(name)).pseudonym
    from sentinel.store.audit.people import erase as work

    telemetry = _telemetry("erase")
    with open_store() as store:
        return work(store, name, actor=actor(), telemetry=telemetry)


def _telemetry(what: str) -> TelemetryClient | None:
    """Return what reads and writes the request log; None where there is none.

    Args:
        what: is done with the name

    Returns:
        The client.

    Raises:
        TelemetryUnavailable: the store of this machine does not run
    """
    from sentinel.store.telemetry.erasing import erasing_client

    settings = settings_here()
    telemetry = erasing_client(settings)
    if telemetry is None and home_of(settings).telemetry.is_dir():
        raise TelemetryUnavailable(
            "the telemetry store of this machine, which has a request log, does not run",
            hint=f"Start sentinel up, and {what} the name then.",
        )
    return telemetry
