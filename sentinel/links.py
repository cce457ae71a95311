"""Where people look at things: pages of the dashboard and of the Prefect UI. Pure."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from sentinel.settings import Settings

__all__ = ["Addresses", "safe_link"]


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The beginnings of all links, without a slash at the end."""

    dashboard: str
    prefect_api: str
    prefect_ui: str

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """The addresses that the settings name, or those that follow from them."""
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
        api = (
            settings.prefect_api_url
            or os.environ.get("PREFECT_API_URL", "")
            or f"http://{host}:{settings.prefect_port}/api"
        ).rstrip("/")
        ui = settings.prefect_ui_url or _beside(api)
        shown = settings.dashboard_host
        shown = "127.0.0.1" if shown in ("0.0.0.0", "::") else shown  # noqa: S104
        shown = f"[{shown}]" if ":" in shown else shown
        dashboard = settings.dashboard_url or f"http://{shown}:{settings.dashboard_port}"
        return cls(dashboard=dashboard.rstrip("/"), prefect_api=api, prefect_ui=ui.rstrip("/"))

    def alert(self, alert_id: str) -> str:
        """The dashboard's page, opened at one alert."""
        return f"{self.dashboard}/?alert={quote(alert_id, safe='')}"

    def flow_run(self, flow_run_id: str) -> str:
        """A flow run in the Prefect UI."""
        return f"{self.prefect_ui}/runs/flow-run/{quote(flow_run_id, safe='')}"


def _beside(api: str) -> str:
    """The UI of a self-hosted server, which is served beside `/api`."""
    parts = urlsplit(api)
    path = parts.path.removesuffix("/api")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def safe_link(given: str) -> str | None:
    """`given` where it is a web address that a person may be sent to, else None.

    Annotations come from checks, so a link in one may be anything, also `javascript:`.
    """
    text = given.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return text if text.isprintable() and not set(text) & set(' <>"`\\()[]') else None
