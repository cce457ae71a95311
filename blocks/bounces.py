"""Bounces: what mail servers send back about a mail that they could not deliver. Pure.

Reports of delivery status are RFC 3464 inside a multipart/report (RFC 6522); status codes are
those of RFC 3463. Only what is final counts: `Action: failed` with a status of class 5. A report
names the group of the mail that it is about; whether Sentinel sent that mail is for its reader to
say.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import Message
from typing import cast

from blocks.message_text import clipped, one_line
from sentinel.notifications.bounces import Bounce, BounceReport

__all__ = ["GROUP_HEADER", "report_of"]

GROUP_HEADER = "X-Sentinel-Group"
"""The header by which a mail of ours is known."""

_GROUP = re.compile(rf"^{GROUP_HEADER}:[ \t]*([0-9A-Za-z-]{{1,64}})[ \t]*\r?$", re.M | re.I)
_STATUS = re.compile(r"\s*(5\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@;]{1,64}@[^\s<>@;]{1,255}")
_MOST_SAID = 300
_MOST_RECIPIENTS = 100


def report_of(mail: bytes) -> BounceReport | None:
    """Return what a report says about a mail that has the headers of Sentinel.

    Args:
        mail: as it arrived, perhaps cut at its end

    Returns:
        The group of the mail, and the addresses in small letters, at most 100; None where this is
        no report of delivery status, where the report is about somebody else's mail, and where
        delivery may still come.
    """
    whole = message_from_bytes(mail, policy=policy.default)
    if whole.get_content_type() != "multipart/report":
        return None
    found: dict[str, Bounce] = {}
    group = ""
    for part in whole.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for recipient in _fields(part):
                bounce = _bounce(recipient)
                if bounce is not None and len(found) < _MOST_RECIPIENTS:
                    found.setdefault(bounce.address, bounce)
        elif kind == "text/rfc822-headers":
            group = group or _group(_text(part))
        elif part is not whole:
            group = group or _group(f"{GROUP_HEADER}: {part.get(GROUP_HEADER, '')}")
    return BounceReport(group_id=group, bounces=tuple(found.values())) if group and found else None


def _group(headers: str) -> str:
    """Return the group that headers name; empty for none, or for what cannot be the id of one."""
    named = _GROUP.search(headers)
    return named[1] if named else ""


def _fields(report: Message) -> list[Message]:
    """Return the groups of fields of a report, one for each recipient and one for the mail."""
    payload = report.get_payload()
    groups = cast("list[object]", payload) if isinstance(payload, list) else []
    return [one for one in groups if isinstance(one, Message)]


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _bounce(recipient: Message) -> Bounce | None:
    status = _STATUS.match(str(recipient.get("Status", "")))
    if str(recipient.get("Action", "")).strip().lower() != "failed" or status is None:
        return None
    # The original one is what the channel has; the final one may be behind a forward.
    for name in ("Original-Recipient", "Final-Recipient"):
        address = _ADDRESS.fullmatch(str(recipient.get(name, "")).partition(";")[2].strip())
        if address is not None:
            said = one_line(str(recipient.get("Diagnostic-Code", "")).partition(";")[2])
            return Bounce(
                address=address.group().lower(), status=status[1], said=clipped(said, _MOST_SAID)
            )
    return None
