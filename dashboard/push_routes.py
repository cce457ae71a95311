"""The live API's routes of Web Push: whether a browser notifies its person, and switching that."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from dashboard.database_errors import database
from sentinel.access.vapid import public_key
from sentinel.errors import ConfigurationError, DatabaseError
from sentinel.notifications.push_subscription import subscription_of
from sentinel.store.notifications.push_subscriptions import PushSubscriptions

__all__ = ["MOST_PUSH_BYTES", "change_push", "push_state"]

MOST_PUSH_BYTES = 8 * 1024
"""The longest request body that is read."""
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _Ended(msgspec.Struct):
    endpoint: str


def push_state(browsers: PushSubscriptions, person: str, named: str) -> Response:
    """Answer with the key that a browser subscribes with, and whether this one is subscribed.

    Args:
        browsers: those that people subscribed
        person: who asks
        named: id of the browser's subscription; empty where it has none

    Returns:
        `key`, the public half of this instance's, and `subscribed`, whether for this person.
    """
    try:
        with database():
            key = public_key(browsers.private_key())
            found = {"key": key, "subscribed": bool(named) and browsers.has(person, named)}
    except DatabaseError as error:
        return _refused(503, str(error))
    return _json(found)


def change_push(browsers: PushSubscriptions, person: str, method: str, body: bytes) -> Response:
    """Subscribe a browser for a person, or end its subscription.

    Args:
        browsers: those that people subscribed
        person: who asks
        method: POST to subscribe, DELETE to end it
        body: the browser's subscription as JSON; to end it, its `endpoint` is enough

    Returns:
        Whether it is subscribed now; 400 for what is no subscription.
    """
    try:
        with database():
            if method == "POST":
                browsers.add(person, subscription_of(msgspec.json.decode(body)))
            else:
                browsers.remove(person, msgspec.json.decode(body, type=_Ended).endpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError, ConfigurationError) as error:
        return _refused(400, str(error))
    except DatabaseError as error:
        return _refused(503, str(error))
    return _json({"subscribed": method == "POST"})


def _refused(status: int, why: str) -> Response:
    return Response(msgspec.json.encode({"error": why}), status, _HEADERS, "application/json")


def _json(content: Mapping[str, object]) -> Response:
    return Response(msgspec.json.encode(content), headers=_HEADERS, media_type="application/json")
