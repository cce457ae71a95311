"""Alerts that a sender left out of its message, as one alert that says how many. Pure.

Alertmanager sends at most `max_alerts` of a group and counts the others as `truncatedAlerts`
(https://prometheus.io/docs/alerting/latest/configuration/#webhook_config); Grafana does likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.checks.reading import Reading
from sentinel.ingest.given import Notes, labels_of, number_of, object_of, severity_word, text_of

__all__ = ["LEFT_OUT", "left_out"]

LEFT_OUT = "sentinel_left_out"
"""The label of such an alert; its other labels are those of the sender's group."""
_MOST = 10**9


def left_out(message: Mapping[str, Any]) -> tuple[int, Reading | None, Mapping[str, str] | None]:
    """Return what a message says of alerts that are not in it.

    Args:
        message: of Alertmanager or Grafana

    Returns:
        How many are missing; a reading that fires for them, in the same group where Sentinel groups
        by the same labels; and, where none are missing or the message is resolved, the labels of
        the reading that is then over. None where the message does not say of which group it is.
        Senders take the status from the alerts that are in the message, so those left out of a
        resolved one might still fire; they are then said by the sender's next message.
    """
    notes = Notes(0)
    missing = min(int(number_of(message.get("truncatedAlerts")) or 0), _MOST)
    if "groupLabels" not in message:
        return max(missing, 0), None, None
    group = labels_of(object_of(message["groupLabels"], "groupLabels", notes), notes)
    labels = {**group, LEFT_OUT: "yes"}
    over = text_of(message.get("status")).strip().lower() == "resolved"
    if missing <= 0 or over:
        return max(missing, 0), None, labels
    common = object_of(message.get("commonLabels"), "commonLabels", notes)
    name = group.get("alertname", "")
    reading = Reading(
        labels=labels,
        value=missing,
        firing=True,
        summary=f"{missing:,} more alerts that are not in the message"
        + (f": {name}" if name else ""),
        annotations={
            "description": "The sender left them out, because its max_alerts is lower than the "
            "number of alerts in the group."
        },
        severity=severity_word(common.get("severity")),
    )
    return missing, reading, None
