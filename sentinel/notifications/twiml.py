"""What Twilio is told to say during a call, in its markup (TwiML). Pure.

Verbs: https://www.twilio.com/docs/voice/twiml/gather and https://www.twilio.com/docs/voice/twiml/say
(read on 2026-11-30). A document that comes with a call has at most 4,000 characters.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

__all__ = ["ACKNOWLEDGE", "ask", "say"]

ACKNOWLEDGE = "4"
"""The key that acknowledges: one that nobody presses by holding the phone."""
MOST_SAID = 600
"""Characters of a text that is read, after it was escaped: some 40 seconds."""
_WAIT_SECONDS = 10
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def ask(text: str, action: str) -> str:
    """Return a document that reads a text twice, and waits for a key each time.

    Args:
        text: what to read
        action: the address that is told which key was pressed

    Returns:
        The document; without a key, it says so and hangs up.
    """
    asked = f"Press {ACKNOWLEDGE} to acknowledge."
    gather = (
        f'<Gather input="dtmf" numDigits="1" timeout="{_WAIT_SECONDS}" method="POST" '
        f"action={quoteattr(action)}>{_said(text)}{_said(asked)}</Gather>"
    )
    return _document(f"{gather}{gather}{_said('No key was pressed. Goodbye.')}")


def say(*texts: str) -> str:
    """Return a document that reads texts and hangs up."""
    return _document("".join(map(_said, texts)))


def _said(text: str) -> str:
    clean = " ".join(_NOT_XML.sub(" ", text).split())
    while len(escape(clean)) > MOST_SAID:
        clean = clean[: min(len(clean) - 1, MOST_SAID)]
    return f"<Say>{escape(clean)}</Say>"


def _document(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'
