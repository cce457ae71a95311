"""Translate what vendors of mail post about mails that came back for good. Pure.

Shapes, all read on 2026-11-30:
- Amazon SES: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, and
  https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
- SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
- Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
- Postmark: https://postmarkapp.com/developer/webhooks/bounce-webhook

A report names the group of the mail that it is about, by the mail's headers; whether Sentinel sent
that mail is for its reader to say. What is no final failure is no report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from sentinel.errors import ConfigurationError
from sentinel.labels.text import storable
from sentinel.notifications.bounces import Bounce, BounceReport

__all__ = ["MOST_REPORTS", "VENDORS", "mailgun", "postmark", "sendgrid", "ses"]

MOST_REPORTS = 1000
"""Of one request that are taken."""
_MOST_RECIPIENTS = 100
_MOST_SAID = 300
_GROUP = re.compile(r"[0-9A-Za-z-]{1,64}")
_MESSAGE_ID = re.compile(r"<?[0-9A-Za-z-]{1,64}\.([0-9A-Za-z-]{1,64})@[^<>@\s]{1,255}>?")
"""Of a mail of ours, as `blocks.mail` makes it: message and group."""
_ADDRESS = re.compile(r"[^\s<>@;]{1,64}@[^\s<>@;]{1,255}")
_FOR_GOOD_AT_POSTMARK = ("HardBounce", "BadEmailAddress")


def ses(body: object) -> list[BounceReport]:
    """Read a notification of Amazon SES, which SNS wraps into `Message`.

    Args:
        body: JSON; the mail's headers must be included in notifications

    Returns:
        At most one report.

    Raises:
        ConfigurationError: it is no object
    """
    told = _object(body)
    if "Message" in told:
        try:
            told = _object(json.loads(str(told["Message"])))
        except ValueError:  # SNS's own notices are no JSON
            return []
    bounce, mail = _inner(told, "bounce"), _inner(told, "mail")
    kind = told.get("notificationType", told.get("eventType"))
    if kind != "Bounce" or bounce.get("bounceType") != "Permanent":
        return []
    named = {str(one.get("name")).lower(): one.get("value") for one in _objects(mail, "headers")}
    common = _inner(mail, "commonHeaders").get("messageId")
    group = _plain(named.get("x-sentinel-group")) or _group_in(named.get("message-id") or common)
    found = [
        (one.get("emailAddress"), one.get("status"), one.get("diagnosticCode"))
        for one in _objects(bounce, "bouncedRecipients")
    ]
    return _report(group, found)


def sendgrid(body: object) -> list[BounceReport]:
    """Read events of SendGrid, of which `smtp-id` is the Message-ID of the mail.

    Args:
        body: JSON: a list of events

    Returns:
        A report for each mail that bounced, or was dropped as an earlier one had; of more than
        `MOST_REPORTS`, one more than that.

    Raises:
        ConfigurationError: it is no list of objects
    """
    if not isinstance(body, list):
        raise ConfigurationError("the body is no list of events")
    reports: list[BounceReport] = []
    for event in map(_object, cast("list[object]", body)):
        if len(reports) > MOST_REPORTS:
            break
        final = event.get("event") == "dropped" or (
            event.get("event") == "bounce" and event.get("type", "bounce") == "bounce"
        )
        if final:
            found = (event.get("email"), event.get("status"), event.get("reason"))
            reports += _report(_group_in(event.get("smtp-id")), [found])
    return reports


def mailgun(body: object) -> list[BounceReport]:
    """Read an event of Mailgun.

    Args:
        body: JSON with `event-data`

    Returns:
        At most one report.

    Raises:
        ConfigurationError: it is no object
    """
    event = _inner(_object(body), "event-data")
    if event.get("event") != "failed" or event.get("severity") != "permanent":
        return []
    headers = _inner(_inner(event, "message"), "headers")
    status = _inner(event, "delivery-status")
    said = status.get("message") or status.get("description")
    code = status.get("enhanced-code") or status.get("code")
    return _report(_group_in(headers.get("message-id")), [(event.get("recipient"), code, said)])


def postmark(body: object) -> list[BounceReport]:
    """Read a bounce of Postmark, which has the mail's metadata.

    Args:
        body: JSON

    Returns:
        At most one report.

    Raises:
        ConfigurationError: it is no object
    """
    told = _object(body)
    kind = told.get("Type")
    if told.get("RecordType", "Bounce") != "Bounce" or kind not in _FOR_GOOD_AT_POSTMARK:
        return []
    group = _plain(_inner(told, "Metadata").get("sentinel-group"))
    said = told.get("Details") or told.get("Description")
    return _report(group, [(told.get("Email"), kind, said)])


VENDORS: Mapping[str, Callable[[object], list[BounceReport]]] = {
    "ses": ses, "sendgrid": sendgrid, "mailgun": mailgun, "postmark": postmark,
}  # fmt: skip
"""What reads the requests of each vendor."""


def _report(group: str, found: Sequence[tuple[object, object, object]]) -> list[BounceReport]:
    bounces: dict[str, Bounce] = {}
    for address, status, said in found[:_MOST_RECIPIENTS]:
        known = storable(address).strip().lower() if isinstance(address, str) else ""
        if _ADDRESS.fullmatch(known):
            bounces.setdefault(
                known, Bounce(address=known, status=_words(status, 40), said=_words(said))
            )
    report = BounceReport(group_id=group, bounces=tuple(bounces.values()))
    return [report] if group and bounces else []


def _group_in(message_id: object) -> str:
    """Return the group that a Message-ID of ours names; empty for any other."""
    named = _MESSAGE_ID.fullmatch(message_id.strip()) if isinstance(message_id, str) else None
    return named[1] if named else ""


def _plain(group: object) -> str:
    text = group.strip() if isinstance(group, str) else ""
    return text if _GROUP.fullmatch(text) else ""


def _words(given: object, most: int = _MOST_SAID) -> str:
    text = " ".join(storable(str(given)).split()) if isinstance(given, str | int) else ""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _object(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigurationError("the body, or an event in it, is no JSON object")
    return cast("dict[str, Any]", given)


def _inner(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = given.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _objects(given: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = given.get(name)
    for one in cast("list[object]", found) if isinstance(found, list) else []:
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)
