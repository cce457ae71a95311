"""Pending changes on the rules page, and the access review on the page of people."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.approval_commands import DecideChange
from dashboard.commands import Commands
from dashboard.configuration import CliResult, Configuration
from dashboard.data import Data
from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.audit.origin import Origin, acting
from sentinel.errors import ConfigurationError
from sentinel.links import Addresses
from sentinel.rules.approval import ChangeWaits
from sentinel.settings import settings
from sentinel.store.access.people import People
from sentinel.store.access.reviews import Reviews
from sentinel.store.access.sessions import Begun
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.separation import Separation
from sentinel.store.rules.asking import Asked, ask_first
from tests.dashboard.scene import Scene, shown

PASSWORD = "seven green bicycles"


def logged_in(scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, role: Role) -> None:
    People(scene.store).create(name, role, password=PASSWORD, actor="root")
    begun = SignIn(scene.store, settings()).log_in(name, PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)


def asked(scene: Scene) -> str:
    """Maria asks for the end of a critical rule; gives the id of the change."""
    scene.raises("disk", severity="critical")
    (rule,) = scene.store.rules.list()
    Separation(scene.store).switch(None, on=True, actor="root")
    with pytest.raises(ChangeWaits) as waits:
        scene.store.rules.disable(rule.name, actor="maria", reason="noisy")
    return waits.value.change


def test_a_pending_change_is_shown_as_a_difference_and_approved(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    change = asked(scene)
    logged_in(scene, monkeypatch, "bob", Role.EDITOR)
    page.run().switch_page("rules.py").run()
    text = shown(page)
    assert "waits for a second person" in text
    assert "noisy" in text
    difference = page.dataframe[0].value
    assert list(difference.iloc[0]) == ["enabled", "True", "False"]
    page.text_input(key=f"change-comment-{change}").set_value("agreed").run()
    page.button(key=f"change-approve-{change}").click().run()
    done = PendingChanges(scene.store).get(change)
    assert (done.status, done.decided_by, done.comment) == ("applied", "bob", "agreed")
    assert not scene.store.rules.list()[0].enabled
    assert "waits for a second person" not in shown(page)


def test_who_asked_may_only_withdraw(scene: Scene, page: AppTest):
    change = asked(scene)
    page.run().switch_page("rules.py").run()  # as maria, without a login
    keys = {button.key for button in page.button}
    assert f"change-withdraw-{change}" in keys
    assert f"change-approve-{change}" not in keys


def test_a_viewer_decides_nothing(scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch):
    asked(scene)
    logged_in(scene, monkeypatch, "vera", Role.VIEWER)
    page.run().switch_page("rules.py").run()
    assert "waits for a second person" in shown(page)
    assert not [button for button in page.button if str(button.key).startswith("change-")]


def test_a_change_of_a_deployment_is_approved_by_a_command_as_the_person(scene: Scene):
    store = scene.store
    ran: list[tuple[str, ...]] = []
    scene.raises("disk", severity="critical")
    (rule,) = store.rules.list()
    Separation(store).switch(None, on=True, actor="root")
    state = {"rule": rule.spec, "enabled": True}
    wanted = Asked(kind="delete", tenant="default", rule=rule.name, spec=rule.spec, critical=True,
                   before=state, after={})  # fmt: skip
    with acting(Origin("api", "person")), pytest.raises(ChangeWaits) as waits:
        ask_first(store, wanted, actor="maria")

    class Cli(Configuration):
        def _cli(self, *arguments: str, actor: str = "") -> CliResult:
            ran.append((*arguments, actor))
            return CliResult(output={}, problem="sentinel: Prefect does not answer")

    addresses = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")
    commands = Commands(Data(store, addresses, lambda: True), Cli(store, addresses))
    bob = Principal(name="bob", kind="person", role=Role.EDITOR)
    command = DecideChange(change=waits.value.change, decision="approve", comment="yes")
    with pytest.raises(ConfigurationError, match=r"^Prefect does not answer$"):
        commands.run_form(command, lambda: bob)
    assert ran == [("rule", "approve", waits.value.change, "-m", "yes", "bob")]


def test_an_admin_reviews_access_and_certifies_it(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    logged_in(scene, monkeypatch, "ada", Role.ADMIN)
    page.run().switch_page("people.py").run()
    page.session_state["people-view"] = "Access review"
    page.run()
    shown(page)
    table = page.dataframe[0].value
    assert list(table.iloc[0][["Name", "Kind", "Role", "Tenant"]]) == [
        "ada",
        "person",
        "admin",
        "all",
    ]
    page.text_input(key="review-comment").set_value("all are needed").run()
    page.button(key="review-certify").click().run()
    (kept,) = Reviews(scene.store).list()
    assert (kept.certified_by, kept.comment) == ("ada", "all are needed")
    assert list(page.dataframe[1].value["Certified by"]) == ["ada"]
