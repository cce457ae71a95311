"""What the request log keeps of a request, and what it never does. Pure.

Addresses are shortened before anything is written, headers are kept by a list of names, query
strings are dropped unless they are asked for, and there is no column for a body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING

import msgspec

from sentinel.access.client_address import client_address
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.settings import Settings

__all__ = ["NEVER_KEPT", "RequestPrivacy", "header_names"]

NEVER_KEPT = frozenset({
    "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key",
    "x-auth-token", "x-csrf-token",
})  # fmt: skip
"""Headers that hold secrets: no list of names keeps them."""
_MOST_HEADERS, _MOST_HEADER = 20, 500
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,80}")
_HASH = re.compile(r"h:[0-9a-f]{16}")
_PREFIX = {4: 24, 6: 48}


class RequestPrivacy(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of each request.

    Attributes:
        addresses: `truncated` to the /24 of an IPv4 address and the /48 of an IPv6 one, `hashed`
            with the key, or `off`
        key: of the hash; the same address has the same hash under the same key
        headers: names in small letters; others are dropped
        queries: whether paths keep what follows their `?`
    """

    addresses: str = "truncated"
    key: str = ""
    headers: frozenset[str] = frozenset()
    queries: bool = False

    @classmethod
    def of(cls, settings: Settings) -> RequestPrivacy:
        """Return what the settings say."""
        return cls(
            addresses=settings.request_addresses,
            key=settings.request_address_key.get_secret_value(),
            headers=header_names(settings.request_headers),
            queries=settings.request_queries,
        )

    def address(self, given: str) -> str:
        """Return what is kept of an address.

        Args:
            given: an address, also with a port; or what this returned elsewhere, as in a
                middleware whose rows come here

        Returns:
            A network, a hash as `h:…`, or an empty text for what is no address.
        """
        if not given or self.addresses == "off":
            return ""
        return _kept(given[:80], self.addresses, self.key)

    def path(self, given: str) -> str:
        """Return what is kept of a path."""
        return given if self.queries else given.partition("?")[0]

    def headers_of(self, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the headers that are kept, each value cut to 500 characters."""
        if not self.headers or not given:
            return []
        kept = [
            (name.lower(), value[:_MOST_HEADER])
            for name, value in given.items()
            if name.lower() in self.headers
        ]
        return kept[:_MOST_HEADERS]


def header_names(text: str) -> frozenset[str]:
    """Read the names of headers that are kept.

    Args:
        text: names, separated by commas

    Returns:
        The names in small letters.

    Raises:
        ConfigurationError: one is no name of a header, or its values are secrets
    """
    names = [one.strip().lower() for one in text.split(",") if one.strip()]
    for name in names:
        if name in NEVER_KEPT:
            raise ConfigurationError(f"the header {name} holds secrets and is never kept")
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name[:80]!r} is no name of a header")
    if len(names) > _MOST_HEADERS:
        raise ConfigurationError(f"{len(names)} headers are more than {_MOST_HEADERS}")
    return frozenset(names)


@lru_cache(8192)
def _kept(given: str, how: str, key: str) -> str:
    if _HASH.fullmatch(given):
        return given
    try:
        network = ip_network(client_address(given, (), ()) or given, strict=False)
    except ValueError:
        return ""
    if how == "hashed":
        return "h:" + blake2b(str(network).encode(), digest_size=8, key=key.encode()).hexdigest()
    most = _PREFIX[4 if isinstance(network, IPv4Network) else 6]
    return str(network if network.prefixlen <= most else network.supernet(new_prefix=most))
