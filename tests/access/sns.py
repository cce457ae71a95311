"""A topic of Amazon SNS, with a certificate of its own: what it sends is signed as SNS signs it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

__all__ = ["Topic"]

ARN = "arn:aws:sns:us-east-1:123456789012:bounces"
SUBSCRIBE = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"


class Topic:
    """A topic.

    Attributes:
        certificate: in PEM, as it is at `where`
    """

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = made.public_bytes(Encoding.PEM)
        self.where = (
            f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{uuid4().hex}.pem"
        )

    def notifies(self, text: str, version: str = "2", **more: str) -> dict[str, Any]:
        """What the topic sends about something that was published to it."""
        return self._signed({"Type": "Notification", "Message": text, **more}, version)

    def asks_to_confirm(self) -> dict[str, Any]:
        """What the topic sends to a new subscriber."""
        said = {"Type": "SubscriptionConfirmation", "Message": "You have chosen …", "Token": "t"}
        return self._signed({**said, "SubscribeURL": SUBSCRIBE}, "2")

    def _signed(self, message: dict[str, str], version: str) -> dict[str, Any]:
        whole = {**message, "MessageId": "m", "TopicArn": ARN, "Timestamp": "2026-11-30T00:00:00Z"}
        text = "".join(f"{name}\n{whole[name]}\n" for name in sorted(whole))
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        raw = self._key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return {
            **whole, "SignatureVersion": version, "SigningCertURL": self.where,
            "Signature": base64.b64encode(raw).decode(),
        }  # fmt: skip
