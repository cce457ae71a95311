"""`sentinel import opsgenie` and its like: on-call of other systems, planned and applied."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.imports import commands
from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.ingest.oncall_import.answers import VendorApi
    from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
    from sentinel.ingest.oncall_import.planning import PlannedImport

__all__ = ["commands"]

Source = Annotated[
    str,
    typer.Argument(
        metavar="DIR|URL", help="Folder of its export, or address of its API.", show_default=False
    ),
]
Apply = Annotated[bool, typer.Option("--apply", help="Make what the plan says.")]
Replace = Annotated[
    list[str],
    typer.Option(
        "--replace", metavar="KIND:NAME", show_default=False,
        help="Take the vendor's where both have that name: schedule:primary, or all. Repeatable.",
    ),
]  # fmt: skip
Days = Annotated[
    int, typer.Option(min=1, max=90, help="Days ahead in which who is on call is compared.")
]
Seed = Annotated[int, typer.Option(help="Of the random instants that are compared.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File to write the new on-call document to, which there is not yet.",
        show_default="not written",
    ),
]  # fmt: skip
Routes = Annotated[
    Path | None,
    typer.Option(
        "--routes", help="File to write the routes to, which there is not yet.",
        show_default="not written",
    ),
]  # fmt: skip
Message = Annotated[str, typer.Option("--message", "-m", help="The reason; kept with the version.")]
_SHOWN = 20
"""Instants of one schedule that are printed; --json has all."""
_WORKED_OUT = "the rules of {} as they are read here, without its own final schedule,"
_EVERY = 2.0
"""Seconds between two lines of progress."""


@commands.command()
def opsgenie(
    source: Source, apply: Apply = False, replace: Replace = [],  # noqa: B006 - typer reads it
    days: Days = 56, seed: Seed = 0, output: Output = None, routes: Routes = None,
    message: Message = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Move on-call from Opsgenie: people, teams, schedules, overrides, escalation policies.

    Prints what would change, what cannot be carried over, what will be otherwise, and who is on
    call at a hundred random instants before and after. Reads the folder of Opsgenie's backup tool,
    or its API: https://api.opsgenie.com (https://api.eu.opsgenie.com in Europe), with the key in
    OPSGENIE_API_KEY, or in the file that OPSGENIE_API_KEY_FILE names.

    Exits with 0 where nothing would change or all was applied, and with 7 where something would.

    Example:
        sentinel import opsgenie OpsGenieBackups

    Raises:
        Exit: with 7 where something would change
    """
    from sentinel.ingest.oncall_import import opsgenie_answers
    from sentinel.ingest.oncall_import.opsgenie import read_opsgenie

    tell, now = _Progress(), _now()
    if _is_url(source):
        with _api(source, "OPSGENIE_API_KEY", lambda key: {
            "Authorization": f"GenieKey {key}"
        }) as api:  # fmt: skip
            answers = opsgenie_answers.from_api(api, now, days, tell)
    else:
        answers = opsgenie_answers.from_folder(_folder(source))
    _finish(lambda known: read_opsgenie(answers, known, now, days), apply=apply, replace=replace,
            seed=seed, output=output, routes=routes, message=message, json=json)  # fmt: skip


@commands.command()
def pagerduty(
    source: Source, apply: Apply = False, replace: Replace = [],  # noqa: B006 - typer reads it
    days: Days = 56, seed: Seed = 0, output: Output = None, routes: Routes = None,
    message: Message = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Move on-call from PagerDuty: people, teams, schedules, overrides, escalation policies.

    Prints what would change, what cannot be carried over, what will be otherwise, and who is on
    call at a hundred random instants before and after. Reads its REST API,
    https://api.pagerduty.com (https://api.eu.pagerduty.com in Europe), with the key in
    PAGERDUTY_API_KEY, or in the file that PAGERDUTY_API_KEY_FILE names; or a folder of its answers.

    Exits with 0 where nothing would change or all was applied, and with 7 where something would.

    Example:
        sentinel import pagerduty https://api.pagerduty.com --apply

    Raises:
        Exit: with 7 where something would change
    """
    from sentinel.ingest.oncall_import import pagerduty_answers
    from sentinel.ingest.oncall_import.pagerduty import read_pagerduty

    tell, now = _Progress(), _now()
    if _is_url(source):
        with _api(source, "PAGERDUTY_API_KEY", lambda key: {
            "Authorization": f"Token token={key}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }) as api:  # fmt: skip
            answers = pagerduty_answers.from_api(api, now, days, tell)
    else:
        answers = pagerduty_answers.from_folder(_folder(source))
    _finish(lambda known: read_pagerduty(answers, known, now), apply=apply, replace=replace,
            seed=seed, output=output, routes=routes, message=message, json=json)  # fmt: skip


@commands.command()
def oncall(
    source: Source, apply: Apply = False, replace: Replace = [],  # noqa: B006 - typer reads it
    days: Days = 56, seed: Seed = 0, output: Output = None, message: Message = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Move from Grafana OnCall: people, teams, schedules, overrides, escalation chains.

    Prints what would change, what cannot be carried over, what will be otherwise, and who is on
    call at a hundred random instants before and after. Reads its API, whose address stands on its
    page *Settings*, with the token in ONCALL_API_TOKEN, or in the file that ONCALL_API_TOKEN_FILE
    names (a token of a service account needs ONCALL_GRAFANA_URL, too); or a folder of its answers.

    Exits with 0 where nothing would change or all was applied, and with 7 where something would.

    Example:
        sentinel import oncall https://oncall.example.org --apply

    Raises:
        Exit: with 7 where something would change
    """
    from sentinel.ingest.oncall_import import grafana_answers
    from sentinel.ingest.oncall_import.grafana_oncall import read_grafana

    tell, now = _Progress(), _now()
    if _is_url(source):
        stack = os.environ.get("ONCALL_GRAFANA_URL", "")
        more = {"X-Grafana-URL": stack} if stack else {}
        with _api(source, "ONCALL_API_TOKEN", lambda key: {"Authorization": key, **more}) as api:
            answers = grafana_answers.from_api(api, now, days, tell)
    else:
        answers = grafana_answers.from_folder(_folder(source))
    _finish(lambda known: read_grafana(answers, known, now), apply=apply, replace=replace,
            seed=seed, output=output, routes=None, message=message, json=json)  # fmt: skip


class _Progress:
    """Prints lines to standard error, at most one each two seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, line: str) -> None:
        if time.monotonic() >= self._next:
            complain(line)
            self._next = time.monotonic() + _EVERY


def _now() -> Any:
    from sentinel.clock import SystemClock

    return SystemClock().now()


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _folder(source: str) -> Path:
    folder = Path(source)
    if not folder.is_dir():
        raise ConfigurationError(
            f"{source} is no folder", hint="Give the folder of an export, or an address: https://…"
        )
    return folder


def _api(
    url: str, variable: str, headers: Callable[[str], dict[str, str]]
) -> VendorApi:  # fmt: skip
    from sentinel.ingest.oncall_import.answers import VendorApi
    from sentinel.settings.secure import given_secret

    token = given_secret(variable)
    if not token:
        raise ConfigurationError(
            f"{variable} is not set", hint=f"Set it, or name a file in {variable}_FILE."
        )
    host = urlsplit(url).hostname or ""
    if url.startswith("http://") and host not in ("localhost", "127.0.0.1", "::1"):
        complain(f"{url} has no TLS: whoever is between can read the token")
    return VendorApi(url, headers(token), say=complain)


def _finish(
    read: Callable[[Known], ImportedOnCall], *, apply: bool, replace: list[str], seed: int,
    output: Path | None, routes: Path | None, message: str, json: bool,
) -> None:  # fmt: skip
    """Plan, apply, write the files, and print.

    Raises:
        ConfigurationError: a file cannot be made, which is found out before anything is applied
        Exit: with 7 where something would change
    """
    from sentinel.ingest.oncall_import.planning import apply_planned, plan_import

    with open_store() as store:
        plan = plan_import(store, read, replace=replace, seed=seed)
        with ExitStack() as opened:
            document = opened.enter_context(_made(output))
            of_routes = opened.enter_context(_made(routes))
            number = apply_planned(store, plan, actor=actor(), note=message) if apply else None
            document.write(plan.merge.text)
            of_routes.write(_routes_of(plan))
    if json:
        json_out(_as_json(plan, number))
    else:
        _print(plan, number)
    if plan.differences and not apply:
        raise typer.Exit(Exit.DIFFERS)


@contextmanager
def _made(output: Path | None) -> Generator[IO[str]]:
    """Make a file, which is deleted again where the block fails; None for one that is not kept."""
    if output is None:
        yield StringIO()
        return
    try:
        made = output.open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigurationError(
            f"{output} exists already", hint="Choose another name, or delete it."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{error}") from None
    try:
        with made:
            yield made
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _routes_of(plan: PlannedImport) -> str:
    import yaml

    head = f"# Routes of {plan.vendor}, as they go below `route:` of the document of routes.\n"
    given = {"routes": [dict(one) for one in plan.routes]}
    return head + yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=100)


def _print(plan: PlannedImport, number: int | None) -> None:
    from sentinel.oncall.document_plan import counted

    for one in (*plan.differences, *plan.notes):
        say(str(one))
    say(counted(plan.differences, applied=number is not None))
    if number is not None and plan.merge.differences:
        say(f"Version {number} of the on-call document is active.")
    if number is not None and plan.merged_routes.differences:
        say("The routes have a new version: sentinel route history")
    for one in plan.comparisons:
        same = len(one.instants) - len(one.differing)
        say(
            f"{one.schedule}: the same people on call as by "
            f"{plan.vendor if one.published else _WORKED_OUT.format(plan.vendor)} at {same} of "
            f"{len(one.instants)} random instants from {one.start:%Y-%m-%d} to {one.end:%Y-%m-%d}."
        )
        for at in one.differing[:_SHOWN]:
            say(f"  {at.at:%Y-%m-%d %H:%M} UTC: before {_people(at.before)}, after "
                f"{_people(at.after)}")  # fmt: skip
        if len(one.differing) > _SHOWN:
            say(f"  and {len(one.differing) - _SHOWN} more: --json has all")


def _people(names: Any) -> str:
    return ", ".join(names) or "nobody"


def _as_json(plan: PlannedImport, number: int | None) -> dict[str, Any]:
    return {
        "vendor": plan.vendor, "applied": number is not None, "version": number,
        "differences": plan.differences, "notes": plan.notes, "document": plan.merge.text,
        "routes": plan.routes,
        "comparisons": [
            {
                "schedule": one.schedule, "start": one.start, "end": one.end,
                "published": one.published,
                "same": len(one.instants) - len(one.differing), "instants": one.instants,
            }
            for one in plan.comparisons
        ],
    }  # fmt: skip
