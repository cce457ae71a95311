"""Signatures of requests by vendors of mail: Amazon SNS, SendGrid and Mailgun. Pure.

- SNS: SHA1 or SHA256 with RSA over named fields, by a certificate from an address of AWS
  (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html).
- SendGrid: ECDSA over timestamp and body, by the public key that it shows
  (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
- Mailgun: HMAC-SHA256 over timestamp and token
  (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks).

All read on 2026-11-30. Postmark signs nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

__all__ = [
    "is_address_of_sns", "is_certificate_of_sns", "signed_by_mailgun", "signed_by_sendgrid",
    "signed_by_sns",
]  # fmt: skip

_SNS = re.compile(r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?/[!-~]{0,2000}")
_CERTIFICATE = re.compile(
    r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?/SimpleNotificationService-\w{1,100}\.pem",
    re.ASCII,
)
_NOTICE = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's version 1 is SHA1


def is_certificate_of_sns(url: object) -> bool:
    """Return whether an address is one of a certificate of Amazon SNS, over https."""
    # Of a file alone: the answer to a query of SNS may hold one that somebody else put there.
    return isinstance(url, str) and _CERTIFICATE.fullmatch(url) is not None


def is_address_of_sns(url: object) -> bool:
    """Return whether an address is one of Amazon SNS itself, over https."""
    return isinstance(url, str) and _SNS.fullmatch(url) is not None


def signed_by_sns(message: Mapping[str, object], certificate: bytes) -> bool:
    """Return whether Amazon SNS signed a message.

    Args:
        message: the JSON of its request
        certificate: in PEM, from its `SigningCertURL`, which must be an address of SNS

    Returns:
        True for a signature of all fields that SNS signs, by the key of the certificate.
    """
    names = _NOTICE if message.get("Type") == "Notification" else _CONFIRMATION
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm = _HASHES.get(str(message.get("SignatureVersion")))
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
        if algorithm is None or not isinstance(key, rsa.RSAPublicKey):
            return False
        given = base64.b64decode(str(message.get("Signature")), validate=True)
        key.verify(given, text.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_by_sendgrid(public_key: str, signature: str, timestamp: str, body: bytes) -> bool:
    """Return whether SendGrid signed a request.

    Args:
        public_key: the verification key, as SendGrid shows it: base64 of DER
        signature: the header `X-Twilio-Email-Event-Webhook-Signature`
        timestamp: the header `X-Twilio-Email-Event-Webhook-Timestamp`
        body: as it arrived

    Returns:
        True for a signature of timestamp and body by this key.
    """
    try:
        key = load_der_public_key(base64.b64decode(public_key))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        given = base64.b64decode(signature, validate=True)
        key.verify(given, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def signed_by_mailgun(key: str, signed: Mapping[str, object]) -> bool:
    """Return whether Mailgun signed a request.

    Args:
        key: the webhook signing key of the account
        signed: the object `signature` of its request

    Returns:
        True for a signature of its timestamp and token by this key.
    """
    text = f"{signed.get('timestamp')}{signed.get('token')}"
    mac = hmac.new(key.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    names = ("signature", "parent-signature")  # the latter, of a subaccount
    given = [str(signed.get(name)).encode("utf-8", "surrogatepass") for name in names]
    return any(hmac.compare_digest(mac.encode(), one) for one in given)
