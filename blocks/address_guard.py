"""Which addresses a webhook channel may reach: public ones, and networks that are allowed.

Whoever may save a channel could otherwise have this machine ask what only it can reach: metadata of
a cloud, databases, other people's services. A name is resolved before anything is sent, and what
was connected to is looked at again, since a name may answer differently the second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from sentinel.errors import DeliveryError
from sentinel.settings import settings

__all__ = ["AddressGuard", "is_allowed", "networks_of", "refusal"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 behind NAT64 (RFC 6052)."""


def networks_of(text: str) -> list[_Network]:
    """Return the networks of a list with commas, such as `10.0.0.0/8, 192.0.2.7`.

    Args:
        text: addresses and networks; `*` is every one

    Returns:
        The networks.

    Raises:
        ValueError: one of them is no network
    """
    found: list[_Network] = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        every = ("0.0.0.0/0", "::/0") if one == "*" else (one,)
        found += [ipaddress.ip_network(network, strict=False) for network in every]
    return found


def is_allowed(address: str, networks: list[_Network]) -> bool:
    """Return whether a channel may reach an address.

    Args:
        address: of IPv4 or IPv6, perhaps with a zone
        networks: that are allowed although they are not public

    Returns:
        True for public addresses and those of `networks`; an address of IPv4 inside one of IPv6 is
        judged as itself.
    """
    plain = ipaddress.ip_address(address.partition("%")[0])
    inner = _inner(plain)
    if any(inner in network for network in networks if network.version == inner.version):
        return True
    if isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local:
        return False  # fec0::/10, private before fc00::/7 took its place (RFC 3879)
    return inner.is_global and not inner.is_multicast


def _inner(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


class AddressGuard:
    """Refuses to send one request to an address that is not allowed.

    Args:
        url: the address of the request
        what: what is asked, in a sentence
    """

    def __init__(self, url: str, what: str) -> None:
        parsed = httpx.URL(url)
        self._host = parsed.raw_host.decode("ascii").strip("[]")
        self._port = parsed.port or (443 if parsed.scheme == "https" else 80)
        self._what = what
        self._networks = networks_of(settings().allowed_networks)
        self._direct = True

    def check(self) -> None:
        """Resolve the host, and refuse it before anything is sent.

        Raises:
            DeliveryError: an address of it is not allowed; permanent
        """
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError:
            return  # connecting says why
        for *_, address in found:
            self._check(str(address[0]))

    def only_public(self) -> bool:
        """Return whether every address of the host is public, so that no allowance is needed."""
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError:
            return True
        return all(is_allowed(str(address[0]), []) for *_, address in found)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Look at what httpx connects to, as its extension `trace`.

        Raises:
            DeliveryError: it is not allowed; permanent
        """
        if event == "connection.connect_tcp.started":
            # Through a proxy, it is the proxy that connects to the host.
            self._direct = info["host"] == self._host
        elif event == "connection.connect_tcp.complete" and self._direct:
            stream = info["return_value"]
            try:
                self._check(str(stream.get_extra_info("server_addr")[0]))
            except DeliveryError:
                stream.close()
                raise

    def _check(self, address: str) -> None:
        if not is_allowed(address, self._networks):
            raise refusal(self._what)


def refusal(what: str) -> DeliveryError:
    """Return the error of what is at an address that no channel may reach; permanent."""
    return DeliveryError(
        f"{what} is at a private address, which channels may not reach",
        permanent=True,
        hint="Allow its network in SENTINEL_ALLOWED_NETWORKS, as 10.1.0.0/16.",
    )
