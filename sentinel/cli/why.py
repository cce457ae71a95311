"""What `sentinel alert why` prints: the decisions about an alert's notifications, as sentences."""

from __future__ import annotations

from sentinel.cli.output import say
from sentinel.cli.remote import client_here, find_alert
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.notifications.why import AlertWhy, shown

__all__ = ["print_why", "why_of"]


def why_of(alert: str) -> AlertWhy:
    """Return why receivers are notified of an alert, or not.

    Args:
        alert: its id, or a unique prefix

    Returns:
        The decisions of now and the outcomes so far.

    Raises:
        NotFound: no id begins so
        Conflict: several ids do
    """
    if remote_url():
        with client_here() as client:
            return client.why(find_alert(client, alert).id)
    from sentinel.store.escalations.why import alert_why

    with open_store() as store:
        return alert_why(store, store.alerts.find(alert).id)


def print_why(found: AlertWhy) -> None:
    """Print the decisions about each group of the alert, and the outcomes so far."""
    say(found.text)
    for sentence in found.orchestration:
        say(f"  {sentence}")
    for group in found.groups:
        say("")
        say(group.text)
        for one in group.channels:
            say(f"  {_target(one.receiver, one.channel)}{one.text}")
        if group.escalation is not None:
            say(f"  {group.escalation.text}")
            for page in group.escalation.pages:
                say(f"    {page.text}")
            for following in group.escalation.following:
                say(f"    next: {following}")
        if group.history:
            say("  So far:")
        for outcome in group.history:
            target = _target(outcome.receiver, outcome.channel)
            say(f"    {shown(outcome.at)}  {target}{outcome.text}")
    if found.on_call is not None:
        say("")
        say(f"On call: {found.on_call.text}")
    if found.announcements:
        say("")
        say("Announcements of silences:")
    for one in found.announcements:
        say(f"  {shown(one.at)}  {_target(one.receiver, one.channel)}{one.text}")


def _target(receiver: str, channel: str) -> str:
    return f"{receiver}, {channel}: " if channel else ""
