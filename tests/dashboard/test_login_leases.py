"""Behind a login: a page changes something only while the login goes on naming its person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import Headers
from streamlit.testing.v1 import AppTest

from dashboard import identity, page_tokens, session, toasts
from dashboard.login_leases import LoginLeases
from sentinel.settings import Settings
from sentinel.settings import settings as chosen_settings
from sentinel.store import Store
from tests.dashboard.scene import Scene, given, opens, says, shown
from tests.dashboard.test_live_api import Browser

HEADER = "X-Forwarded-User"
LENGTH = timedelta(seconds=30)


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_who_was_never_named_holds_none(time: Time):
    assert not LoginLeases(time).holds("lena", "a", LENGTH)


def test_a_lease_ends_by_itself_and_goes_on_with_each_naming(time: Time):
    leases = LoginLeases(time)
    leases.renew("lena", "a")
    time.now += 30
    assert leases.holds("lena", "a", LENGTH)
    time.now += 0.1
    assert not leases.holds("lena", "a", LENGTH)
    leases.renew("lena", "a")
    assert leases.holds("lena", "a", LENGTH)


def test_a_lease_is_one_person_s_in_one_session(time: Time):
    leases = LoginLeases(time)
    leases.renew("lena", "a")
    assert not leases.holds("omar", "a", LENGTH)
    assert not leases.holds("lena", "b", LENGTH)


def test_no_more_are_kept_than_there_is_room_for_and_those_named_last_stay(time: Time):
    leases = LoginLeases(time, most=2)
    for session_id in ("a", "b", "a", "c"):
        leases.renew("lena", session_id)
    assert [leases.holds("lena", one, LENGTH) for one in "abc"] == [True, False, True]


def test_tokens_of_one_person_s_sessions_begin_alike_and_cannot_be_swapped():
    first, second = page_tokens.issue("Zoë", "a"), page_tokens.issue("Zoë", "b")
    assert (
        first.split(".")[0] == second.split(".")[0] != page_tokens.issue("omar", "a").split(".")[0]
    )
    assert page_tokens.holder(first) == ("Zoë", "a")
    assert page_tokens.holder(first.replace(".a.", ".b.")) is None


def test_a_lease_is_renewed_only_where_the_live_api_lets_the_named_person_in(
    store: Store,
):
    noted: list[tuple[str, str]] = []

    def proxy_user(headers: Headers) -> str:
        return identity.named(HEADER, headers.getlist(HEADER))

    def renew_login(person: str, session_id: str) -> None:
        noted.append((person, session_id))

    browser = Browser(store, proxy_user=proxy_user, renew_login=renew_login)
    for headers in ({}, {HEADER: "lena"}, {HEADER: "maria", "sec-fetch-site": "cross-site"},
                    {HEADER: "maria", page_tokens.HEADER: "x"}):  # fmt: skip
        assert browser.asks("beat", headers=headers).status_code in (401, 403)
    assert noted == []
    assert browser.asks("beat", headers={HEADER: "maria"}).status_code == 200
    assert noted == [("maria", "s1")]


def test_where_no_proxy_names_anybody_no_lease_is_renewed(store: Store):
    def renew_login(person: str, session_id: str) -> None:
        raise AssertionError((person, session_id))

    assert Browser(store, renew_login=renew_login).asks("beat").status_code == 200


def test_a_lease_is_longer_than_a_beat_may_take():
    with pytest.raises(ValueError, match="dashboard_login_lease"):
        Settings.model_validate({"dashboard_login_lease": "9s"})


@pytest.fixture
def login(scene: Scene, monkeypatch: pytest.MonkeyPatch, time: Time) -> Iterator[list[str]]:
    """Whom the proxy named when the page's connection was opened: lena."""
    person = ["lena"]
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    chosen_settings.cache_clear()
    monkeypatch.setattr(session, "LOGIN_LEASES", LoginLeases(time))
    # Streamlit's own tests have no connection with headers; this is where it would look at it.
    monkeypatch.setattr(
        "streamlit.runtime.context._get_client_context",
        lambda: SimpleNamespace(headers=[(HEADER, person[0])]),
    )
    yield person
    chosen_settings.cache_clear()


def beats(page: AppTest) -> None:
    """What the live API does when the page's beat comes and the proxy names its person."""
    holder = page_tokens.holder(given(page, "pulse")["live_api"]["token"])
    assert holder is not None
    session.renew_login(*holder)


def said(page: AppTest) -> str:
    """All that the page says."""
    return "\n".join([shown(page), *(one.value for one in page.toast)])


REFUSED = "you are no longer signed in here. Load the page again."
Form = tuple[Callable[[], Any], Callable[[], object]]
"""Does the last click of a form, and reads what it changes."""


def click(page: AppTest, key: str, **more: Any) -> Callable[[], Any]:
    return lambda: page.button(key=key).click().run(**more)


def turned_to(page: AppTest, name: str) -> AppTest:
    return page.run().switch_page(name).run()


def rule_page(scene: Scene, page: AppTest) -> str:
    rule = scene.store.alerts.get(scene.raises("one")).rule
    turned_to(page, "rules.py")
    page.query_params["rule"] = rule
    page.run()
    return rule


def a_rule_is_switched_off(scene: Scene, page: AppTest) -> Form:
    rule = rule_page(scene, page)
    return click(page, "disable"), lambda: scene.store.rules.get(rule).enabled


def a_rule_is_switched_on(scene: Scene, page: AppTest) -> Form:
    rule = rule_page(scene, page)
    scene.store.rules.disable(rule, actor="omar", reason="")
    page.run()
    return click(page, "enable"), lambda: scene.store.rules.get(rule).enabled


def a_receiver_is_made(scene: Scene, page: AppTest) -> Form:
    turned_to(page, "receivers.py").text_input(key="receiver-name").set_value("day").run()
    return click(page, "receiver-create"), scene.store.receivers.all


def a_receiver_is_changed(scene: Scene, page: AppTest) -> Form:
    turned_to(page, "receivers.py")
    opens(page, "change-receiver-default")
    page.multiselect(key="channels-of-default").set_value(["sentinel-webhook/ops"]).run()
    return click(page, "save-default"), scene.store.receivers.all


def a_receiver_is_removed(scene: Scene, page: AppTest) -> Form:
    scene.store.receivers.set("night", ["inbox"])
    turned_to(page, "receivers.py")
    opens(page, "offer-removal-of-night")
    return click(page, "remove-night"), scene.store.receivers.all


def a_channel_is_tried_out(scene: Scene, page: AppTest) -> Form:
    turned_to(page, "receivers.py")
    return click(page, "test-message", timeout=90), scene.store.inbox.unread


def a_message_is_read(scene: Scene, page: AppTest) -> Form:
    message = scene.tells(scene.raises("one"), "about one")
    turned_to(page, "inbox.py")
    return click(page, f"read-{message}"), scene.store.inbox.unread


def all_messages_are_read(scene: Scene, page: AppTest) -> Form:
    scene.tells(scene.raises("one"), "about one")
    turned_to(page, "inbox.py")
    return click(page, "read-them"), scene.store.inbox.unread


def a_view_is_saved(scene: Scene, page: AppTest) -> Form:
    page.run().text_input(key="view-name").set_value("mine").run()
    return click(page, "view-save"), lambda: scene.store.views.of("lena")


def a_view_is_removed(scene: Scene, page: AppTest) -> Form:
    scene.store.views.save("lena", "live", "mine", "mine=yes")
    page.run().button(key="view-remove-0").click().run()
    return click(page, "view-remove-0"), lambda: scene.store.views.of("lena")


def a_view_is_put_back(scene: Scene, page: AppTest) -> Form:
    scene.store.views.save("lena", "live", "mine", "mine=yes")
    page.run().button(key="view-remove-0").click().run()
    page.button(key="view-remove-0").click().run()
    return click(page, "view-back"), lambda: scene.store.views.of("lena")


FORMS = (
    a_rule_is_switched_off,
    a_rule_is_switched_on,
    a_receiver_is_made,
    a_receiver_is_changed,
    a_receiver_is_removed,
    a_channel_is_tried_out,
    a_message_is_read,
    all_messages_are_read,
    a_view_is_saved,
    a_view_is_removed,
    a_view_is_put_back,
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("login")
@pytest.mark.slow
def test_a_form_takes_nothing_once_the_login_names_nobody_and_takes_it_when_it_does_again(
    scene: Scene, page: AppTest, time: Time, form: Callable[[Scene, AppTest], Form]
):
    does, reads = form(scene, page)
    before = reads()
    time.now += 31
    page.run()  # a run of the page is no sign of a login
    does()
    assert reads() == before
    assert REFUSED in said(page)
    page.session_state[toasts.HELD] = []  # it is on the screen still, and sent again for a moment
    beats(page)
    does()
    assert reads() != before
    assert REFUSED not in said(page)


def test_who_has_just_opened_a_page_need_not_wait_for_its_first_beat(
    scene: Scene, page: AppTest, time: Time, login: list[str]
):
    does, reads = a_view_is_saved(scene, page)
    time.now += 30
    does()
    assert reads()
    assert "Saved “mine”" in said(page)


def test_a_page_that_is_connected_again_as_somebody_else_changes_nothing(
    scene: Scene, page: AppTest, login: list[str]
):
    scene.store.views.save("lena", "live", "hers", "")
    does, reads = a_view_is_saved(scene, page)
    before = reads()
    login[0] = "omar"
    does()
    assert REFUSED in said(page)
    assert (reads(), scene.store.views.of("omar")) == (before, [])


def test_the_beat_of_another_page_of_theirs_is_no_sign_for_this_one(
    scene: Scene, page: AppTest, time: Time, login: list[str]
):
    does, reads = a_view_is_saved(scene, page)
    time.now += 31
    session.renew_login("lena", "another")
    does()
    assert reads() == []


@pytest.mark.parametrize("widget", ["blotter", "drawer"])
@pytest.mark.parametrize("passed", [0, 31])
def test_commands_wait_for_the_live_api_and_are_never_taken_from_the_open_connection(
    scene: Scene, page: AppTest, time: Time, login: list[str], widget: str, passed: float
):
    alert = scene.raises("one")
    page.run()
    time.now += passed
    command = {"id": f"{widget}{passed}", "op": "resolve", "items": [[alert, 1]]}
    says(page, widget, open=alert, commands=[command])
    assert given(page, widget)["answers"] == []
    assert scene.store.alerts.get(alert).status == "open"


def test_nothing_is_asked_of_another_address_for_who_is_no_longer_signed_in(
    scene: Scene, page: AppTest, time: Time, login: list[str]
):
    turned_to(page, "settings.py")
    time.now += 31
    page.button(key="test").click().run()
    assert "Not tested." in shown(page)
    assert REFUSED in shown(page)
    beats(page)
    page.button(key="test").click().run()
    assert "Prefect does not answer." in shown(page)


def test_without_a_login_before_it_nothing_ends(
    scene: Scene, page: AppTest, time: Time, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "LOGIN_LEASES", LoginLeases(time))
    page.run().text_input(key="view-name").set_value("mine").run()
    time.now += 86_400
    page.button(key="view-save").click().run()
    assert [view.name for view in scene.store.views.of("maria")] == ["mine"]
