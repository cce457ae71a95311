"""Buttons of Slack messages through Socket Mode: Sentinel connects to Slack, and needs no address.

Protocol: https://docs.slack.dev/apis/events-api/using-socket-mode. slack_sdk keeps the connection;
this module opens one for each app token that a receiver's channel has, answers each envelope, and
hands presses on. All requests of ours go through `http_post`, as those of channels do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import msgspec
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from sqlalchemy.exc import SQLAlchemyError

from blocks.address_guard import AddressGuard
from blocks.slack_people import Home, Presser, Team, home_of, who_pressed
from blocks.slack_text import PRESSED
from blocks.slack_web_api import call
from blocks.vendors.slack_app import SlackApp
from sentinel.engine.chat_buttons import ChatUser, press, press_of
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel
from sentinel.store import Store
from sentinel.store.notifications.chat_connections import connected, disconnected

__all__ = ["SlackSockets"]

log = logging.getLogger(__name__)

_SDK_LOG = logging.getLogger("blocks.slack_sdk")
_SDK_LOG.setLevel(logging.CRITICAL)  # it writes addresses that are secrets, and repeats itself
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_STEADY = timedelta(minutes=1)
"""How long a connection must last before an earlier failure is forgotten."""
_SLUG = SlackApp.get_block_type_slug()


class SlackSockets:
    """The connections to Slack of one process.

    Args:
        store: the shared database
        channel_of: returns the channel of a reference; raises `DeliveryError` where it cannot
    """

    def __init__(self, store: Store, channel_of: Callable[[str], Channel]) -> None:
        self._store = store
        self._channel_of = channel_of
        self._open: dict[str, _Client] = {}
        self._failed: dict[str, _Failed] = {}
        self._refs: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def watch(self, now: datetime) -> None:
        """Connect for each app token of a receiver's channel, and for no other.

        Args:
            now: the present moment, by which a failure is tried again
        """
        wanted = self._apps()
        with self._lock:
            if self._closed:
                return
            for token in set(self._failed) - wanted.keys():
                del self._failed[token]
            for token, client in list(self._open.items()):
                if token in wanted and client.is_connected():
                    if now - client.since >= _STEADY and self._failed.pop(token, None):
                        connected(self._store, self._refs[token])
                    continue
                del self._open[token]
                client.close()
                if token in wanted and now - client.since < _STEADY:
                    error = DeliveryError("Slack closed the connection soon after it was opened")
                    self._fail(token, client.apps, now, error)
            for token, apps in wanted.items():
                if token in self._open:
                    self._open[token].apps = apps
                elif self._is_due(token, apps, now):
                    self._connect(token, apps, now)

    def _is_due(self, token: str, apps: Sequence[SlackApp], now: datetime) -> bool:
        failed = self._failed.get(token)
        return failed is None or now >= failed.next_at or failed.blocks != _contents(apps)

    def _connect(self, token: str, apps: list[SlackApp], now: datetime) -> None:
        try:
            self._open[token] = _Client(token, apps, self._store, now)
        except DeliveryError as error:
            self._fail(token, apps, now, error)
        except Exception as error:
            # One connection that breaks must not keep the others from being opened.
            log.debug("a connection to Slack broke", exc_info=True)
            said = DeliveryError(f"the connection to Slack broke ({type(error).__name__})")
            self._fail(token, apps, now, said)
        else:
            log.info("buttons in Slack work")
            if token not in self._failed:
                connected(self._store, self._refs[token])

    def _fail(
        self, token: str, apps: Sequence[SlackApp], now: datetime, error: DeliveryError
    ) -> None:
        blocks, before = _contents(apps), self._failed.get(token)
        failures = before.failures if before is not None and before.blocks == blocks else 0
        if failures == 0:
            log.warning("buttons in Slack do not work, trying again: %s", error)
        pause = min(_FIRST_PAUSE * 2 ** min(failures, 20), _LONGEST_PAUSE)
        if error.permanent:
            pause = _LONGEST_PAUSE  # or until somebody changes the block
        pause = max(pause, timedelta(seconds=error.retry_after))
        self._failed[token] = _Failed(failures + 1, blocks, now + pause)
        if failures == 0:
            disconnected(self._store, self._refs[token], str(error))

    def close(self) -> None:
        """Close all connections, and open no more."""
        with self._lock:
            self._closed = True
            for client in self._open.values():
                client.close()
            self._open.clear()

    def _apps(self) -> Mapping[str, list[SlackApp]]:
        """Return the channels of receivers that have an app token, by that token."""
        found: dict[str, list[SlackApp]] = {}
        names: dict[str, list[str]] = {}
        refs = {ref for refs in self._store.receivers.all().values() for ref in refs}
        for ref in sorted(one for one in refs if one.startswith(f"{_SLUG}/")):
            try:
                channel = self._channel_of(ref)
            except DeliveryError:
                continue  # whoever sends through it says so
            if isinstance(channel, SlackApp) and (token := channel.app_token.get_secret_value()):
                found.setdefault(token, []).append(channel)
                names.setdefault(token, []).append(ref)
        self._refs = names
        return found


class _Failed(NamedTuple):
    """A token for which no connection was opened, or none that lasted.

    `blocks` is what the blocks that have it said, and `next_at` when it is tried again.
    """

    failures: int
    blocks: Hashable
    next_at: datetime


def _contents(apps: Sequence[SlackApp]) -> Hashable:
    return tuple((one.url, one.channel, one.credentials.token.get_secret_value()) for one in apps)


class _Place(msgspec.Struct):
    id: str = ""


class _Button(msgspec.Struct):
    action_id: str = ""
    value: str | None = None


class _Interaction(msgspec.Struct):
    """The part of an envelope's payload that says who pressed what, and where."""

    type: str = ""
    user: Presser = msgspec.field(default_factory=Presser)
    team: Team | None = None
    channel: _Place = msgspec.field(default_factory=_Place)
    actions: list[_Button] = msgspec.field(default_factory=list[_Button])


class _Client(SocketModeClient):
    """A connection to Slack that is open since `since`.

    Raises:
        DeliveryError: it could not be opened
    """

    def __init__(self, token: str, apps: list[SlackApp], store: Store, since: datetime) -> None:
        self.apps = apps
        self.since = since
        self._store = store
        self._homes: dict[str, Home] = {}
        super().__init__(app_token=token, logger=_SDK_LOG, auto_reconnect_enabled=False)
        self.socket_mode_request_listeners.append(self._take)
        try:
            self.connect()
            if not self.is_connected():
                raise DeliveryError("Slack did not open a connection")
        except BaseException:
            self.close()
            raise

    def connect(self) -> None:
        """Connect, or change to a new connection; leaves none open where `close` came meanwhile."""
        super().connect()
        if self.closed:
            self.disconnect()

    def _run_current_session(self) -> None:
        """Receive until the connection ends.

        slack_sdk's own sets `terminated` to False first. Where `close` had just set it to True, it
        would receive from the closed connection for ever, and `close` would wait as long.
        """
        state, session = self.current_session_state, self.current_session
        if session is not None and session.is_active() and not self.closed:
            session.run_until_completion(state)

    def issue_new_wss_url(self) -> str:
        """Return the address of a new connection, which Slack gives for the app token."""
        url = str(call(self.apps[0], "apps.connections.open", {}, self.app_token)["url"])
        AddressGuard(url.replace("ws", "http", 1), "the connection to Slack").check()
        return url

    def _take(self, _client: object, request: SocketModeRequest) -> None:
        # This is an edge: slack_sdk would report what is raised here on a log that is switched off.
        try:
            # Slack wants an answer within three seconds, so the work comes after it.
            self.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            if request.type == "interactive":
                self._serve(msgspec.convert(cast("Any", request).payload, _Interaction))
        except msgspec.ValidationError as error:
            log.warning("Slack sent what is not understood: %s", error)
        except Exception:
            log.exception("what Slack sent could not be served")

    def _serve(self, pressed_on: _Interaction) -> None:
        if pressed_on.type != "block_actions":
            return
        where = pressed_on.channel.id
        app = next((one for one in self.apps if one.channel == where), self.apps[0])
        for action in pressed_on.actions:
            pressed = press_of(PRESSED.get(action.action_id, ""), action.value or "")
            if pressed is None:
                continue  # a link, or a button of something else that uses the app
            try:
                said = press(self._store, self._user(app, pressed_on), pressed)
            except SQLAlchemyError:
                log.exception("a button in Slack could not be served")
                said = "Sentinel's database does not answer. Press again in a moment."
            except Exception:
                log.exception("a button in Slack could not be served")
                said = "Sentinel failed to do that, and its log says why. Look at the alerts first."
            _tell(app, where, pressed_on.user.id, said)

    def _user(self, app: SlackApp, pressed_on: _Interaction) -> ChatUser:
        """Return who pressed; `unknown` says why nobody knows it."""
        presser = pressed_on.user
        token = app.credentials.token.get_secret_value()
        try:
            if token not in self._homes:
                self._homes[token] = home_of(app)
            return who_pressed(app, self._homes[token], presser, pressed_on.team)
        except DeliveryError as error:
            log.warning("Slack does not say who %s is: %s", presser.id, error)
            why = error if error.permanent else f"{error.message}. Press again in a moment."
            return ChatUser(
                id=presser.id, name=presser.username or presser.name,
                unknown=f"Nothing was done, since Sentinel could not learn who you are: {why}",
            )  # fmt: skip


def _tell(app: SlackApp, channel: str, user: str, text: str) -> None:
    """Show a text to whoever pressed, and to nobody else."""
    try:
        call(app, "chat.postEphemeral", {"channel": channel, "user": user, "text": text})
    except DeliveryError as error:
        log.warning("Slack took no answer to the button that was pressed: %s", error)
