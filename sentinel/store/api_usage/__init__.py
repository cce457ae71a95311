"""Limits, keys and requests of APIs in the shared database."""
