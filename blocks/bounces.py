"""Bounces: what mail servers send back about a mail that they could not deliver. Pure.

Reports of delivery status are RFC 3464 inside a multipart/report (RFC 6522); status codes are those
of RFC 3463. Only reports that have the headers of one of our mails count, and only what is final:
`Action: failed` with a status of class 5.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import Message
from typing import cast

import msgspec

from blocks.message_text import clipped, one_line

__all__ = ["GROUP_HEADER", "Bounce", "bounces_of"]

GROUP_HEADER = "X-Sentinel-Group"
"""The header by which a mail of ours is known."""

_STATUS = re.compile(r"\s*(5\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@;]{1,64}@[^\s<>@;]{1,255}")
_MOST_SAID = 300
_MOST_RECIPIENTS = 100


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a mail cannot reach: its status code, and what the server said."""

    address: str
    status: str
    said: str = ""


def bounces_of(mail: bytes) -> list[Bounce]:
    """Return the addresses that one of our mails could not reach for good.

    Args:
        mail: as it arrived, perhaps cut at its end

    Returns:
        The addresses in small letters, at most 100; empty where this is no report of delivery
        status, where the report is about somebody else's mail, and where delivery may still come.
    """
    whole = message_from_bytes(mail, policy=policy.default)
    if whole.get_content_type() != "multipart/report":
        return []
    found: dict[str, Bounce] = {}
    ours = False
    for part in whole.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for recipient in _fields(part):
                bounce = _bounce(recipient)
                if bounce is not None and len(found) < _MOST_RECIPIENTS:
                    found.setdefault(bounce.address, bounce)
        elif kind == "text/rfc822-headers":
            ours = ours or f"\n{GROUP_HEADER.lower()}:" in f"\n{_text(part)}".lower()
        elif part is not whole and part[GROUP_HEADER] is not None:
            ours = True
    return list(found.values()) if ours else []


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
