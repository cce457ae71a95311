"""`sentinel notify …`: receivers, routes, silences and time intervals as one document in Git."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.notify_plans import planned_state, unchanged_since, write_plan
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.notifications.notify_plan import Difference

__all__ = ["commands", "text_of"]

commands = typer.Typer(
    no_args_is_help=True, help="Receivers, routes, silences and time intervals as YAML in Git."
)

Where = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="YAML file, or a folder of them.")]
_WORDS = {"+": "to add", "~": "to change", "-": "to remove"}
_DONE = {"+": "added", "~": "changed", "-": "removed"}


@commands.command()
def check(
    path: Where,
    existing: Annotated[
        bool,
        typer.Option("--existing", help="Check names against the database of this machine, too."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse receivers that are not in the document.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check a document and run the tests in it; needs no database, so that CI can do it.

    The receivers that its routes name are looked for in the document, and names that it does not
    have are printed. With --existing or --url, they are looked for in the instance, too, and the
    check refuses what `notify apply` would refuse.

    Example:
        sentinel notify check notify/

    Raises:
        ConfigurationError: a file cannot be used, a test fails, or a receiver is not there
    """
    from sentinel.notifications.notify_document import read_notify

    files = _files(path)
    document = read_notify(files)
    unlisted = document.unlisted_receivers()
    against = remote_url() or ("the database" if existing else "")
    if against:
        _planned(files)
    if unlisted and strict:
        raise ConfigurationError(
            f"{path}: routes name {', '.join(unlisted)}, which the document does not have",
            hint="Add them to receivers:, or correct the name.",
        )
    routes = 0 if document.routes is None else sum(1 for _ in document.routes.route.below())
    tests = 0 if document.routes is None else len(document.routes.tests)
    receivers, silences = len(document.receivers or {}), len(document.silences or {})
    if json:
        json_out(
            {
                "receivers": receivers, "routes": routes, "silences": silences, "tests": tests,
                "not_in_document": unlisted, "checked_against": against or "the document",
            }
        )  # fmt: skip
        return
    muted = f"{counted(silences, 'silence')}, " if silences else ""
    say(
        f"{path}: {counted(receivers, 'receiver')}, {counted(routes, 'route')}, "
        f"{muted}{counted(tests, 'test')} passed."
    )
    if against:
        say(f"Receivers were checked against the document and {against}: all are there.")
    elif unlisted:
        say(
            f"Receivers were checked against the document alone, which does not have "
            f"{', '.join(unlisted)}: check against an instance with --existing or --url."
        )
    elif document.routes is not None:
        say("Receivers were checked against the document alone: all are there.")


@commands.command()
def plan(
    path: Where,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the plan to a file, for `notify apply --plan`.",
                     show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Print what `notify apply` would change: + added, ~ changed, - removed.

    Exits with 0 where nothing would change, and with 7 where something would.

    Example:
        sentinel notify plan notify/ -o plan.json

    Raises:
        Exit: with 7 where something would change
    """
    files = _files(path)
    found, state = _planned(files)
    if output is not None:
        write_plan(output, files, state, found)
    if json:
        json_out({"differences": found, "state": state})
    else:
        _say(found, _WORDS, "Nothing would change.")
    if found:
        raise typer.Exit(Exit.DIFFERS)


@commands.command()
def apply(
    path: Where,
    message: Annotated[
        str, typer.Option("--message", "-m", help="The reason; kept with the version.")
    ] = "",
    plan: Annotated[
        Path | None,
        typer.Option(help="Of `notify plan -o`: refuse where something changed since.",
                     show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make receivers, routes, silences and time intervals as a document says, or nothing of it.

    Only what differs is changed, so that applying it twice changes nothing. What the document says
    nothing about stays: receivers and silences made elsewhere, and routes where there is no
    `route:`.

    Example:
        sentinel notify apply notify/ --plan plan.json -m "the db team has a pager"
    """
    files = _files(path)
    state = "" if plan is None else planned_state(plan, files)
    found = _applied(files, message, state)
    if json:
        json_out({"differences": found})
    else:
        _say(found, _DONE, "Nothing changed.")


def _planned(files: Mapping[str, str]) -> tuple[list[Difference], str]:
    """Return what would change, and the state that this is compared with."""
    from sentinel.notifications.notify_document import read_notify
    from sentinel.store.notifications.notify_documents import plan_document, state_of

    document = read_notify(files)
    if remote_url():
        return _remotely(files, None, "")
    with open_store() as store:
        # First, so that what changes meanwhile makes the state stale and not the differences.
        state = state_of(store)
        return plan_document(store, document), state


def _applied(files: Mapping[str, str], note: str, state: str) -> list[Difference]:
    from sentinel.notifications.notify_document import read_notify
    from sentinel.store.notifications.notify_documents import apply_document

    document = read_notify(files)
    if remote_url():
        return _remotely(files, note, state)[0]
    with open_store() as store:
        return apply_document(
            store, document, actor=actor(), note=note, check=unchanged_since(state)
        )


def _remotely(
    files: Mapping[str, str], note: str | None, state: str
) -> tuple[list[Difference], str]:
    """Plan on the server, or apply with a note, where its state is still the one given."""
    from sentinel.cli.remote import client_here
    from sentinel.client import alert_routes as calls
    from sentinel.notifications.notify_plan import Difference

    with client_here() as client:
        asked = calls.plan(files)
        if note is not None:
            asked = calls.apply_files(files, note=note, version=f'"{state}"' if state else "")
        done = client.do(asked)
        found = [
            Difference(sign=one.sign, kind=one.kind, name=one.name, text=one.text)
            for one in done.differences
        ]
        return found, done.version.strip('"')


def _files(path: Path) -> dict[str, str]:
    """Read a file, or those of a folder.

    Args:
        path: of either

    Returns:
        The text of each.

    Raises:
        ConfigurationError: one cannot be read, or there is none
    """
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in (".yaml", ".yml"))
    if not files:
        raise ConfigurationError(f"{path} has no file that ends in .yaml or .yml")
    return text_of(files)


def text_of(files: Sequence[Path]) -> dict[str, str]:
    """Return the text of each file.

    Args:
        files: to be read

    Returns:
        The texts by the files' paths as they were given.

    Raises:
        ConfigurationError: one cannot be read
    """
    found: dict[str, str] = {}
    for one in files:
        try:
            found[str(one)] = one.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{one} cannot be read: {error}") from None
    return found


def _say(found: Sequence[Difference], words: Mapping[str, str], nothing: str) -> None:
    for one in found:
        say(str(one))
    counts = Counter(one.sign for one in found)
    parts = [f"{counts[sign]} {word}" for sign, word in words.items() if counts[sign]]
    say(f"{', '.join(parts)}." if parts else nothing)
