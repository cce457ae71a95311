"""Sentinel as an Alertmanager: its API v2 under `/alertmanager`, for senders and tools of it."""

from sentinel.api.alertmanager.routes import health, router

__all__ = ["health", "router"]
