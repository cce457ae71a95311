"""Services of Apprise: the address names the service.

What Apprise (https://appriseit.com/, the library at 1.13) sends to a service is its own, and
unverified here. It answers true, or anything else without a reason, so that every failure is
retried. Only services are allowed whose host is fixed or is the host of the address, that speak
HTTP and load no files: an option of the others would reach what `address_guard` keeps from
channels. Private addresses are refused before the send and at each connection; redirects are not
followed.
"""

from __future__ import annotations

import re
from typing import Any, cast

import httpx
from pydantic import Field, SecretStr, field_validator

from blocks.address_guard import AddressGuard
from blocks.connection_guard import ConnectionGuard
from blocks.http_channel import HttpChannel, timeout_field
from blocks.message_text import (
    alert_lines,
    clipped,
    fitted,
    footer,
    is_resolved,
    link_lines,
    one_line,
)
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt

__all__ = ["SERVICES", "Apprise", "other_ways"]

SERVICES = frozenset((
    "46elks", "apprise", "apprises", "atalk", "azure", "bark", "barks", "brevo", "bulksms",
    "bulkvs", "burstsms", "chanify", "chime", "clickatell", "clicksend", "d7sms", "dapnet",
    "dingtalk", "dot", "eight00com", "elks", "emby", "embys", "evolution", "evolutions",
    "exotel", "feishu", "flock", "flowtriq", "flowtriqs", "form", "forms", "freemobile",
    "gchat", "gotify", "gotifys", "groupme", "hassio", "hassios", "httpsms", "ifttt",
    "jellyfin", "jellyfins", "jira", "join", "json", "jsons", "kavenegar", "kodi", "kodis",
    "kook", "kumulos", "lametric", "lametrics", "lark", "lauther", "line", "mailersend",
    "mailgun", "mastodon", "mastodons", "misskey", "misskeys", "mmost", "mmosts", "msg91",
    "msgbird", "ncloud", "nclouds", "nctalk", "nctalks", "nexmo", "notica", "noticas",
    "notifiarr", "notifico", "notificos", "notifyre", "o365", "octopush", "onesignal",
    "opsgenie", "pagerduty", "pagertree", "parsep", "parseps", "pbul", "pinglet", "pinglets",
    "pingram", "pjet", "pjets", "plivo", "postmark", "pover", "prowl", "psafer", "psafers",
    "push", "pushdeer", "pushdeers", "pushed", "pushme", "pushplus", "pushward", "pushy",
    "qq", "reddit", "resend", "revolt", "ringc", "rocket", "rockets", "ryver", "schan",
    "sendgrid", "sendpulse", "serwersms", "ses", "seven", "sfr", "signal", "signalgrid",
    "signals", "signl4", "sinch", "smsc", "smseagle", "smseagles", "smsmanager", "smsmgr",
    "smtp2go", "sns", "sparkpost", "spike", "splunk", "spugpush", "spush", "stackfield",
    "strmlabs", "threema", "toot", "toots", "trigv", "trigvs", "twilio", "twist", "viber",
    "victorops", "voipms", "vonage", "webex", "wechat", "wecom", "wecombot", "whatsapp",
    "wxpusher", "wxteams", "xbmc", "xbmcs", "xml", "xmls", "zoom", "zulip",
))  # fmt: skip
"""Schemes of the services that Sentinel sends through, read in the source of Apprise 1.13."""
_OTHER_WAYS = re.compile(r"file|^attach$|attachment|smtp|pgp|discovery")
_KINDS = {"critical": "failure", "high": "failure", "medium": "warning", "low": "warning"}
_MOST_TEXT, _LEAST_TEXT, _MOST_TITLE = 3_000, 40, 200


class Apprise(HttpChannel):
    """Sends through a service of Apprise that speaks HTTP to one host."""

    _block_type_name = "Sentinel Apprise"
    _block_type_slug = "sentinel-apprise"
    _description = "Notifies of alerts through a service of Apprise that speaks HTTP to one host."

    address: SecretStr = Field(
        title="Address",
        description="Of Apprise, such as gotify://host/token; a secret.",
        examples=["gotify://host/token"],
    )
    timeout: float = timeout_field()

    @field_validator("address")
    @classmethod
    def _is_known(cls, address: SecretStr) -> SecretStr:
        scheme, sep, _ = address.get_secret_value().partition("://")
        if not sep:
            raise ValueError("the address must begin with the name of a service, as gotify://")
        if scheme.lower() not in SERVICES:
            raise ValueError(
                f"Sentinel does not send through {scheme.lower()}://: it allows the services of "
                "Apprise that speak HTTP to one host and load no files"
            )
        if (service := _service(address)) is None:
            raise ValueError("Apprise knows no such address")
        if ways := other_ways(type(service)):
            raise ValueError(
                f"{scheme.lower()}:// has options that name a file or another host, which Sentinel "
                f"does not allow: {', '.join(ways)}"
            )
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
        end = f"\n{clipped(footer(message), _MOST_TITLE)}\n{link_lines(message)}"
        room = min(_MOST_TEXT, most - len(title) - 10) - len(end)
        if room >= _LEAST_TEXT:
            lines, total = alert_lines(message, 20), message.firing + message.resolved
            text = fitted(lines, room, total) + end
        else:
            text = clipped(footer(message), max(1, most - len(title) - 10))
        kind = "success" if is_resolved(message) else _KINDS.get(message.severity, "info")
        guard = ConnectionGuard(what)

        def notify() -> Any:
            with guard.watching():
                return _notify(service, title, text, kind)

        try:
            _check(service, what)
            sent = SendDeadline(self.timeout).run(notify)
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge to Apprise, whose services are others'
            if guard.refused is not None:
                raise guard.refused from None
            raise DeliveryError(
                f"{what} did not take the message ({type(error).__name__})", hint=failed.hint
            ) from None
        if sent is not True:
            raise guard.refused or failed
        return Receipt()


def other_ways(service: Any) -> list[str]:
    """Return the options of a service that name a file or another host than that of its address.

    Args:
        service: class of Apprise

    Returns:
        Their names in order; empty where its host is all that it reaches.
    """
    options = {**service.template_tokens, **service.template_args}
    return sorted(
        name
        for name, option in options.items()
        if _OTHER_WAYS.search(name) or "Template Path" in str(option.get("name"))
    )


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
    kind = cast("type[Any]", type(service))
    if "host" not in kind.template_tokens:
        return  # its host is fixed: what stands there is a token, which no name server should see
    if not (host := str(getattr(service, "host", None) or "")):
        return
    try:
        guard = AddressGuard(f"http://[{host}]" if ":" in host else f"http://{host}", what)
    except (httpx.InvalidURL, UnicodeError):
        return  # Apprise says why
    guard.check()
