"""Whether the address that links in messages lead to is answered, as `sentinel doctor` says it."""

from __future__ import annotations

import httpx

from sentinel.up.self_watch import SelfWatchState

__all__ = ["public_address_state"]


def public_address_state(address: str, served_at: str) -> SelfWatchState:
    """Return whether something listens on the public address.

    Args:
        address: of the public pages, as messages have it
        served_at: where this machine serves them

    Returns:
        A warning where the connection is refused, or the name is not known. A slow answer says
        nothing: not every network lets a machine reach itself by its public address.
    """
    try:
        # The certificate is checked by phones, and nothing secret is sent.
        httpx.get(address, timeout=5, verify=False)  # noqa: S501
    except httpx.ConnectError:
        return SelfWatchState(
            "warning",
            f"nothing answers at {address}, so links in messages lead nowhere; the pages are "
            f"served at {served_at}",
            "Let a proxy or tunnel lead there, or correct SENTINEL_PUBLIC_URL.",
        )
    except httpx.HTTPError:
        pass  # something listens, or the network is slow
    return SelfWatchState("ok", f"{address}, served at {served_at}")
