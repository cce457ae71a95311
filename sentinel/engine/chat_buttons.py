"""Buttons of messages in a chat: what a press covers, who may press, and the action it becomes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from sentinel.access.principal import Principal
from sentinel.access.roles import Permission
from sentinel.access.scope import EVERYTHING, Scope
from sentinel.alerts.actions import Acknowledge, ActionName, ActionResult, action_named
from sentinel.audit.origin import Origin, acting
from sentinel.errors import NotFound, SentinelError
from sentinel.printable import counted
from sentinel.store.access.people import People
from sentinel.store.database.chunks import chunks
from sentinel.store.notifications.listed_alerts import listed_alerts

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.access.person_views import PersonView

__all__ = ["ChatUser", "Press", "press", "press_of"]

_AT_ONCE = 5_000
_VALUE = re.compile(r"([0-9a-f]{32}):(\d{1,15}):(\d{1,14})")
_UNPRINTABLE = re.compile(r"[^\w.@+ -]+")
_STATUSES = {"acknowledge": ["open"], "resolve": ["open", "acknowledged"]}


class ChatUser(msgspec.Struct, frozen=True, kw_only=True):
    """Who pressed a button, as the chat says.

    Attributes:
        email: of a member whom the chat vouches for; empty for whoever has none
        unknown: why the chat could not be asked who it is, for whoever pressed; empty where it was
    """

    id: str
    name: str
    email: str = ""
    unknown: str = ""


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A button that was pressed, on the message about a group that was composed at `at`."""

    action: ActionName
    group_id: str
    seq: int
    at: datetime


class _Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: an account, or somebody of the chat who has none."""

    name: str
    origin: Origin
    scope: Scope = EVERYTHING


class _RefusedError(SentinelError):
    """Whoever pressed may not do that."""


def press_of(action: str, value: str) -> Press | None:
    """Return what a button means; None where it is none of ours.

    Args:
        action: acknowledge or resolve
        value: of the button: the group's id, the message's `seq`, and when it was composed, in
            milliseconds since 1970, with colons between

    Returns:
        The press.
    """
    found = _VALUE.fullmatch(value)
    if found is None or action not in _STATUSES:
        return None
    named: ActionName = "acknowledge" if action == "acknowledge" else "resolve"
    at = datetime.fromtimestamp(int(found[3]) / 1000, UTC)
    return Press(action=named, group_id=found[1], seq=int(found[2]), at=at)


def press(store: Store, user: ChatUser, pressed: Press) -> str:
    """Do what a button asks for to the alerts that its message lists as firing.

    Args:
        store: the shared database
        user: who pressed it; the account whose name is this email address acts, and else
            `slack:NAME`, who may resolve only where nobody has an account
        pressed: the button

    Returns:
        What came of it, for whoever pressed.

    Raises:
        SQLAlchemyError: the database failed
    """
    try:
        actor = _actor(store, user, pressed.action)
    except _RefusedError as error:
        return str(error)
    ids = listed_alerts(store, pressed.group_id, pressed.seq, pressed.at, _STATUSES[pressed.action])
    action = action_named(pressed.action, actor=actor.name, comment="in Slack")
    results: list[ActionResult] = []
    with acting(actor.origin):
        for piece in chunks(ids, _AT_ONCE):
            results += store.act(piece, action, scope=actor.scope)
    done = sum(one.ok for one in results)
    verb = "acknowledged" if isinstance(action, Acknowledge) else "resolved"
    if done:
        return f"You {verb} {counted(done, 'alert')}, as {actor.name}."
    refused = next((one.error for one in results if one.error), "")
    return refused or f"There is nothing left to {pressed.action} in this message."


def _actor(store: Store, user: ChatUser, action: ActionName) -> _Actor:
    if user.unknown and People(store).exist():
        # It may be an account that may not do this.
        raise _RefusedError(user.unknown)
    person = _person(store, user.email)
    if person is None:
        name = _UNPRINTABLE.sub("", user.name)[:80].strip() or user.id
        if action == "resolve" and People(store).exist():
            raise _RefusedError(
                "Only people with an account may resolve alerts, and none has your email address."
            )
        return _Actor(name=f"slack:{name}", origin=Origin("slack", "slack", user.id))
    if person.disabled_at is not None or not person.grants:
        raise _RefusedError(f"The account {person.name} is disabled or has no role.")
    first, *rest = person.grants
    principal = Principal(
        name=person.name, kind="person", role=first.role, tenants=first.tenants, teams=first.teams,
        further=tuple(rest), id=person.id,
    )  # fmt: skip
    if not principal.may(Permission.RESPOND):
        raise _RefusedError(f"The account {person.name} may not act on alerts.")
    scope = principal.scope(Permission.RESPOND)
    return _Actor(name=person.name, origin=Origin("slack", "person", person.id), scope=scope)


def _person(store: Store, email: str) -> PersonView | None:
    if not email:
        return None
    try:
        return People(store).get(email)
    except NotFound:
        return None
