"""From which address a request comes."""

from __future__ import annotations

import pytest

from sentinel.access.client_address import client_address, networks_of, one_client

TRUSTED = networks_of("127.0.0.1, ::1, 10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        # Whoever is no trusted proxy may write into the header what they like.
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # What the sender wrote stands before what the proxies appended.
        ("10.1.2.3", ["203.0.113.9, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["10.1.2.4"], "10.1.2.4"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1, unknown"], "10.1.2.3"),
        ("::ffff:10.1.2.3", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("::1", ["fe80::1%eth0"], "fe80::1"),
        ("", ["198.51.100.1"], ""),
        ("testclient", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], found: str
):
    assert client_address(peer, forwarded, TRUSTED) == found


def test_a_header_of_any_length_costs_no_more_than_twenty_proxies():
    assert client_address(
        "10.0.0.1", ["198.51.100.1," + "10.0.0.2," * 50 + "10.0.0.3"], TRUSTED
    ) == ("10.0.0.2")


def test_without_a_trusted_proxy_the_connection_alone_says_it():
    assert client_address("127.0.0.1", ["198.51.100.1"], networks_of("")) == "127.0.0.1"
    with pytest.raises(ValueError, match="loopback"):
        networks_of("loopback")


def test_one_client_is_an_ipv4_address_or_a_64_of_ipv6():
    assert one_client("192.0.2.7") == one_client("::ffff:192.0.2.7") == "192.0.2.7"
    assert one_client("2001:db8:1:2:3::4") == one_client("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert one_client("") == one_client("nobody") == ""
