"""Signatures of vendors of mail, made here as they make them, and told from changed ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sentinel.access.vendor_signatures import (
    is_address_of_sns,
    is_certificate_of_sns,
    signed_by_mailgun,
    signed_by_sendgrid,
    signed_by_sns,
)
from tests.access.sns import Topic


@pytest.fixture(scope="module")
def topic() -> Topic:
    return Topic()


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_message_of_sns_is_taken_as_it_was_signed(topic: Topic, version: str):
    message = topic.notifies("text", version=version)
    assert signed_by_sns(message, topic.certificate)
    assert signed_by_sns(topic.notifies("text", Subject="s"), topic.certificate)
    assert signed_by_sns(topic.asks_to_confirm(), topic.certificate)
    changes: list[dict[str, Any]] = [
        {"Message": "other"}, {"TopicArn": "arn:other"}, {"SignatureVersion": "3"},
        {"SignatureVersion": None}, {"SignatureVersion": ["1"]}, {"Subject": "s"},
        {"Signature": "AAAA"}, {"Signature": "é"}, {"Type": "SubscriptionConfirmation"},
    ]  # fmt: skip
    for changed in changes:
        assert not signed_by_sns({**message, **changed}, topic.certificate), changed
    assert not signed_by_sns(message, Topic().certificate)
    assert not signed_by_sns(message, b"no certificate")


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/x.pem", True),
        ("http://sns.us-east-1.amazonaws.com/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com.evil.example/x.pem", False),
        ("https://evil.example/sns.us-east-1.amazonaws.com/", False),
        ("https://sns.us-east-1.amazonaws.com@evil.example/", False),
        ("https://bucket.s3.amazonaws.com/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com:8080/x.pem", False),
        (None, False),
    ],
)
def test_only_addresses_of_sns_itself_are_asked(url: object, own: bool):
    assert is_address_of_sns(url) is own


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("SimpleNotificationService-0123abcd.pem", True),
        ("SimpleNotificationService-01.pem?Action=GetEndpointAttributes", False),
        ("?Action=GetSubscriptionAttributes&a=/SimpleNotificationService-01.pem", False),
        ("a/SimpleNotificationService-01.pem", False),
        ("SimpleNotificationService-../01.pem", False),
        ("x.pem", False),
    ],
)
def test_a_certificate_is_a_file_of_sns_and_no_answer_to_a_query(path: str, own: bool):
    assert is_certificate_of_sns(f"https://sns.us-east-1.amazonaws.com/{path}") is own
    assert not is_certificate_of_sns(f"https://evil.example/{path}")


def test_a_request_of_sendgrid_is_taken_as_it_was_signed():
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    shown = base64.b64encode(der).decode()
    raw = key.sign(b'1600112502[{"event":"bounce"}]\r\n', ec.ECDSA(hashes.SHA256()))
    signature = base64.b64encode(raw).decode()
    body = b'[{"event":"bounce"}]\r\n'
    assert signed_by_sendgrid(shown, signature, "1600112502", body)
    assert not signed_by_sendgrid(shown, signature, "1600112503", body)
    assert not signed_by_sendgrid(shown, signature, "1600112502", body + b" ")
    assert not signed_by_sendgrid(shown, "", "1600112502", body)
    assert not signed_by_sendgrid("no key", signature, "1600112502", body)


def test_a_request_of_mailgun_is_taken_as_it_was_signed():
    mac = hmac.new(b"key", b"1529006854abc", hashlib.sha256).hexdigest()
    signed = {"timestamp": "1529006854", "token": "abc", "signature": mac}
    assert signed_by_mailgun("key", signed)
    assert signed_by_mailgun("key", {**signed, "signature": "", "parent-signature": mac})
    assert not signed_by_mailgun("other", signed)
    assert not signed_by_mailgun("key", {**signed, "token": "abd"})
    assert not signed_by_mailgun("key", {})
