"""`sentinel user …` and `sentinel role …`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from tests.cli.shell import Run

PASSWORD = "seven green bicycles"
Typed = Callable[[str], None]


@pytest.fixture(autouse=True)
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    return migrated_url


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Send a text to standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_an_account_is_made_shown_changed_and_deleted(run: Run, typed: Typed):
    typed(f"{PASSWORD}\n")
    code, out, err = run("user", "create", "Maria", "--role", "responder", "--tenant", "acme",
                         "--display-name", "Maria López")  # fmt: skip
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "maria can log in, as responder of acme.",
        "This is the first account: the dashboard asks everybody to log in from now on.",
    ]
    out = run("user", "list")[1]
    assert "Maria López" in out
    assert "responder of acme" in out
    assert run("role", "grant", "maria", "editor")[1] == (
        "maria is editor of all tenants; responder of acme.\n"
    )
    assert run("role", "revoke", "maria", "--tenant", "acme")[1] == (
        "maria is editor of all tenants.\n"
    )
    assert run("role", "list")[1].splitlines()[1].split() == ["maria", "editor", "all", "all"]
    typed("eleven blue tricycles\n")
    assert run("user", "password", "maria")[1] == (
        "maria has a new password; all sessions ended.\n"
    )
    assert run("user", "disable", "maria")[1].startswith("maria cannot log in any more")
    assert "disabled" in run("user", "show", "maria")[1]
    assert run("user", "enable", "maria")[1] == "maria can log in.\n"
    out = run("user", "delete", "maria")[1]
    assert out.startswith("Deleted the account of maria.\nNo account is left: the dashboard has no")


def test_programs_get_json_without_the_password(run: Run, typed: Typed):
    typed(PASSWORD)
    out = run("user", "create", "maria", "--role", "viewer", "--json")[1]
    made = json.loads(out)
    assert made["grants"] == [{"role": "viewer", "tenants": None, "teams": None}]
    assert "argon2" not in out
    assert json.loads(run("user", "list", "--json")[1])["items"] == [made]
    listed = json.loads(run("role", "list", "maria", "--json")[1])["items"]
    assert listed == [{"person": "maria", "grants": made["grants"]}]


@pytest.mark.parametrize(
    ("stdin", "says"), [("", "there is no password"), ("short\n", "has 5 characters")]
)
def test_a_password_comes_from_standard_input_and_is_checked(
    run: Run, typed: Typed, stdin: str, says: str
):
    typed(stdin)
    code, _, err = run("user", "create", "maria", "--role", "viewer")
    assert code == 2
    assert says in err
    assert run("user", "list")[1].startswith("There are no accounts")


def test_no_command_takes_a_password_as_an_argument(run: Run):
    for command in ("create", "password"):
        out = run("user", command, "--help")[1]
        assert "--password" not in out


def test_an_unknown_person_is_named(run: Run):
    for command in (["user", "show"], ["user", "disable"], ["user", "password"],
                    ["user", "delete"], ["role", "list"], ["role", "revoke"]):  # fmt: skip
        code, _, err = run(*command, "nobody")
        assert code != 0
        assert "there is no account named 'nobody'" in err
