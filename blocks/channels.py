"""Resolve the channel references of receivers to channels that send.

`inbox` is the embedded channel, `emergency` the one of the environment. Every other reference is a
saved block, `<block type slug>/<name>`: Sentinel's and Slack's blocks, whose errors say whether
they are permanent, or any notification block of Prefect.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import httpx
import msgspec
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_API_URL

from blocks.address_guard import AddressGuard
from blocks.http_post import is_web_address
from blocks.message_text import status_text
from blocks.slack import SLACK, SlackChannel
from blocks.vendors.web_push import WebPush
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import EMERGENCY, INBOX, Channel, Message, Receipt, shown
from sentinel.store import Store
from sentinel.store.notifications.channel_health import note_missing
from sentinel.store.notifications.push_subscriptions import PushSubscriptions

__all__ = ["Channels", "NotificationChannel"]

log = logging.getLogger(__name__)

_SERVICES = ("slack", "discord", "msteams")
"""Schemes of Apprise that lead to one service, whatever follows."""
FRESH_SECONDS = 30.0
"""Seconds for which a loaded block is used without asking Prefect again."""


class _Kept(msgspec.Struct, frozen=True):
    channel: Channel
    loaded: float


class Channels:
    """The channels of one process, with a cache of loaded blocks for when Prefect is down.

    Safe to use from several threads.

    Args:
        store: the database that has the inbox and the receivers
        emergency: the emergency channel; None for none
    """

    def __init__(self, store: Store, emergency: Channel | None = None) -> None:
        self._store = store
        self._emergency = emergency
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def channel_of(self, ref: str) -> Channel:
        """Return the channel that `ref` names.

        Args:
            ref: `inbox`, `emergency`, or `<block type slug>/<name>`

        Returns:
            The channel, at most `FRESH_SECONDS` old while Prefect answers.

        Raises:
            DeliveryError: there is no such block (permanent), or it is not cached and Prefect
                does not answer
        """
        if ref == INBOX:
            return self._store.inbox
        if ref == EMERGENCY:
            return self._the_emergency()
        kept = self._kept.get(ref)
        if kept is not None and time.monotonic() - kept.loaded < FRESH_SECONDS:
            return kept.channel
        # One at a time, because loading a block sets up Prefect's client, which is expensive.
        with self._lock:
            return self._loaded(ref)

    def in_memory(self, ref: str) -> Channel | None:
        """Return the channel that `ref` names without asking Prefect; None where it is not kept."""
        if ref == INBOX:
            return self._store.inbox
        if ref == EMERGENCY:
            return self._emergency
        kept = self._kept.get(ref)
        return None if kept is None else kept.channel

    def refresh(self) -> None:
        """Load every block that is sent by, so that each is cached if Prefect goes down.

        These are the ones that receivers name, and the one that mails subscribers of status pages.
        Which of them do not exist, or cannot send, is recorded as the health of the channel.
        """
        missing: set[str] = set()
        found: set[str] = set()
        refs = {ref for refs in self._store.receivers.all().values() for ref in refs}
        if mail := self._store.options.status_mail:
            refs.add(mail)
        for ref in sorted(refs):
            try:
                self.channel_of(ref)
                found.add(ref)
            except DeliveryError as error:
                log.warning("channel %s: %s", ref, error)
                if error.permanent:
                    missing.add(ref)
        note_missing(self._store, missing, found)

    def _the_emergency(self) -> Channel:
        if self._emergency is None:
            raise DeliveryError(
                "there is no emergency channel in this process",
                permanent=True,
                hint="Set SENTINEL_EMERGENCY_URL for every process of Sentinel.",
            )
        return self._emergency

    def _loaded(self, ref: str) -> Channel:
        kept = self._kept.get(ref)
        if kept is not None and time.monotonic() - kept.loaded < FRESH_SECONDS:
            return kept.channel
        try:
            channel = self._as_channel(ref, _load(ref))
        except (httpx.HTTPError, PrefectException, RuntimeError) as error:
            if kept is not None:
                # Use the cached block, and do not ask again for a while: Prefect may also hang.
                self._kept[ref] = _Kept(kept.channel, time.monotonic())
                return kept.channel
            raise DeliveryError(
                f"the block {ref} could not be loaded: Prefect does not answer "
                f"({type(error).__name__})",
                hint="Sentinel retries. Check that the Prefect server is running.",
            ) from None
        except DeliveryError as error:
            if not error.permanent:
                raise
            # The block is deleted or unusable: the cached one must not go on sending.
            self._kept.pop(ref, None)
            raise
        self._kept[ref] = _Kept(channel, time.monotonic())
        return channel

    def _as_channel(self, ref: str, block: Block) -> Channel:
        if block.get_block_type_slug() in SLACK:
            url = cast("Any", block).url.get_secret_value()
            if is_web_address(url):
                return SlackChannel(ref, url)
        if isinstance(block, NotificationBlock):
            return NotificationChannel(ref, block)
        if isinstance(block, WebPush):
            return block.notifying(PushSubscriptions(self._store))
        if callable(getattr(block, "send", None)):
            return cast("Channel", block)
        raise DeliveryError(
            f"the block {ref} is a {type(block).__name__}, which cannot send messages",
            permanent=True,
            hint="Name a sentinel-webhook, a sentinel-email or a notification block of Prefect.",
        )


class NotificationChannel:
    """Any of Prefect's notification blocks as a channel.

    These blocks send one text. Their errors do not say whether they are permanent, so every
    failed delivery is retried.
    """

    def __init__(self, ref: str, block: NotificationBlock) -> None:
        self._ref = ref
        self._block = block

    def send(self, message: Message) -> Receipt:
        """Send `message` as a short text.

        Args:
            message: the message

        Returns:
            An empty receipt: these blocks do not identify what they sent.

        Raises:
            DeliveryError: the block could not send, or its address is not allowed (permanent)
        """
        notify = cast("Any", self._block).notify
        self._check_address(message)
        try:
            with self._block.raise_on_failure():
                notify(body=text_of(message), subject=message.title)
        except Exception as error:  # noqa: BLE001 - the edge to blocks, whose errors are their own
            # The provider's answer may repeat an address that has a token in it.
            raise DeliveryError(
                f"{self._ref} could not send ({type(error).__name__})",
                hint="Open the block in the Prefect UI and check its address.",
            ) from None
        return Receipt()

    def _check_address(self, message: Message) -> None:
        """Refuse a server that our own channels may not reach either.

        Prefect looks again at what it connects to, where the block has a setting for that.

        Raises:
            DeliveryError: its address is private, or not one that can be checked; permanent
        """
        block: Any = self._block
        try:
            if isinstance(block, CustomWebhookNotificationBlock):
                # Its address is a template.
                args = block._build_request_args(text_of(message), message.title)  # pyright: ignore[reportPrivateUsage] - there is no other way to it
                url = str(args["url"])
            elif hasattr(block, "hostname"):
                url = f"https://{block.hostname}"
            elif hasattr(block, "allow_private_urls"):
                url = str(block.url.get_secret_value())
            else:
                return
            scheme = urlsplit(url).scheme
            guard = AddressGuard(url, self._ref)
        except (ValueError, KeyError, httpx.InvalidURL):
            raise DeliveryError(
                f"{self._ref} has an invalid URL",
                permanent=True,
                hint="Open the block in the Prefect UI and check its address.",
            ) from None
        if not scheme.startswith("http") and "template" in unquote(url.partition("?")[2]).lower():
            raise DeliveryError(
                f"{self._ref} has an address with an option that loads a file",
                permanent=True,
                hint="Leave `template` out of the block's address, in the Prefect UI.",
            )
        if scheme in _SERVICES:
            return
        if scheme not in ("http", "https", "workflow", "workflows"):
            raise DeliveryError(
                f"{self._ref} has an address that begins with {scheme}://, which is not supported",
                permanent=True,
                hint="Use a sentinel-webhook or a sentinel-email.",
            )
        guard.check()
        if hasattr(block, "allow_private_urls") and scheme.startswith("http"):
            block.allow_private_urls = block.allow_private_urls and not guard.only_public()


def text_of(message: Message) -> str:
    """Return `message` as plain text: 10 of its alerts or its own text, and its URL."""
    if message.text:
        return f"{message.text}\n{message.url}"
    alerts = shown(message, 10)
    lines = [f"- {alert.title} ({alert.severity}, {status_text(alert)})" for alert in alerts]
    left = message.firing + message.resolved - len(lines)
    if left > 0:
        lines.append(f"- and {left:,} more")
    return "\n".join([*lines, message.url])


def _load(ref: str) -> Block:
    slug, _, name = ref.partition("/")
    if not slug or not name:
        raise DeliveryError(
            f"{ref!r} is not a channel",
            permanent=True,
            hint="Write inbox, or a saved block such as sentinel-webhook/ops.",
        )
    if not PREFECT_API_URL.value():
        # Without an address Prefect's client would start a server of its own.
        raise DeliveryError(
            f"the block {ref} could not be loaded: the address of Prefect is not set",
            hint="Set PREFECT_API_URL.",
        )
    try:
        return Block.load(ref, _sync=True)  # pyright: ignore[reportCallIssue, reportUnknownVariableType] - Prefect's dispatch takes _sync
    except (ValueError, KeyError):
        raise DeliveryError(
            f"there is no usable block {ref}",
            permanent=True,
            hint="Save it in the Prefect UI under Blocks, or remove it from the receiver.",
        ) from None
