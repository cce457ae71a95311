"""Calls of Twilio: what becomes of the key that somebody pressed.

Both must be right: the token of the link, which only the call's markup has, and Twilio's signature,
made with the auth token of the account that the channel's block holds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sentinel.access.twilio_signature import is_signed
from sentinel.alerts.actions import ActionResult
from sentinel.alerts.reasons import Reason
from sentinel.errors import PrefectUnreachable
from sentinel.links import acknowledge_address, call_address
from sentinel.notifications.twiml import ACKNOWLEDGE, ask, say
from sentinel.prefect_client.client import PrefectApi
from sentinel.printable import counted
from sentinel.public_pages.actors import recorded
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.notifications.acknowledge_links import AcknowledgeLinks

__all__ = ["KIND", "AuthTokens", "Calls", "Heard", "done_in_words"]

KIND = "sentinel-twilio-voice"
"""The type of block whose calls are answered here."""
_FRESH_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """The answer to Twilio: a status of HTTP, and markup to go on with."""

    status: int
    twiml: str


class AuthTokens:
    """The auth tokens of the blocks that call, as Prefect has them, kept for a minute.

    While Prefect does not answer, those that were read last are used.

    Args:
        settings: which Prefect API is asked
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[str, tuple[float, str]] = {}

    def of(self, name: str) -> str | None:
        """Return the auth token of a block.

        Args:
            name: of a block of `KIND`

        Returns:
            The token; empty where there is no such block, and None where Prefect does not answer.
        """
        kept = self._kept.get(name)
        if kept is not None and time.monotonic() - kept[0] < _FRESH_SECONDS:
            return kept[1]
        try:
            prefect = PrefectApi.of(self._settings)
            try:
                block = prefect.block(KIND, name)
            finally:
                prefect.close()
        except PrefectUnreachable as error:
            _log.warning("the block %s/%s cannot be read: %s", KIND, name, error.message)
            return None if kept is None else kept[1]
        token = str((block or {}).get("auth_token") or "")
        self._kept[name] = (time.monotonic(), token)
        return token


class Calls:
    """Answers Twilio.

    Args:
        store: the shared database
        auth_token: returns the auth token of a block, as `AuthTokens.of`
        public: address of the public pages, as Twilio was told it
    """

    def __init__(self, store: Store, auth_token: Callable[[str], str | None], public: str) -> None:
        self._store = store
        self._links = AcknowledgeLinks(store)
        self._auth_token = auth_token
        self._public = public

    def hear(self, token: str, form: Sequence[tuple[str, str]], signed: str) -> Heard:
        """Do what a key means.

        Args:
            token: of the address
            form: names and values of the request, decoded
            signed: the header `X-Twilio-Signature`

        Returns:
            What to say next. Twilio reads it only where the status is 200.

        Raises:
            SQLAlchemyError: the database failed
        """
        link = self._links.find(token)
        if link is None:
            return Heard(404, say("This call is not known."))
        if link.expired:
            return Heard(200, say("This call is too long ago. Nothing was done. Goodbye."))
        kind, _, name = link.channel.partition("/")
        if kind != KIND:
            return Heard(404, say("This call is not known."))
        auth_token = self._auth_token(name)
        if auth_token is None:
            return Heard(200, say("Sentinel cannot check this call. Nothing was done. Goodbye."))
        address = call_address(acknowledge_address(self._public, token))
        if not is_signed(auth_token, address, form, signed):
            _log.warning("a request for a call of receiver %s has a wrong signature", link.receiver)
            return Heard(403, say("This request is not signed by Twilio."))
        if dict(form).get("Digits") != ACKNOWLEDGE:
            return Heard(200, ask("That key does nothing.", address))
        who = recorded(self._store, link, "phone call", f"key {ACKNOWLEDGE}")
        results = self._links.acknowledge(link, who.actor, who.comment)
        said = done_in_words(results)
        _log.info("a call of receiver %s: %s", link.receiver, said)
        return Heard(200, say(said, "Goodbye."))


def done_in_words(results: Sequence[ActionResult]) -> str:
    """Return what an acknowledgement did, in a sentence.

    Args:
        results: for each alert

    Returns:
        How many were acknowledged, and how many ended meanwhile.
    """
    done = sum(one.reason in (Reason.ACKNOWLEDGED, Reason.ACKNOWLEDGED_TOO) for one in results)
    missed = sum(not one.ok for one in results)
    said = f"Acknowledged {counted(done, 'alert')}."
    return f"{said} {missed:,} ended meanwhile." if missed else said
