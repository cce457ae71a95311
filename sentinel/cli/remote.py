"""Commands against a server on another machine: `sentinel --url …`, or `SENTINEL_URL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor
from sentinel.errors import Conflict, NotFound, SentinelError

if TYPE_CHECKING:
    from sentinel.alerts.actions import ActionName
    from sentinel.alerts.view import AlertView
    from sentinel.client import AlertDetail, AlertPage, Client

__all__ = ["act_remotely", "alert_page", "client_here", "find_alert"]

_MOST = 500


def client_here() -> Client:
    """Return a client of the server that commands use."""
    from sentinel.client import Client

    return Client(remote_url(), user=actor())


def alert_page(after: str, *, history: bool, limit: int, **chosen: Any) -> AlertPage:
    """Return a page of alerts of the server."""
    with client_here() as client:
        return client.alerts(live=not history, limit=limit, cursor=after or None, **chosen)


def find_alert(client: Client, prefix: str) -> AlertDetail:
    """Return the alert whose id is, or begins with, a text.

    Args:
        client: of the server
        prefix: an id, or what it begins with

    Returns:
        The alert.

    Raises:
        NotFound: none of the newest alerts begins so
        Conflict: several do
    """
    if len(prefix) == 32:
        return client.alert(prefix)
    found: dict[str, AlertView] = {}
    for live in (True, False):
        page = client.alerts(live=live, limit=_MOST)
        found |= {one.id: one for one in page.items if one.id.startswith(prefix)}
    if not found:
        raise NotFound(
            f"none of the newest {_MOST} alerts has an id that begins with {prefix!r}",
            hint="Write the whole id; sentinel alert list --json prints it.",
        )
    if len(found) > 1:
        raise Conflict(f"{len(found)} alerts have ids that begin with {prefix!r}")
    return client.alert(next(iter(found)))


def act_remotely(
    alerts: list[str],
    name: ActionName,
    comment: str,
    *,
    assignee: str,
    minutes: float,
) -> tuple[list[dict[str, Any]], list[SentinelError]]:
    """Apply an action to each alert of the server; one refusal does not stop the others.

    Args:
        alerts: ids, or unique prefixes of them
        name: of the action
        comment: kept in the timeline
        assignee: for assign, the person
        minutes: for suppress, how long

    Returns:
        The outcome of each, and the errors of those that were refused.
    """
    outcomes: list[dict[str, Any]] = []
    errors: list[SentinelError] = []
    with client_here() as client:
        found = [find_alert(client, alert) for alert in alerts]
        for one in found:
            try:
                done = client.act(
                    one.id, name, note=comment,
                    minutes=minutes if name == "suppress" else None,
                    assignee=assignee if name == "assign" else None,
                )  # fmt: skip
            except (Conflict, NotFound) as error:
                errors.append(error)
                outcomes.append(
                    {"id": one.id, "ok": False, "status": one.status, "reason": "",
                     "reason_text": "", "error": error.message, "title": one.title}
                )  # fmt: skip
                continue
            outcomes.append(
                {"id": one.id, "ok": True, "status": done.alert.status, "reason": done.reason,
                 "reason_text": done.reason_text, "error": "", "title": one.title,
                 **({"offer": done.offer} if done.offer else {})}
            )  # fmt: skip
    return outcomes, errors
