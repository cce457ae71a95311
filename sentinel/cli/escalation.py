"""`sentinel escalation …`: the policies, and whom a page would reach when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from sentinel.cli.oncall import moment_of_option
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import open_store
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from sentinel.oncall.escalation_policy import EscalationPolicy

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Escalation policies: whom a page reaches, and who is next."
)

Policy = Annotated[
    str | None, typer.Argument(help="Name of a policy.", show_default="all policies")
]


@commands.command()
def show(policy: Policy = None, json: AsJson = False) -> None:
    """List the steps of the escalation policies, with the time from the first page on.

    Example:
        sentinel escalation show
    """
    from sentinel.oncall.escalation import steps_of
    from sentinel.store.oncall.documents import OnCallDocuments

    with open_store() as store:
        found = OnCallDocuments(store).active().escalation_policies
    if policy is not None:
        found = {policy: _must(found, policy)}
    if json:
        json_out({"items": {name: one.model_dump(mode="json") for name, one in found.items()}})
        return
    print_table(
        ["POLICY", "LEVEL", "AFTER", "PAGES", "CONDITIONS"],
        [
            (
                name,
                one.level,
                format_duration(one.offset),
                ", ".join(str(target) for target in one.step.notify),
                "; ".join(
                    part
                    for part in (
                        f"at least {one.step.severity}" if one.step.severity else "",
                        "within its hours" if one.step.hours else "",
                    )
                    if part
                ),
            )
            for name, given in sorted(found.items())
            for one in steps_of(given)
        ],
        empty="There are no escalation policies: sentinel oncall apply FILE",
    )


@commands.command("test")
def try_policy(
    policy: Annotated[str, typer.Argument(help="Name of the policy.", show_default=False)],
    severity: Annotated[str, typer.Option(help="Severity of the alerts.")] = "critical",
    at: Annotated[
        str, typer.Option("--at", help="Time of the first page: 2026-12-24T18:00+01:00.")
    ] = "",
    zone: Annotated[str, typer.Option("--timezone", help="In whose time to print.")] = "UTC",
    json: AsJson = False,
) -> None:
    """Print whom a policy would page, when and why, if nobody acknowledged. It notifies nobody.

    Example:
        sentinel escalation test default --severity high --at 2026-12-24T18:00+01:00

    Raises:
        ConfigurationError: the severity, the time or the zone is none
    """
    from sentinel.oncall.escalation import planned
    from sentinel.severity import severity_of
    from sentinel.store.oncall.documents import OnCallDocuments
    from sentinel.store.oncall.stored import StoredOnCall

    try:
        degree, shown_in = severity_of(severity), ZoneInfo(zone)
    except (ValueError, KeyError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    with open_store() as store:
        document = OnCallDocuments(store).active()
        given = _must(document.escalation_policies, policy)
        first = moment_of_option(at) if at else store.now()
        known = StoredOnCall(store).overrides(first)
    found = list(planned(given, degree, first, document, lambda name: known.get(name, [])))
    if json:
        json_out({"policy": policy, "first_page": first, "steps": found})
        return
    for one in found:
        say(f"Level {one.level}  {one.due.astimezone(shown_in):%a %Y-%m-%d %H:%M:%S %Z}")
        if one.skipped:
            say(f"  pages nobody: {one.skipped}")
        for target in one.missing if one.pages else ():
            say(f"  nobody is on call for {target}")
        for page in one.pages:
            late = " (put off by quiet hours)" if page.put_off else ""
            who = f"{page.person} by {page.receiver}" if page.person else page.receiver
            when = f"{page.at.astimezone(shown_in):%a %H:%M:%S}"
            say(f"  {when}  {who}, for {page.why}{late}")


def _must(known: Mapping[str, EscalationPolicy], name: str) -> EscalationPolicy:
    if name not in known:
        raise NotFound(
            f"there is no escalation policy {name!r}",
            hint=f"Policies: {', '.join(sorted(known)) or 'none'}",
        )
    return known[name]
