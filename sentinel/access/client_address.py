"""From which address a request comes, where proxies stand between. Pure.

A proxy appends the address that it was asked from to `X-Forwarded-For`. What stands before the
last proxy that is trusted was written by whoever sent the request, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["Networks", "client_address", "networks_of", "one_client"]

Networks = Sequence[IPv4Network | IPv6Network]
_MOST_PROXIES = 20
_ONE_CLIENT = 64
"""Bits of an IPv6 address that a network gives to one customer, who may use all below it."""


def networks_of(text: str) -> Networks:
    """Return the networks in a setting.

    Args:
        text: addresses and networks, separated by commas

    Returns:
        The networks.

    Raises:
        ValueError: one is neither an address nor a network
    """
    given = (part.strip() for part in text.split(","))
    return tuple(ip_network(one, strict=False) for one in given if one)


def client_address(peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """Return the address of who sent a request: the last that no trusted proxy has.

    Args:
        peer: of the connection; empty where it has none
        forwarded: the values of `X-Forwarded-For`, as they came
        trusted: networks of the proxies

    Returns:
        The address; empty where nothing names one.
    """
    named = [one.strip() for value in forwarded for one in value.split(",")][-_MOST_PROXIES:]
    found = _address(peer)
    while found is not None and named and _is_in(found, trusted):
        before = _address(named.pop())
        if before is None:  # a proxy that hides it, or an error: the proxy is all that is known
            break
        found = before
    return "" if found is None else str(found)


def one_client(address: str) -> str:
    """Return what limits count as one client: an IPv4 address, or the /64 of an IPv6 address.

    Args:
        address: as `client_address` returns it

    Returns:
        The address or network; empty for what is no address.
    """
    found = _address(address)
    if found is None or isinstance(found, IPv4Address):
        return "" if found is None else str(found)
    return str(ip_network((found, _ONE_CLIENT), strict=False))


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, also one with a port or in brackets; None for anything else."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
