"""The addresses that people open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.links import Addresses, host_in_url, safe_link, web_address
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.plan import Options, Plan, make_plan


def _in_links(settings: Settings) -> str:
    return Addresses.of(settings).dashboard


def _in_notifications(settings: Settings) -> str:
    store = Store.of(settings)
    try:
        return store.options.dashboard_url
    finally:
        store.close()


def _plan(settings: Settings) -> Plan:
    """A start with these settings; planned on loopback, as a plan tries whether its ports bind."""
    here = settings.model_copy(update={"host": "127.0.0.1", "api_port": 0})
    plan = make_plan(here, Options(sqlite=True), {})
    return replace(plan, settings=settings, dashboard_port=settings.dashboard_port)


def _of_a_start(settings: Settings) -> str:
    return _plan(settings).dashboard


def _for_the_processes_of_a_start(settings: Settings) -> str:
    return _plan(settings).environment("sqlite:///x", {})["SENTINEL_DASHBOARD_URL"]


EVERYWHERE = pytest.mark.parametrize(
    "address",
    [_in_links, _in_notifications, _of_a_start, _for_the_processes_of_a_start],
)


def given(home: Path, **values: object) -> Settings:
    """Settings whose dashboard may listen on `host`."""
    return Settings.model_validate(
        {
            "home": home,
            "api_token": "chosen",
            "dashboard_behind_login": True,
            "dashboard_port": 18_501,
            **values,
        }
    )


@EVERYWHERE
@pytest.mark.parametrize(
    ("host", "opened"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("fd00::1", "[fd00::1]"),
        ("192.0.2.1", "192.0.2.1"),
        ("alerts.example", "alerts.example"),
    ],
)
def test_every_part_opens_the_dashboard_at_the_same_address_whatever_it_listens_on(
    tmp_path: Path, host: str, opened: str, address: Callable[[Settings], str]
) -> None:
    assert address(given(tmp_path, host=host)) == f"http://{opened}:18501"


@EVERYWHERE
def test_a_dashboard_without_a_login_is_opened_on_this_machine(
    tmp_path: Path, address: Callable[[Settings], str]
) -> None:
    alone = given(tmp_path, host="192.0.2.1", dashboard_behind_login=False)
    assert address(alone) == "http://127.0.0.1:18501"


@EVERYWHERE
def test_the_address_that_a_platform_owner_set_wins(
    tmp_path: Path, address: Callable[[Settings], str]
) -> None:
    url = "https://alerts.example/sentinel/"
    assert address(given(tmp_path, host="0.0.0.0", dashboard_url=url)) == url.rstrip("/")


def test_a_host_given_in_brackets_keeps_one_pair() -> None:
    assert host_in_url("[fd00::1]") == "[fd00::1]"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "fd00::1"])
def test_the_prefect_ui_is_opened_where_its_server_can_be_reached(
    tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    found = Addresses.of(given(tmp_path, host=host))
    assert found.prefect_api == f"http://{host_in_url(host)}:4200/api"
    assert found.prefect_ui == f"http://{host_in_url(host)}:4200"


@pytest.mark.parametrize("link", ["https://wiki.example/cpu", " http://10.0.0.1:80/a?b=c "])
def test_a_link_to_a_web_page_is_shown(link: str) -> None:
    assert safe_link(link) == link.strip()


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "https://",
        "http://[",
        "wiki",
        "https://a b/c",
        "https://a<b>/",
        "https://a.example/x\ny",
        "https://a)/",
        'https://a"/',
    ],
)
def test_a_link_that_is_no_plain_web_address_is_not_shown(link: str) -> None:
    assert safe_link(link) is None


@pytest.mark.parametrize(
    ("written", "opened"),
    [
        ("https://r.example/run book", "https://r.example/run%20book"),
        ("https://r.example/cpu [host]", "https://r.example/cpu%20%5Bhost%5D"),
        ("https://r.example/{team}?q={x|y}", "https://r.example/%7Bteam%7D?q=%7Bx%7Cy%7D"),
        ("https://r.example/a_(b)#c d", "https://r.example/a_%28b%29#c%20d"),
        ("https://r.example/a%20b%2Fc", "https://r.example/a%20b%2Fc"),
        ("https://r.example/100%", "https://r.example/100%25"),
        ("https://a.example/)](x", "https://a.example/%29%5D%28x"),
        ('https://a.example/"><b', "https://a.example/%22%3E%3Cb"),
        ("https://r.example/ü", "https://r.example/%C3%BC"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://r.example?a=b&c=d,e;f", "https://r.example?a=b&c=d,e;f"),
    ],
)
def test_what_would_end_a_link_is_percent_encoded(written: str, opened: str) -> None:
    assert safe_link(written) == opened
    assert safe_link(opened) == opened


@EVERYWHERE
@pytest.mark.parametrize(
    ("set_to", "opened"),
    [
        ("https://sentinel.example.org/ops/", "https://sentinel.example.org/ops"),
        ("sentinel.example.org:8501", "http://sentinel.example.org:8501"),
        ("http://0.0.0.0:8501", "http://127.0.0.1:8501"),
        ("[::]:8501", "http://127.0.0.1:8501"),
        ("http://[fd00::1]:8501/", "http://[fd00::1]:8501"),
    ],
)
def test_an_address_that_is_set_can_be_opened(
    address: Callable[[Settings], str], tmp_path: Path, set_to: str, opened: str
):
    assert address(given(tmp_path, dashboard_url=set_to)) == opened


@pytest.mark.parametrize(
    "set_to", ["ftp://x.example", "http://", "http://[::1", "http://x:y", "a b"]
)
def test_an_address_that_nobody_can_open_is_refused_by_its_name(set_to: str):
    with pytest.raises(ConfigurationError, match="SENTINEL_DASHBOARD_URL"):
        web_address(set_to, "SENTINEL_DASHBOARD_URL")
