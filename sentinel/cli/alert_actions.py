"""What `sentinel alert ack`, `resolve` and the like do: one action on each of some alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sentinel.cli.output import json_out, say
from sentinel.cli.remote import act_remotely
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.alerts.actions import ActionName

__all__ = ["act_on"]


def act_on(
    alerts: list[str],
    name: ActionName,
    comment: str,
    *,
    as_json: bool,
    assignee: str = "",
    span: timedelta = timedelta(0),
    done: str = "",
) -> None:
    """Apply an action to each alert and print the outcomes; one refusal does not stop the others.

    A resolve offers a suppression for alerts whose condition still holds.

    Args:
        alerts: ids, or unique prefixes of them
        name: of the action
        comment: kept in the timeline
        as_json: print JSON instead of sentences
        assignee: for assign, the person; empty unassigns
        span: for suppress, how long
        done: word for the outcome, where the new status does not show it

    Raises:
        NotFound: an alert was deleted meanwhile
        Conflict: an alert refused the action; the others have it
    """
    from sentinel.alerts.actions import action_named
    from sentinel.alerts.reasons import Reason, words
    from sentinel.engine.snooze import offer, still_firing
    from sentinel.errors import Conflict, NotFound

    if remote_url():
        _remotely(alerts, name, comment, as_json=as_json, assignee=assignee, span=span, done=done)
        return
    with open_store() as store:
        found = [store.alerts.find(alert) for alert in alerts]
        hold = set(still_firing(store, found)) if name == "resolve" else set[str]()
        offered = offer(store)
        action = action_named(
            name, actor=actor(), comment=comment, assignee=assignee, until=store.now() + span
        )
        results = store.act([alert.id for alert in found], action)
        # The status as shown: an open alert with suppressed notifications is "suppressed".
        shown = {alert.id: store.alerts.find(alert.id).status for alert in found}
    titles = {alert.id: alert.title for alert in found}
    if as_json:
        listed: list[dict[str, Any]] = [
            {
                "id": result.alert_id,
                "ok": result.ok,
                "status": shown.get(result.alert_id, result.status),
                "reason": result.reason,
                "reason_text": words(result.reason),
                "error": result.error,
                **({"offer": offered} if result.ok and result.alert_id in hold else {}),
            }
            for result in results
        ]
        json_out({"items": listed})
    refused = [result for result in results if not result.ok]
    if not as_json:
        for result in results:
            if result.ok:
                said = done or shown.get(result.alert_id, result.status)
                say(f"{result.alert_id[:13]} {said}: {titles[result.alert_id]}")
                if result.alert_id in hold:
                    say(f"  {offered} sentinel alert suppress {result.alert_id[:13]} --for 1h")
    if refused:
        first = refused[0]
        why = f"{titles.get(first.alert_id, first.alert_id)}: {first.error}"
        raise NotFound(why) if first.reason is Reason.NOT_FOUND else Conflict(why)


def _remotely(
    alerts: list[str],
    name: ActionName,
    comment: str,
    *,
    as_json: bool,
    assignee: str,
    span: timedelta,
    done: str,
) -> None:
    """Apply the action over HTTP, and print the outcomes as `act_on` does."""
    outcomes, errors = act_remotely(
        alerts, name, comment, assignee=assignee, minutes=span.total_seconds() / 60
    )
    if as_json:
        json_out({"items": [{k: v for k, v in one.items() if k != "title"} for one in outcomes]})
    else:
        for one in outcomes:
            if one["ok"]:
                say(f"{one['id'][:13]} {done or one['status']}: {one['title']}")
                if one.get("offer"):
                    say(f"  {one['offer']} sentinel alert suppress {one['id'][:13]} --for 1h")
    if errors:
        raise errors[0]
