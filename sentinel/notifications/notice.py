"""Notices: messages to the people of a receiver that are about no group of alerts. Pure.

A notice opens nothing that somebody would have to close, so a channel that keeps incidents, such as
PagerDuty, gets none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from sentinel.notifications.channel import NOTICE, Message
from sentinel.notifications.reasons import Reason

__all__ = ["GIVE_UP", "NewNotice", "notice_message", "takes_files", "takes_notices"]

GIVE_UP = timedelta(hours=24)
"""A notice that no attempt could send for so long is given up."""
_INCIDENTS = frozenset((
    "sentinel-pagerduty", "sentinel-opsgenie", "sentinel-jira-service-management",
    "pager-duty-webhook", "opsgenie-webhook",
))  # fmt: skip


def takes_notices(ref: str) -> bool:
    """Return whether a channel takes notices: not one whose every message is an incident."""
    return ref.partition("/")[0] not in _INCIDENTS


def takes_files(ref: str) -> bool:
    """Return whether a channel sends the file and the HTML of a notice: a mail."""
    return ref.startswith("sentinel-email/")


class NewNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to one receiver.

    Attributes:
        kind: the reason code of its messages and deliveries
        about: id of the silence, or name of the team
        says: what tells it from every other notice about the same, such as a phase and its moment:
            the same is said once to each channel
        receiver: name of the receiver
        title: in one line
        text: in lines
        url: of the page that its title opens
        html: the text for a mail, in HTML that Sentinel made; empty for none
        attachment: name and content of a file for a mail; None for none
    """

    kind: Reason
    about: str
    says: str
    receiver: str
    title: str
    text: str
    url: str
    html: str = ""
    attachment: tuple[str, str] | None = None

    def once(self, channel: str) -> str:
        """Return what is the same for each attempt to say it to a channel: 32 hex digits."""
        parts = [str(self.kind), self.about, self.says, self.receiver, channel]
        return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def notice_message(new: NewNotice, id_: str, reason_text: str, now: datetime) -> Message:
    """Return the message of a notice.

    Args:
        new: what it says
        id_: of the notice, the same for each attempt
        reason_text: why it is sent, in words
        now: when it is written

    Returns:
        A message without alerts.
    """
    return Message(
        id=id_, group_id=id_, dedup_key=f"sentinel-notice-{id_}", at=now, status=NOTICE,
        reason=str(new.kind), reason_text=reason_text, receiver=new.receiver, title=new.title,
        severity="info", firing=0, resolved=0, alerts=[], url=new.url, text=new.text,
        html=new.html, attachment=new.attachment,
    )  # fmt: skip
