"""Everything that Apprise speaks: its address names the service.

What Apprise (https://appriseit.com/, the library at 1.13) sends to a service is its own, and
unverified here. It answers true, or anything else without a reason, so that every failure is
retried. Services of this machine are refused, as are private addresses; redirects are not followed.
"""

from __future__ import annotations

from typing import Any

import httpx
from pydantic import Field, SecretStr, field_validator

from blocks.address_guard import AddressGuard
from blocks.http_channel import HttpChannel, timeout_field
from blocks.message_text import alert_lines, clipped, fitted, footer, is_resolved, one_line
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt

_OF_THIS_MACHINE = frozenset((
    "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows",
))  # fmt: skip
_KINDS = {"critical": "failure", "high": "failure", "medium": "warning", "low": "warning"}
_MOST_TEXT, _LEAST_TEXT, _MOST_TITLE = 3_000, 40, 200


class Apprise(HttpChannel):
    """Sends through any service that Apprise knows."""

    _block_type_name = "Sentinel Apprise"
    _block_type_slug = "sentinel-apprise"
    _description = "Notifies of alerts through any service that Apprise knows."

    address: SecretStr = Field(
        title="Address",
        description="Of Apprise, such as gotify://host/token; a secret.",
        examples=["gotify://host/token"],
    )
    timeout: float = timeout_field()

    @field_validator("address")
    @classmethod
    def _is_known(cls, address: SecretStr) -> SecretStr:
        scheme = address.get_secret_value().partition("://")[0].lower()
        if scheme in _OF_THIS_MACHINE:
            raise ValueError(f"{scheme}:// notifies the machine that Sentinel runs on")
        if _service(address) is None:
            raise ValueError("Apprise knows no such address")
        return address

    @property
    def send_seconds(self) -> float:
        """Deadline of a whole send, in seconds."""
        return self.timeout

    def send(self, message: Message) -> Receipt:
        """Send `message` as plain text.

        Args:
            message: the message

        Returns:
            An empty receipt: Apprise does not identify what it sent.

        Raises:
            DeliveryError: the service did not take it, or its address is not allowed (permanent)
        """
        service = _service(self.address)
        what = f"the service {self.address.get_secret_value().partition('://')[0]}"
        failed = DeliveryError(
            f"{what} did not take the message",
            hint="Apprise does not say why: try the address with `apprise -vv`, and check it.",
        )
        if service is None:
            raise failed
        most = int(service.body_maxlen)  # of both, where a service has no titles
        title = clipped(one_line(message.title), min(_MOST_TITLE, most // 2))
        end = f"\n{clipped(footer(message), _MOST_TITLE)}\n{message.url}"
        room = min(_MOST_TEXT, most - len(title) - 10) - len(end)
        if room >= _LEAST_TEXT:
            lines, total = alert_lines(message, 20), message.firing + message.resolved
            text = fitted(lines, room, total) + end
        else:
            text = clipped(footer(message), max(1, most - len(title) - 10))
        kind = "success" if is_resolved(message) else _KINDS.get(message.severity, "info")
        try:
            _check(service, what)
            sent = SendDeadline(self.timeout).run(lambda: _notify(service, title, text, kind))
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge to Apprise, whose services are others'
            raise DeliveryError(
                f"{what} did not take the message ({type(error).__name__})", hint=failed.hint
            ) from None
        if sent is not True:
            raise failed
        return Receipt()


def _service(address: SecretStr) -> Any:
    """Return Apprise's service for an address; None where it knows none."""
    import apprise

    library: Any = apprise  # its types are partial
    asset = library.AppriseAsset(http_redirects=False)
    return library.Apprise.instantiate(address.get_secret_value(), asset=asset)


def _notify(service: Any, title: str, text: str, kind: str) -> Any:
    import apprise

    known: Any = apprise.Apprise()
    known.add(service)
    return known.notify(body=text, title=title, notify_type=kind, body_format="text")


def _check(service: Any, what: str) -> None:
    """Refuse a service at an address that no channel may reach.

    Raises:
        DeliveryError: its address is private; permanent
    """
    if not (host := str(getattr(service, "host", None) or "")):
        return
    try:
        guard = AddressGuard(f"http://[{host}]" if ":" in host else f"http://{host}", what)
    except (httpx.InvalidURL, UnicodeError):
        return  # a token where others have a host
    guard.check()
