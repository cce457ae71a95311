"""Middleware for any ASGI application: keys of its consumers, and limits."""

from sentinel.asgi.middleware import SentinelMiddleware

__all__ = ["SentinelMiddleware"]
