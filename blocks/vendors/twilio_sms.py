"""Twilio, by its Messages resource: one short SMS for each notification but acknowledgements.

Parameters: https://github.com/twilio/twilio-oai spec/json/twilio_api_v2010.json (d50069b): a body
has at most 1,600 characters. It is paid by the part of 153, or 67 with a character outside GSM-7:
https://www.twilio.com/docs/glossary/what-sms-character-limit (read on 2026-11-29). Which characters
GSM-7 has is from GSM 03.38, and unverified at Twilio.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic import Field

from blocks.http_channel import HttpRequest
from blocks.message_text import clipped, counts, one_line, utf16_size
from blocks.twilio import TwilioChannel
from sentinel.notifications.channel import Message, all_acknowledged

_PARTS = 3
_TWICE = frozenset("^{}\\[~]|€\f")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà…"  # … is sent as three dots
)


class TwilioSms(TwilioChannel):
    """Sends an SMS to one phone."""

    _block_type_name = "Sentinel Twilio SMS"
    _block_type_slug = "sentinel-twilio-sms"
    _description = "Sends notifications of alerts to a phone as SMS, through Twilio."

    sender: str = Field(
        title="From",
        description="A number of the account, a sender name, or a messaging service (MG…).",
        min_length=1,
    )

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        if all_acknowledged(message):
            return  # whoever acknowledged has the phone in hand
        # A phone reaches the page of the first, and seldom the dashboard.
        link = f"Acknowledge: {url}" if (url := message.acknowledge_url) else message.url
        said = "\n".join([*filter(None, [counts(message)]), *message.notices])
        title, end = one_line(message.title), f"\n{said}\n{link}"
        most, size = _room(title + end)
        if size(end) > most * 2 // 3:
            end = f"\n{said}"  # a link that is cut leads nowhere
            most, size = _room(title + end)
        body = clipped(title, most - size(end), size) + end
        service = re.fullmatch("MG[0-9a-fA-F]{32}", self.sender)
        form = {
            "To": self.to_number,
            "MessagingServiceSid" if service else "From": self.sender,
            "Body": body.replace("…", "...") if size is _septets else body,
        }
        yield self._posted("Messages", form)


def _room(text: str) -> tuple[int, Callable[[str], int]]:
    """Return how much three parts hold of a text, and how its size is measured."""
    if _GSM.issuperset(set(text) - _TWICE):
        return _PARTS * 153, _septets
    return _PARTS * 67, utf16_size


def _septets(text: str) -> int:
    """Return the size of a text in GSM-7, where some characters have two."""
    return len(text) + sum(one in _TWICE for one in text) + 2 * text.count("…")
