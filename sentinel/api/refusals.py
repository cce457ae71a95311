"""Requests that are refused for what they may not do, recorded as security events.

Of a key it is the key's own name: whom it says it acts for may be anybody, and another one each
time would make each refusal one of somebody else. A request without any credentials is not
recorded, nor one with the cookie of a session that ended, since browsers send both all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from sentinel.access.security_events import SecurityEvent
from sentinel.api.client_address import address_of

if TYPE_CHECKING:
    from sentinel.access import Principal
    from sentinel.store.access.security_log import SecurityLog

__all__ = ["note_refused"]

_UNAUTHORIZED, _FORBIDDEN = 401, 403


def note_refused(request: Request, status: int, code: str) -> None:
    """Record a request that was refused.

    Args:
        request: with its route found
        status: of the answer
        code: of the answer
    """
    security: SecurityLog | None = request.app.state.security
    if security is None or status not in (_UNAUTHORIZED, _FORBIDDEN):
        return
    who: Principal | None = getattr(request.state, "principal", None)
    wrong_key = status == _UNAUTHORIZED and code == "unauthorized"
    # The address of a heartbeat has a key in it, and so has the body of an event of PagerDuty's.
    sent = (
        request.headers.get("authorization")
        or "key" in request.path_params
        or getattr(request.state, "key_sent", False)
    )
    if status == _UNAUTHORIZED and not (wrong_key and sent):
        return  # a failed login is recorded where it fails
    reason = "wrong_key" if wrong_key else "other_site" if who is None else "forbidden"
    key = getattr(request.state, "key_name", "") if who is None else ""
    security.note(
        SecurityEvent(
            action="access.refused", door="api", who=key if who is None else who.own_name,
            who_kind=("key" if key else "") if who is None else who.kind,
            address=address_of(request), reason=reason,
            what=f"{request.method} {_route(request)}",
        )
    )  # fmt: skip


def _route(request: Request) -> str:
    """Return the path with the names of its parts: those may be ids or, of a heartbeat, a key."""
    path: str = request.scope["path"]
    parts = path.split("/")
    for name, value in reversed(request.path_params.items()):
        given = str(value).split("/")
        for at in reversed(range(len(parts) - len(given) + 1)):
            if parts[at : at + len(given)] == given:
                parts[at : at + len(given)] = [f"{{{name}}}"]
                break
    return "/".join(parts)
