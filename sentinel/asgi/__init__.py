"""Middleware for any ASGI application: keys of its consumers, and limits."""

from sentinel.asgi.middleware import SentinelMiddleware
from sentinel.asgi.request_log import RequestLog, RequestLogging

__all__ = ["RequestLog", "RequestLogging", "SentinelMiddleware"]
