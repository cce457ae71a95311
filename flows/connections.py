"""The connections of a flow's process: the store and the Prefect API, opened once and kept.

A worker that runs many flows in one process opens each connection once.
"""

from __future__ import annotations

from functools import lru_cache

from prefect.settings import PREFECT_UI_URL, get_current_settings

from sentinel.links import dashboard_address
from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.transport import authentication
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.for_rules import TenantTelemetry

__all__ = ["prefect_api", "store", "telemetry"]


@lru_cache(maxsize=1)
def store() -> Store:
    """Return the shared database that the settings name."""
    return Store.of(settings())


@lru_cache(maxsize=1)
def prefect_api() -> PrefectApi | None:
    """Return the Prefect API of this flow run, as Prefect's settings name it.

    The settings come from the environment or from a Prefect profile.

    Returns:
        The API; None if no address is set.
    """
    # The settings themselves: they have types, where `PREFECT_API_KEY.value()` is Any.
    api = get_current_settings().api
    if not api.url:
        return None
    secrets = {"PREFECT_API_KEY": api.key, "PREFECT_API_AUTH_STRING": api.auth_string}
    known = {name: one.get_secret_value() for name, one in secrets.items() if one is not None}
    return PrefectApi(api.url, ui_url=PREFECT_UI_URL.value() or "", headers=authentication(known))


def telemetry(tenant: str) -> TenantTelemetry:
    """Return the logs and traces of a tenant; the store is connected to when it is asked."""
    return TenantTelemetry(
        lambda: telemetry_client(settings()), tenant, dashboard_address(settings())
    )
