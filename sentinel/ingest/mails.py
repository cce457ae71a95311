"""Mails as readings: address and subject say which alert it is, the body what is wrong. Pure.

What comes again under one subject is one alert. It ends by a subject that begins with a word such
as RESOLVED, or by a reply whose first line is one.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import cast

from sentinel.checks.reading import Reading
from sentinel.errors import SampleError
from sentinel.ingest.given import Notes, cut_text, labels_of
from sentinel.ingest.mail_document import Address, MailDocument

__all__ = ["mail_reading"]

_MOST_TITLE, _MOST_TEXT, _MOST_NAME = 2000, 10_000, 500
_MOST_HEADER, _MOST_HTML = 20_000, 500_000
"""Characters that are read of a header, and of HTML; no sender writes more by intent."""
_PREFIX = re.compile(r"\s*(re|aw|sv|fw|fwd|wg)\s*(\[\d+\])?\s*:", re.IGNORECASE)
_FIRST = re.compile(
    r"\s*[\[(*]{0,3}\s*(?:updated\s+)?([^\W\d_]+)(?:\s+in\s[\dyMdhms .]{1,40}(?=:))?"
    r"\s*[\])*]{0,3}\s*([:\-\u2013|]|(?<=[\])*])|$)\s*", re.IGNORECASE
)  # fmt: skip
"""Also `Resolved in 5m 3s:` and `Updated problem in 1h:`, as Zabbix writes."""
_STARS = re.compile(r"\*\*\s*([^\W\d_]+)\s+((?:host|service) alert:.*\S)\s*\*\*", re.IGNORECASE)
"""As Nagios writes: `** PROBLEM Service Alert: web-1/disk is CRITICAL **`."""
_STATE = re.compile(r"\s+is\s+([^\W\d_]+)\s*!?$", re.IGNORECASE)
_STATES = frozenset({"ok", "warning", "critical", "unknown", "up", "down", "unreachable"})
_FIRST_WORD = re.compile(r"[\s>*\[(]*([^\W\d_]+)")


def mail_reading(content: bytes, document: MailDocument, to: str, address: Address) -> Reading:
    """Return what a mail says of its alert.

    Args:
        content: of the mail, with its headers
        document: what words of a subject mean
        to: the address that it was sent to
        address: what that means

    Returns:
        The reading, firing or resolved.

    Raises:
        SampleError: it has no subject, so that nothing says which alert it is, or it has parts
            within parts, more than can be read
    """
    try:
        return _read(content, document, to, address)
    except RecursionError:
        raise SampleError("its parts are nested too deeply to be read", field="body") from None


def _read(content: bytes, document: MailDocument, to: str, address: Address) -> Reading:
    mail = message_from_bytes(content, policy=policy.default)
    notes = Notes(0)
    subject, is_reply = _without_prefixes(_line(mail, "subject"))
    meaning, subject, identity = _meaning(subject, document)
    if not subject:
        raise SampleError("a mail needs a subject, which says which alert it is", field="subject")
    text = _text(mail)
    if is_reply and meaning != "resolved" and _ends(text, document):
        meaning = "resolved"
    labels = labels_of(
        {**address.labels, "address": to.lower(), "subject": identity.lower()}, notes
    )
    title = cut_text(subject, _MOST_TITLE, "subject", notes)
    return Reading(
        labels=labels,
        firing=meaning != "resolved",
        severity=meaning if meaning not in ("", "resolved") else address.severity,
        summary=title,
        annotations={"description": cut_text(text, _MOST_TEXT, "body", notes)} if text else {},
        details={
            "from": cut_text(_line(mail, "from"), _MOST_NAME, "from", notes),
            "message_id": cut_text(_line(mail, "message-id"), _MOST_NAME, "message_id", notes),
        },
        team=address.team,
    )


def _line(mail: EmailMessage, name: str) -> str:
    """Return a header in one line; empty where there is none, or none that can be read."""
    raw = next((str(text) for one, text in mail.raw_items() if one.lower() == name), "")
    if len(raw) > _MOST_HEADER:  # reading a long one takes minutes
        found = raw[:_MOST_HEADER]
    else:
        try:
            found = str(mail.get(name, ""))
        except (ValueError, LookupError, AttributeError, TypeError):
            # The parser of the standard library raises all of these for some headers of real mails.
            found = raw
    return " ".join("".join(one if one.isprintable() else " " for one in found).split())


def _without_prefixes(subject: str) -> tuple[str, bool]:
    """Return a subject without Re: and the like, and whether it had any."""
    is_reply = False
    while found := _PREFIX.match(subject):
        subject, is_reply = subject[found.end() :].strip(), True
    return subject, is_reply


def _meaning(subject: str, document: MailDocument) -> tuple[str, str, str]:
    """Return what a subject says, the rest of it, and what of that identifies the alert."""
    stars = _STARS.fullmatch(subject)
    first = stars or _FIRST.match(subject)
    rest = "" if first is None else stars[2] if stars else subject[first.end() :].strip()
    word = first[1].lower() if first else ""
    if word not in document.words or not rest:
        return "", subject, subject
    meaning, state = document.words[word], _STATE.search(rest)
    if state is None or state[1].lower() not in _STATES | document.words.keys():
        return meaning, rest, rest
    if meaning != "resolved":
        meaning = document.words.get(state[1].lower(), meaning) or meaning
    return meaning, rest, rest[: state.start()]


def _ends(text: str, document: MailDocument) -> bool:
    found = _FIRST_WORD.match(text)
    return found is not None and document.words.get(found[1].lower()) == "resolved"


def _text(mail: EmailMessage) -> str:
    """Return the text of a mail; of one in HTML alone, without its tags."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        text = str(cast("EmailMessage", part).get_content())
    except (LookupError, ValueError):  # a charset that nobody knows, or that is no name of one
        raw = cast("bytes", part.get_payload(decode=True) or b"")
        text = raw.decode("utf-8", "replace")
    if part.get_content_subtype() == "html":
        reader = _Words()
        reader.feed(text[:_MOST_HTML])
        text = " ".join("".join(reader.parts).split())
    return text.replace("\0", " ").strip()


class _Words(HTMLParser):
    """Collects the text of HTML, without that of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._within = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note where text begins that is not shown."""
        self._within += tag in ("script", "style")
        self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """Note where it ends."""
        self._within -= tag in ("script", "style") and self._within > 0

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if not self._within:
            self.parts.append(data)
