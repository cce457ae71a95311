"""Whether Sentinel watches itself, as `sentinel doctor` says it."""

from __future__ import annotations

from typing import Literal

import msgspec

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.api.own_token import is_loopback
from sentinel.event_policies.self_watch import SELF_WATCH
from sentinel.printable import counted
from sentinel.settings import Settings
from sentinel.store import Store

__all__ = ["SelfWatchState", "self_watch_state"]


class SelfWatchState(msgspec.Struct, frozen=True):
    """What is said of a part, and what to do about it."""

    state: Literal["ok", "wrong", "warning", "note"]
    says: str
    hint: str = ""


def self_watch_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether the policies over Sentinel's own security events are on.

    Args:
        settings: completed by those of the running instance
        store: the shared database

    Returns:
        A warning where one is switched off or was never evaluated, or where the addresses of
        clients are not known.
    """
    rows = store.rules.list(SECURITY_TENANT)
    rules = {row.name: row.enabled for row in rows}
    if SELF_WATCH not in rules:
        return SelfWatchState(
            "note", "not there yet", "The relay makes it: sentinel up, or sentinel relay."
        )
    if off := sorted(name for name, on in rules.items() if not on):
        return SelfWatchState(
            "warning", f"switched off: {', '.join(off)}",
            "Switch them on on the page Rules, or over HTTP; their tenant is " + SECURITY_TENANT,
        )  # fmt: skip
    if _proxy_is_unknown(settings):
        return SelfWatchState(
            "warning",
            "failed logins of everybody count for one address, since no proxy on another machine "
            "is trusted and people open the dashboard through one",
            "Name the proxy in SENTINEL_TRUSTED_PROXIES.",
        )
    waiting = sorted(row.name for row in rows if row.name != SELF_WATCH and not row.evaluated_at)
    if waiting:
        return SelfWatchState(
            "warning", f"not evaluated yet: {', '.join(waiting)}",
            "The relay evaluates them twice a minute: look at its line, and run it again.",
        )  # fmt: skip
    live = store.alerts.counts(SECURITY_TENANT).active
    return SelfWatchState(
        "ok", f"{counted(len(rules) - 1, 'policy', 'policies')}, {counted(live, 'active alert')}"
    )


def _proxy_is_unknown(settings: Settings) -> bool:
    """Return whether people seem to come through a proxy that is not trusted."""
    trusted = [one.strip() for one in settings.trusted_proxies.split(",") if one.strip()]
    ends_tls = settings.dashboard_url.startswith("https://") and settings.tls_certificate is None
    elsewhere = not is_loopback(settings.dashboard_host)
    return ends_tls and elsewhere and all(is_loopback(one) for one in trusted)
