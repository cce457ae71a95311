"""Canaries at the doors by which other systems post alerts.

One is posted over HTTP, as a sender does it, and opens no alert: where its alert would be written,
in that transaction, its arrival is noted instead. So no rule, statistic or person sees it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from sentinel.links import host_in_url, web_address
from sentinel.log_redaction import unlogged
from sentinel.notifications.canary import CanaryPlan
from sentinel.notifications.door_canary import (
    CANARY_AGENT,
    DOORS,
    PREFIX,
    STEM,
    DoorRequest,
    request_at,
)
from sentinel.settings import Settings
from sentinel.store.notifications.door_canaries import (
    begin_door_canaries,
    forget_door_canaries,
    last_markers,
    note_refused,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Post", "post_by", "prove_doors", "prove_doors_of"]

Post = Callable[[DoorRequest], str]
"""Posts a request; gives what is wrong with the answer, empty where it was taken."""
_SECONDS = 10.0


def prove_doors(
    store: Store, given: Settings, *, every: timedelta, within: timedelta, forget: bool = False
) -> None:
    """Post a canary at every door, where there is a key for them.

    A door that refuses it, or does not answer, is not raised: its path says so.

    Args:
        store: the shared database
        given: the settings with the key and the address
        every: when the next follows; zero for none
        within: how long one may take
        forget: whether the doors are no paths any more where there is no key

    Raises:
        ConfigurationError: the address cannot be asked
    """
    key = given.canary_key.get_secret_value()
    if not key:
        if forget:
            forget_door_canaries(store)
        return
    with httpx.Client(
        base_url=_address(given), timeout=_SECONDS, headers={"User-Agent": CANARY_AGENT}
    ) as client:  # fmt: skip
        last = last_markers(store)
        markers = {door: _marker_after(last.get(door, "")) for door in DOORS}
        now = begin_door_canaries(store, markers, every=every, within=within)
        post = post_by(client)
        for door in DOORS:
            if wrong := post(request_at(door, markers[door], key, now)):
                note_refused(store, markers[door], wrong)


def prove_doors_of(store: Store, given: Settings, plan: CanaryPlan, *, forget: bool) -> None:
    """Post a canary at every door with the times of a plan, see `prove_doors`."""
    every, within = timedelta(seconds=plan.every), timedelta(seconds=plan.within)
    prove_doors(store, given, every=every, within=within, forget=forget)


def post_by(client: httpx.Client) -> Post:
    """Return what posts by a client of HTTP.

    Args:
        client: its base is the address of the API

    Returns:
        The function; what it gives has neither a key nor the body of an answer.
    """

    def post(request: DoorRequest) -> str:
        try:
            with unlogged():
                answer = client.post(request.path, headers=dict(request.headers), json=request.body)
        except httpx.HTTPError as error:
            return f"{request.path} did not answer ({type(error).__name__})"
        if answer.is_success:
            return ""
        return f"{request.path} answered {answer.status_code} {answer.reason_phrase}".strip()

    return post


def _marker_after(last: str) -> str:
    """Return a marker with the stem of the last one, so that what it overtakes is still known."""
    return (last[:STEM] or f"{PREFIX}{secrets.token_hex(12)}") + secrets.token_hex(8)


def _address(given: Settings) -> str:
    address = given.canary_url or f"{given.scheme}://{host_in_url(given.host)}:{given.api_port}"
    return web_address(address, "SENTINEL_CANARY_URL")
