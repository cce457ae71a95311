"""Messages for tests of channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from sentinel.notifications.channel import Message, MessageAlert

__all__ = ["message", "resolved"]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def message(**changed: object) -> Message:
    """A firing message about two alerts, the worst first."""
    alerts = [
        MessageAlert(
            id=f"a{n}", rule="disk-space", title=f"/data{n} is {97 - n} percent full",
            description="It stops whatever writes to it.", severity="critical" if n == 0 else "low",
            category="system", status="open", value=97.0 - n,
            opened_at=NOW - timedelta(minutes=10), resolved_at=None,
            labels={"mount": f"/data{n}", "host": "db1"}, annotations={"runbook": "https://r.example"},
            flow_run_id=None, url=f"http://127.0.0.1:8501/?alert=a{n}",
        )
        for n in range(2)
    ]  # fmt: skip
    made = Message(
        id="m1", group_id="g1", dedup_key="sentinel-g1", at=NOW, status="firing",
        reason="first",
        reason_text="first notification",
        receiver="default", title="[critical] disk-space", severity="critical", firing=2,
        resolved=0, alerts=alerts, url="http://127.0.0.1:8501/?group=g1",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def resolved(**changed: object) -> Message:
    """The end of it, five minutes later."""
    over = NOW + timedelta(minutes=5)
    alerts = [
        msgspec.structs.replace(alert, status="resolved", resolved_at=over)
        for alert in message().alerts
    ]
    made = message(
        at=over, status="resolved", reason="resolved", reason_text="all alerts are resolved",
        title="[resolved] disk-space",
        firing=0, resolved=2, alerts=alerts,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)
