"""From which address a request to the API comes."""

from __future__ import annotations

from fastapi import Request

from sentinel.access.client_address import Networks, client_address

__all__ = ["address_of"]


def address_of(request: Request) -> str:
    """Return the address of the client, past the proxies that the settings trust.

    Args:
        request: of the API

    Returns:
        The address; empty where nothing names one.
    """
    trusted: Networks = request.app.state.trusted_proxies
    peer = "" if request.client is None else request.client.host
    return client_address(peer, request.headers.getlist("x-forwarded-for"), trusted)
