"""A test message, shaped like the notification of a real alert, through one channel."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from msgspec.structs import replace

from sentinel.notifications.channel import Channel, Message, MessageAlert
from sentinel.notifications.reasons import Reason, words
from sentinel.store import Store
from sentinel.store.notifications.channel_health import record_recovery

__all__ = ["sample_message", "send_test"]


def send_test(
    store: Store,
    channel: Channel,
    ref: str,
    *,
    said: str,
    dashboard: str,
    actor: str,
    end: bool = False,
) -> int:
    """Send a test message through a channel.

    Args:
        store: the database that has the health of channels
        channel: sends it
        ref: the channel's name: inbox, or a block as type/name
        said: who tests it and how, one sentence
        dashboard: address that its links lead to
        actor: who tests it
        end: send the resolve of the test alert too

    Returns:
        The number of messages that the channel accepted.

    Raises:
        DeliveryError: the channel did not accept a message
    """
    message = sample_message(store.now(), said, dashboard)
    receipt = channel.send(message)
    record_recovery(store, ref, actor=actor)
    if not end:
        return 1
    over = message.at + timedelta(seconds=1)
    alerts = [replace(one, status="resolved", resolved_at=over) for one in message.alerts]
    channel.send(
        replace(
            message, id=f"{message.id}-end", at=over, status="resolved", firing=0, resolved=1,
            reason=str(Reason.RESOLVED), reason_text=words(Reason.RESOLVED),
            title=message.title.replace("[low]", "[resolved]"),
            alerts=alerts, answers=receipt.reference,
        )
    )  # fmt: skip
    return 2


def sample_message(now: datetime, said: str, dashboard: str) -> Message:
    """Return a message about an alert that does not exist; its title says that it is a test.

    Args:
        now: the present moment
        said: who tests it and how
        dashboard: address that its links lead to

    Returns:
        The message.
    """
    key = f"test-{secrets.token_hex(8)}"
    alert = MessageAlert(
        id=key, rule="channel-test", title="Test message: nothing is wrong",
        description=said, severity="low", category="general", status="open", value=None,
        opened_at=now, resolved_at=None, labels={"channel": "test"}, annotations={},
        flow_run_id=None, url=f"{dashboard}/",
    )  # fmt: skip
    return Message(
        id=key, group_id=key, dedup_key=f"sentinel-{key}", at=now, status="firing",
        reason=str(Reason.FIRST), reason_text=words(Reason.FIRST), receiver="a test",
        title=f"[low] {alert.title}", severity="low", firing=1, resolved=0,
        alerts=[alert], url=f"{dashboard}/",
    )  # fmt: skip
