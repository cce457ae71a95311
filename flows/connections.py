"""The connections of a flow's process: the store and the Prefect API, opened once and kept.

A worker that runs many flows in one process opens each connection once.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_UI_URL,
)

from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import settings
from sentinel.store import Store

__all__ = ["prefect_api", "store"]


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
    url = PREFECT_API_URL.value()
    if not url:
        return None
    key, text = PREFECT_API_KEY.value(), PREFECT_API_AUTH_STRING.value()
    headers: dict[str, str] = {}
    if key is not None:
        headers["Authorization"] = f"Bearer {key.get_secret_value()}"
    elif text is not None:
        basic = base64.b64encode(text.get_secret_value().encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
    return PrefectApi(url, ui_url=PREFECT_UI_URL.value() or "", headers=headers)
