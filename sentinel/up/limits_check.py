"""What counts limits, and whether it does so exactly: for `sentinel doctor` and the health page."""

from __future__ import annotations

from sentinel.errors import ConfigurationError, LimitsUnavailable
from sentinel.settings import Settings
from sentinel.store.api_usage.redis_states import redis_facts
from sentinel.up.self_watch import SelfWatchState

__all__ = ["limits_state"]


def limits_state(settings: Settings) -> SelfWatchState:
    """Return the state of what counts limits.

    Args:
        settings: that name the Redis, if one counts

    Returns:
        Wrong where it does not answer, or cannot count; a warning where it may forget counts.
    """
    url = settings.limits_redis_url.get_secret_value()
    if not url:
        return SelfWatchState("ok", "counted in the shared database")
    try:
        facts = redis_facts(url)
    except (ConfigurationError, LimitsUnavailable) as error:
        return SelfWatchState("wrong", error.message, error.hint)
    if facts.cluster:
        return SelfWatchState(
            "wrong", "the Redis of limits is part of a Redis Cluster, which cannot count them",
            "Name a single Redis: SENTINEL_LIMITS_REDIS_URL",
        )  # fmt: skip
    says = f"counted in Redis {facts.version}".rstrip()
    if facts.evicts:
        return SelfWatchState(
            "warning", f"{says}, which forgets counts once its memory is full ({facts.evicts})",
            "Set its maxmemory-policy to noeviction, or more may pass than the limits say.",
        )  # fmt: skip
    return SelfWatchState("ok", says)
