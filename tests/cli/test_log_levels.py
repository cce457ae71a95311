"""`sentinel log …`."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Run


@pytest.fixture(autouse=True)
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    return migrated_url


def test_a_level_is_set_listed_and_taken_back(run: Run):
    assert run("log", "list") == (0, "Every component logs as configured.\n", "")
    code, out, _ = run("log", "level", "relay", "debug", "--for", "30m")
    assert code == 0
    assert out.startswith("relay logs at DEBUG until 20")
    assert "relay" in run("log", "list")[1]
    (listed,) = json.loads(run("log", "list", "--json")[1])["items"]
    assert (listed["component"], listed["level"]) == ("relay", "DEBUG")
    assert run("log", "reset", "relay") == (0, "Back to what is configured: relay.\n", "")
    assert run("log", "reset") == (0, "No log level was set.\n", "")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("httpx", "debug"), "Components: all, api"),
        (("relay", "loud"), "Levels: DEBUG"),
        (("relay", "debug", "--for", "soon"), "not a duration"),
        (("relay", "debug", "--for", "30d"), "cannot last 30d"),
    ],
)
def test_what_cannot_be_set_is_named(run: Run, given: tuple[str, ...], says: str):
    code, _, err = run("log", "level", *given)
    assert code == 2
    assert says in err
