"""`sentinel notify …`: receivers, routes and time intervals as one document in Git."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.notifications.notify_plan import Difference

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Receivers, routes and time intervals as YAML in Git."
)

Where = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="YAML file, or a folder of them.")]
_WORDS = {"+": "to add", "~": "to change", "-": "to remove"}
_DONE = {"+": "added", "~": "changed", "-": "removed"}


@commands.command()
def check(path: Where, json: AsJson = False) -> None:
    """Check a document and run the tests in it; needs no database, so that CI can do it.

    Example:
        sentinel notify check notify/
    """
    from sentinel.notifications.notify_document import read_notify

    document = read_notify(_files(path))
    routes = 0 if document.routes is None else sum(1 for _ in document.routes.route.below())
    tests = 0 if document.routes is None else len(document.routes.tests)
    receivers = len(document.receivers or {})
    if json:
        json_out({"receivers": receivers, "routes": routes, "tests": tests})
    else:
        say(f"{path}: {receivers} receivers, {routes} routes, {tests} tests passed.")


@commands.command()
def plan(path: Where, json: AsJson = False) -> None:
    """Print what `notify apply` would change: + added, ~ changed, - removed.

    Exits with 0 where nothing would change, and with 7 where something would.

    Example:
        sentinel notify plan notify/

    Raises:
        Exit: with 7 where something would change
    """
    found = _planned(_files(path))
    if json:
        json_out({"differences": found})
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
    json: AsJson = False,
) -> None:
    """Make receivers, routes and time intervals as a document says, all of it or nothing.

    Only what differs is changed, so that applying it twice changes nothing. What the document says
    nothing about stays: receivers made elsewhere, and routes where there is no `route:`.

    Example:
        sentinel notify apply notify/ -m "the db team has a pager"
    """
    found = _applied(_files(path), message)
    if json:
        json_out({"differences": found})
    else:
        _say(found, _DONE, "Nothing changed.")


def _planned(files: Mapping[str, str]) -> list[Difference]:
    from sentinel.notifications.notify_document import read_notify
    from sentinel.store.notifications.notify_documents import plan_document

    document = read_notify(files)
    if remote_url():
        return _remotely(files, None)
    with open_store() as store:
        return plan_document(store, document)


def _applied(files: Mapping[str, str], note: str) -> list[Difference]:
    from sentinel.notifications.notify_document import read_notify
    from sentinel.store.notifications.notify_documents import apply_document

    document = read_notify(files)
    if remote_url():
        return _remotely(files, note)
    with open_store() as store:
        return apply_document(store, document, actor=actor(), note=note)


def _remotely(files: Mapping[str, str], note: str | None) -> list[Difference]:
    """Plan on the server, or apply with a note."""
    from sentinel.cli.remote import client_here
    from sentinel.client import alert_routes as calls
    from sentinel.notifications.notify_plan import Difference

    with client_here() as client:
        asked = calls.plan(files) if note is None else calls.apply_files(files, note=note)
        return [
            Difference(sign=one.sign, kind=one.kind, name=one.name, text=one.text)
            for one in client.do(asked).differences
        ]


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
