"""`sentinel rule pending|approve|reject|withdraw`: changes that wait for a second person."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.person_rows import moment
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.rules.approval import ChangeStatus, in_words

if TYPE_CHECKING:
    from sentinel.rollout.made_rules import MadeRules
    from sentinel.store import Store
    from sentinel.store.approvals.pending_views import PendingView

__all__ = ["approve", "pending", "reject", "withdraw"]

Change = Annotated[
    str,
    typer.Argument(metavar="CHANGE", help="Its id, or a unique prefix.", show_default=False),
]
Message = Annotated[str, typer.Option("--message", "-m", help="The reason; kept with the change.")]


def pending(
    change: Annotated[
        str | None,
        typer.Argument(metavar="[CHANGE]", help="Show this one with its differences.",
                       show_default=False),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that were decided or have expired.")
    ] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """List changes to critical rules that wait for a second person, or show one.

    Examples:
        sentinel rule pending

        sentinel rule pending 019ad2f1
    """
    from sentinel.store.approvals.pending_changes import PendingChanges

    with open_store() as store:
        changes, now = PendingChanges(store), store.now()
        if change is not None:
            _show(changes.get(change), json=json)
            return
        found = changes.list(waiting=not every)
    if json:
        json_out({"items": [_as_json(one) for one in found]})
        return
    print_table(
        ["CHANGE", "RULE", "KIND", "ASKED BY", "SINCE", "STATUS", "DIFFERENCE"],
        [
            (
                one.id, one.rule, one.kind, one.asked_as, f"{ago(one.asked_at, now)} ago",
                one.status, "; ".join(map(str, one.differences)),
            )
            for one in found
        ],
        empty="No change waits for a second person.",
    )  # fmt: skip


def approve(change: Change, message: Message = "", json: AsJson = False) -> None:
    """Approve a change that somebody else asked for, and carry it out.

    You need an account with the role editor for the rule; SENTINEL_USER names it. If the rule
    changed after the change was asked for, the approval is refused.

    Example:
        sentinel rule approve 019ad2f1 -m "checked with the team"
    """
    from sentinel.rollout.approved_changes import ApprovedChanges

    with open_store() as store:
        changes = ApprovedChanges(store, lambda: _made_rules(store))
        found = changes.approve(change, actor=actor(), comment=message)
    if json:
        json_out(_as_json(found))
    elif found.status is ChangeStatus.APPROVED:
        done_by = "it is done by: sentinel deploy, or by the command that asked"
        say(f"Approved {in_words(found.kind, found.rule)}; {done_by}")
    else:
        say(f"Approved and done: {in_words(found.kind, found.rule)}.")


def reject(change: Change, message: Message = "", json: AsJson = False) -> None:
    """Reject a change that somebody else asked for; it is kept.

    Example:
        sentinel rule reject 019ad2f1 -m "we need it tonight"
    """
    from sentinel.store.approvals.pending_changes import PendingChanges

    with open_store() as store:
        found = PendingChanges(store).reject(change, actor=actor(), comment=message)
    _report(found, "Rejected", json=json)


def withdraw(change: Change, message: Message = "", json: AsJson = False) -> None:
    """Withdraw a change that you asked for; it is kept.

    Example:
        sentinel rule withdraw 019ad2f1
    """
    from sentinel.store.approvals.pending_changes import PendingChanges

    with open_store() as store:
        found = PendingChanges(store).withdraw(change, actor=actor(), comment=message)
    _report(found, "Withdrew", json=json)


@contextmanager
def _made_rules(store: Store) -> Generator[MadeRules]:
    from sentinel.cli.deploy import flow_cache_of
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.made_rules import MadeRules

    settings = settings_here()
    with RolloutApi.of(settings) as api:
        yield MadeRules(store, api, flow_cache_of(settings))


def _report(change: PendingView, done: str, *, json: bool) -> None:
    if json:
        json_out(_as_json(change))
    else:
        say(f"{done} {in_words(change.kind, change.rule)}.")


def _show(change: PendingView, *, json: bool) -> None:
    if json:
        json_out(_as_json(change))
        return
    say(f"{change.asked_as} asked for {in_words(change.kind, change.rule)}")
    fields(
        {
            "change": change.id,
            "tenant": change.tenant,
            "team": change.team,
            "status": change.status,
            "asked": moment(change.asked_at),
            "asked by": change.asked_by,
            "reason": change.reason,
            "expires": moment(change.expires_at),
            "decided": f"{moment(change.decided_at)} by {change.decided_by}"
            if change.decided_by
            else "",
            "comment": change.comment,
        }
    )
    for one in change.differences:
        say(f"  {one}")


def _as_json(change: PendingView) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.structs.asdict(change)
    for name in ("before", "after", "given"):
        del shown[name]
    return {**shown, "differences": change.differences}
