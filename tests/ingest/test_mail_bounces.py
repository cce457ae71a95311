"""What vendors of mail post about bounces, read as the reports that a mailbox would hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.errors import ConfigurationError
from sentinel.ingest.mail_bounces import VENDORS, mailgun, postmark, sendgrid, ses
from sentinel.notifications.bounces import Bounce, BounceReport

OURS = "m1.g1@example.org"
"""The Message-ID of a mail about the group `g1`."""


def reported(status: str, said: str, address: str = "ops@example.org") -> list[BounceReport]:
    bounce = Bounce(address=address, status=status, said=said)
    return [BounceReport(group_id="g1", bounces=(bounce,))]


def of_ses(**changed: Any) -> dict[str, Any]:
    """As in the examples of AWS, wrapped by SNS."""
    recipient = {"emailAddress": "Ops@Example.org", "action": "failed", "status": "5.1.1",
                 "diagnosticCode": "smtp; 550 5.1.1 user unknown"}  # fmt: skip
    told = {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                   "bouncedRecipients": [recipient]},
        "mail": {"messageId": "00000138", "headersTruncated": False,
                 "headers": [{"name": "X-Sentinel-Group", "value": "g1"}]},
        **changed,
    }  # fmt: skip
    return {"Type": "Notification", "Message": json.dumps(told)}


def of_sendgrid(**changed: Any) -> list[dict[str, Any]]:
    event = {
        "email": "ops@example.org", "timestamp": 1513299569, "smtp-id": f"<{OURS}>",
        "event": "bounce", "type": "bounce", "status": "5.0.0", "reason": "550 unknown",
    }  # fmt: skip
    return [{**event, **changed}]


def of_mailgun(**changed: Any) -> dict[str, Any]:
    event = {
        "event": "failed", "severity": "permanent", "recipient": "ops@example.org",
        "message": {"headers": {"message-id": OURS}},
        "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no\n user"},
    }  # fmt: skip
    return {"signature": {}, "event-data": {**event, **changed}}


def of_postmark(**changed: Any) -> dict[str, Any]:
    told = {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "Email": "ops@example.org",
            "Details": "smtp;550", "Metadata": {"sentinel-group": "g1"}}  # fmt: skip
    return {**told, **changed}


def test_each_vendor_s_bounce_names_group_address_and_reason():
    assert ses(of_ses()) == reported("5.1.1", "smtp; 550 5.1.1 user unknown")
    assert ses(json.loads(of_ses()["Message"])) == ses(of_ses()), "raw delivery wraps nothing"
    by_id = of_ses(mail={"commonHeaders": {"messageId": f"<{OURS}>"}})
    assert ses(by_id) == ses(of_ses())
    published = json.loads(of_ses()["Message"])
    published["eventType"] = published.pop("notificationType")
    assert ses(published) == ses(of_ses())
    assert sendgrid(of_sendgrid()) == reported("5.0.0", "550 unknown")
    dropped = of_sendgrid(event="dropped", reason="Bounced Address", status="")
    assert sendgrid(dropped) == reported("", "Bounced Address")
    assert mailgun(of_mailgun()) == reported("5.1.1", "no user")
    assert postmark(of_postmark()) == reported("HardBounce", "smtp;550")


def test_what_may_still_arrive_and_what_is_not_ours_is_no_report():
    assert ses(of_ses(bounce={"bounceType": "Transient"})) == []
    assert ses(of_ses(notificationType="Complaint")) == []
    assert ses(of_ses(mail={"headers": [], "commonHeaders": {"messageId": "<x@y.example>"}})) == []
    assert ses({"Type": "Notification", "Message": "Successfully validated"}) == []
    assert sendgrid(of_sendgrid(type="blocked") + of_sendgrid(event="deferred")) == []
    assert sendgrid(of_sendgrid(**{"smtp-id": "<x@ismtpd-555>"})) == []
    assert mailgun(of_mailgun(severity="temporary")) == []
    assert mailgun(of_mailgun(message={})) == []
    assert postmark(of_postmark(Type="SoftBounce")) == []
    assert postmark(of_postmark(Metadata={"sentinel-group": "a group"})) == []
    assert postmark(of_postmark(Email="nobody")) == []


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_odd_bodies_are_refused_or_are_no_report(vendor: str):
    for body in (None, 3, "x", [3]):
        with pytest.raises(ConfigurationError, match="the body"):
            VENDORS[vendor](body)
    for name in ("bounce", "mail", "Metadata", "message", "delivery-status", "headers"):
        whole = {**json.loads(of_ses()["Message"]), **of_mailgun(), **of_postmark(), name: 3}
        whole["event-data"] = {**of_mailgun()["event-data"], name: 3}
        found = VENDORS[vendor]([whole] if vendor == "sendgrid" else whole)
        assert len(found) <= 1


def test_texts_that_no_database_holds_are_made_ones_that_it_holds():
    odd = {"emailAddress": "a\0\ud800b@example.org", "status": "5\0", "diagnosticCode": "x\ud800"}
    whole = of_ses(bounce={"bounceType": "Permanent", "bouncedRecipients": [odd]})
    (report,) = ses(whole)
    (bounce,) = report.bounces
    for text in (bounce.address, bounce.status, bounce.said):
        assert "\0" not in text
        assert text.encode()


def test_texts_and_lists_of_others_are_cut():
    many = [{"emailAddress": f"p{n}@example.org", "diagnosticCode": "x" * 900} for n in range(150)]
    (report,) = ses(of_ses(bounce={"bounceType": "Permanent", "bouncedRecipients": many}))
    assert len(report.bounces) == 100
    assert {len(one.said) for one in report.bounces} == {300}
