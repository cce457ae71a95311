"""The page of people and access: users, roles and keys changed there and read back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.access_commands import PutBackRoles, rows_of
from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.key_commands import CreateKey, RevokeKey
from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.errors import Conflict, NotFound, OutOfScope
from sentinel.links import Addresses
from sentinel.settings import settings
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun
from sentinel.store.audit.queries import AuditFilter
from sentinel.store.audit.queries import page as audit_page
from tests.dashboard.scene import Scene, shown

PASSWORD = "seven green bicycles"
ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


def logged_in(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, role: Role,
    tenants: list[str] | None = None,
) -> None:  # fmt: skip
    People(scene.store).create(name, role, password=PASSWORD, actor="root", tenants=tenants)
    begun = SignIn(scene.store, settings()).log_in(name, PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)


def opened(page: AppTest, view: str = "Users") -> str:
    page.run().switch_page("people.py").run()
    page.session_state["people-view"] = view
    return shown(page.run())


def keyed(page: AppTest, kind: str, start: str) -> str:
    """The key of an input, which ends with the number of its form."""
    (found,) = (str(one.key) for one in page.get(kind) if str(one.key).startswith(f"{start}-"))
    return found


def fill(page: AppTest, start: str, words: str) -> None:
    page.text_input(key=keyed(page, "text_input", start)).set_value(words)


def keys_of(page: AppTest) -> set[str]:
    return {str(one.key) for one in page.button}


def test_an_admin_makes_disables_and_deletes_a_user_and_changes_roles(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    scene.raises("disk", tenant="acme", team="db")
    logged_in(scene, monkeypatch, "ada", Role.ADMIN)
    people = People(scene.store)
    assert "No user" not in opened(page)
    page.toggle(key="new-user-0").set_value(True).run()
    fill(page, "user-name", "Maria")
    fill(page, "user-password", "short")
    page.button(key="user-create").click().run()
    assert "Nothing was changed" in shown(page)
    fill(page, "user-password", "eleven blue tricycles")
    fill(page, "user-display", "Maria López")
    tenants = page.multiselect(key="user-tenants-0")
    assert tenants.options == ["acme"]
    tenants.set_value(["acme"])
    page.button(key="user-create").click().run()
    made = people.get("maria")
    assert (made.display_name, rows_of(made.grants)) == (
        "Maria López", [("acme", "", Role.RESPONDER)]
    )  # fmt: skip
    assert isinstance(
        SignIn(scene.store, settings()).log_in("maria", "eleven blue tricycles"), Begun
    )
    # Who logged in since is not deleted by taking back that they were made.
    page.button(key="undo-people-button").click().run()
    assert people.get("maria").login_at is not None
    # The panel of the new user is open; a role more, taken back, and one that is revoked.
    assert "Maria López" in shown(page)
    page.multiselect(key="grant-teams-1").set_value(["db"])
    page.button(key="grant-role").click().run()
    assert ("", "db", Role.RESPONDER) in rows_of(people.get("maria").grants)
    page.button(key="undo-people-button").click().run()
    assert rows_of(people.get("maria").grants) == [("acme", "", Role.RESPONDER)]
    page.button(key="revoke-0").click().run()
    assert people.get("maria").grants == ()
    assert "Without a role" in shown(page)
    page.button(key="undo-people-button").click().run()
    assert rows_of(people.get("maria").grants) == [("acme", "", Role.RESPONDER)]
    # A role that another one includes is a row of its own, which a revoked one leaves.
    for tenants in (["acme"], ["globex"], None):
        people.grant("maria", Role.VIEWER, actor="root", tenants=tenants, teams=["web"])
    assert shown(page.run()).count("viewer in") == 3
    page.button(key="revoke-0").click().run()
    left = [
        ("acme", "", Role.RESPONDER),
        ("acme", "web", Role.VIEWER),
        ("globex", "web", Role.VIEWER),
    ]
    assert list(people.get("maria").roles) == left
    page.button(key="undo-people-button").click().run()
    assert list(people.get("maria").roles) == [("", "web", Role.VIEWER), *left]
    people.revoke("maria", actor="root", tenants=["acme", "globex"], teams=["web"])
    people.revoke("maria", actor="root", teams=["web"])
    page.run()
    page.button(key="disable-user").click().run()
    assert (people.get("maria").state, people.get("maria").sessions) == ("disabled", 0)
    page.button(key="undo-people-button").click().run()
    assert people.get("maria").state == "active"
    fill(page, "new-password", "twelve red unicycles")
    page.button(key="set-password").click().run()
    assert isinstance(
        SignIn(scene.store, settings()).log_in("maria", "twelve red unicycles"), Begun
    )
    page.button(key="delete-user").click().run()
    assert [one.name for one in people.list()] == ["ada"]
    done = [one.action for one in audit_page(scene.store, AuditFilter(actor="ada")).items]
    assert done[::-1] == [
        "person.created", "person.granted", "person.granted", "person.revoked", "person.granted",
        "person.revoked", "person.granted", "person.disabled", "person.enabled", "person.password",
        "person.deleted",
    ]  # fmt: skip
    page.session_state["person"] = "ada"
    assert "your own account" in shown(page.run())
    assert not keys_of(page) & {"disable-user", "delete-user", "revoke-0", "grant-role"}


def test_a_key_is_made_rotated_and_revoked_and_its_secret_is_shown_once(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    logged_in(scene, monkeypatch, "ada", Role.ADMIN, ["acme"])
    keys = Keys(scene.store)
    elsewhere = keys.create("beyond", Role.VIEWER, actor="root").key
    assert "No API keys" in opened(page, "API keys")  # none that she may see
    page.toggle(key="new-key-0").set_value(True).run()
    fill(page, "key-name", "grafana")
    page.multiselect(key="key-scopes-0").set_value(["alerts:read", "webhooks"])
    page.button(key="key-create").click().run()
    assert "not an admin of all that this key would hold for" in shown(page)
    page.multiselect(key="key-tenants-0").set_value(["acme"])
    page.button(key="key-create").click().run()
    made = keys.get("grafana")
    assert made.scopes == ("alerts:read", "webhooks")
    assert made.expires_at == made.created_at + timedelta(days=90)
    (secret,) = (one.value for one in page.code)
    assert keys.find(secret[4:12]) is not None
    page.button(key="key-stored").click().run()
    assert not page.code
    page.selectbox(key="chosen-key").set_value(made.id).run()
    page.button(key="key-rotate").click().run()
    rotated = keys.get("grafana")
    assert [one.prefix for one in rotated.secrets][1:] == [made.secrets[0].prefix]
    assert page.code[0].value[4:12] == rotated.secrets[0].prefix
    page.button(key="key-revoke").click().run()
    assert keys.get(made.id).revoked_by == "ada"
    assert "No API keys" in shown(page)
    assert "beyond" not in shown(page)
    assert keys.get(elsewhere.id).revoked_at is None


def test_who_is_no_admin_reads_why_and_is_offered_nothing(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    logged_in(scene, monkeypatch, "vera", Role.VIEWER)
    text = opened(page)
    assert "Only admins manage people and access" in text
    assert "Your roles: viewer in all tenants" in text
    assert not [one for one in keys_of(page) if one.startswith(("user-", "key-", "grant"))]
    assert not page.dataframe


def test_commands_refuse_what_is_beyond_whoever_sends_them(scene: Scene):
    commands = Commands(
        Data(scene.store, ADDRESSES, lambda: True), Configuration(scene.store, ADDRESSES)
    )
    root = Principal(name="root", kind="person", role=Role.ADMIN)
    some = Principal(name="ada", kind="person", role=Role.ADMIN, tenants=frozenset({"acme"}))
    key = Keys(scene.store).create("beyond", Role.VIEWER, actor="root").key
    with pytest.raises(NotFound):
        commands.run_form(RevokeKey(key=key.id), lambda: some)
    with pytest.raises(OutOfScope):
        commands.run_form(CreateKey(name="k", role=Role.VIEWER, tenants=["other"]), lambda: some)
    person = People(scene.store).create("maria", Role.VIEWER, password=PASSWORD, actor="root")
    back = PutBackRoles(name="maria", roles=[], now=rows_of(person.grants))
    with pytest.raises(OutOfScope):
        commands.run_form(back, lambda: some)
    People(scene.store).grant("maria", Role.ADMIN, actor="eve")  # meanwhile
    with pytest.raises(Conflict, match="changed since"):
        commands.run_form(back, lambda: root)
