"""`sentinel alert approve` and `reject`: remediations that wait for somebody to let them run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.alert_noise import commands
from sentinel.cli.alerts import Message
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.access import Permission

__all__ = ["commands"]

One = Annotated[
    str, typer.Argument(help="Id of the alert, or a unique prefix of it.", show_default=False)
]


@commands.command()
def approve(alert: One, message: Message = "", json: AsJson = False) -> None:
    """Let the remediation of an alert run, which waits for that; it starts within a minute.

    Example:
        sentinel alert approve 0192f3 -m "the disk is full indeed"
    """
    _decide(alert, message, approve=True, as_json=json)


@commands.command()
def reject(alert: One, message: Message = "", json: AsJson = False) -> None:
    """Reject the remediation of an alert, which then never runs.

    Example:
        sentinel alert reject 0192f3 -m "it is a test"
    """
    _decide(alert, message, approve=False, as_json=json)


def _decide(alert: str, comment: str, *, approve: bool, as_json: bool) -> None:
    done = _there(alert, comment, approve=approve)
    if as_json:
        json_out(done)
        return
    verb = "Approved" if approve else "Rejected"
    after = "; it starts within a minute" if approve else ""
    say(f"{verb} the run of {done['deployment']}{after}.")


def _everywhere(permission: Permission, tenant: str, team: str) -> bool:
    del permission, tenant, team
    return True


def _there(alert: str, comment: str, *, approve: bool) -> dict[str, Any]:
    if remote_url():
        from sentinel.cli.remote import client_here, find_alert
        from sentinel.client import remediations

        with client_here() as client:
            found = find_alert(client, alert).id
            ask = remediations.approve if approve else remediations.reject
            given = client.do(ask(found, comment=comment)).model_dump(mode="json")
        given.pop("flow_run", None)
        return given
    from sentinel.access import EVERYTHING
    from sentinel.store.rules.remediation import Decider

    # Whoever reaches the database may do everything; only the names that a rule gives count.
    who = Decider(name=actor(), person=actor(), scope=EVERYTHING, holds=_everywhere)
    with open_store() as store:
        found = store.alerts.find(alert).id
        row = store.remediations.decide(found, who, approve=approve, comment=comment)
    hidden = {"alert_id", "tenant", "rule", "parameters", "at_once", "per_hour", "updated_at"}
    return row.model_dump(mode="json", exclude=hidden)
