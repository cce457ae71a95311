"""Which names of hosts are ours: of the settings, and of the header `Host`."""

from __future__ import annotations

import pytest

from sentinel.links import allowed_hosts, is_allowed_host
from sentinel.settings import Settings

SETTINGS = Settings(
    host="api.internal",
    dashboard_url="https://Alerts.example.org:8443/sentinel/",
    allowed_hosts="proxy.example.org, *.cluster.local,",
)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST:8400", True),
        ("host-7", True),
        ("api.internal:8400", True),
        ("alerts.example.org", True),
        ("alerts.example.org.", True),
        ("proxy.example.org:443", True),
        ("api.sentinel.cluster.local", True),
        ("10.1.2.3:8400", True),
        ("[fe80::1]:8400", True),
        ("", True),
        ("rebound.example", False),
        ("cluster.local", False),
        ("evil-cluster.local", False),
        ("localhost.rebound.example", False),
        ("127.0.0.1.rebound.example", False),
        ("[::1", False),
        ("a@localhost@rebound.example", False),
    ],
)
def test_names_of_its_own_and_addresses_are_allowed(header: str, ours: bool):
    assert is_allowed_host(header, allowed_hosts(SETTINGS, "host-7")) is ours


@pytest.mark.parametrize("url", ["alerts.example.org", "alerts.example.org:8443/sentinel"])
def test_the_dashboard_s_own_name_is_allowed_without_a_scheme_too(url: str):
    assert is_allowed_host("alerts.example.org", allowed_hosts(Settings(dashboard_url=url), "host"))


def test_a_star_allows_every_name():
    assert is_allowed_host("any.example", allowed_hosts(Settings(allowed_hosts="*"), "host-7"))
