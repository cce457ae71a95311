"""Alerts: their state, their lifecycle, what people do to them, and the events of both. Pure."""
