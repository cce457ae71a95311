"""Twilio, by its Calls resource: a call that reads what fires, and takes a key to acknowledge it.

Parameters: https://github.com/twilio/twilio-oai spec/json/twilio_api_v2010.json (d50069b): markup
that comes with a call has at most 4,000 characters. The key is answered by the public pages. How
long a text may be that is read is unverified; ours has at most 600 characters.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from blocks.http_channel import HttpRequest
from blocks.message_text import counts, is_resolved, one_line
from blocks.twilio import TwilioChannel
from sentinel.links import call_address
from sentinel.notifications.channel import Message, all_acknowledged
from sentinel.notifications.twiml import ask, say


class TwilioVoice(TwilioChannel):
    """Calls one phone while something fires that nobody has acknowledged."""

    _block_type_name = "Sentinel Twilio Voice"
    _block_type_slug = "sentinel-twilio-voice"
    _description = "Calls a phone about alerts that fire, through Twilio; a key acknowledges them."

    sender: str = Field(
        title="From",
        description="A number of the account, as +15005550006.",
        pattern=r"^\+[1-9][0-9]{6,14}$",
    )

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        if is_resolved(message) or all_acknowledged(message) or not message.firing:
            return  # nobody is called to hear that there is nothing to do
        said = ("Sentinel", counts(message), one_line(message.title), *message.notices)
        text = ". ".join(said) + "."
        link = message.acknowledge_url
        twiml = ask(text, call_address(link)) if link else say(text, text)
        yield self._posted("Calls", {"To": self.to_number, "From": self.sender, "Twiml": twiml})
