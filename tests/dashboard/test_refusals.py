"""What the dashboard refuses leaves a security event."""

from __future__ import annotations

from sentinel.access import Role
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.store import Store
from sentinel.store.access.people import People
from tests.dashboard.gated import OWN, PASSWORD, Dashboard


def test_what_is_refused_at_the_login_and_the_live_api_is_a_security_event(
    store: Store,
):
    people, dashboard = People(store), Dashboard(store)
    people.create("maria", Role.RESPONDER, password=PASSWORD, actor="ada")
    people.create("vic", Role.VIEWER, password=PASSWORD, actor="ada")
    cookie = dashboard.cookie("vic")
    dashboard.logs_in("maria", "wrong", headers=OWN | {"x-forwarded-for": "192.0.2.7"})
    dashboard.logs_in(headers={"sec-fetch-site": "cross-site"})
    dashboard.door(cookie, actor="vic", op="acknowledge", items=[])
    headers = {"sec-fetch-site": "cross-site"}
    assert dashboard.asks("/sentinel/rows", cookie=cookie, headers=headers).status_code == 403
    dashboard.door("")  # a page whose login ended, which may ask all night
    dashboard.security.store()
    (block,) = store.events.newest(100, SECURITY_TENANT)
    said = [
        (one["action"], one["door"], one.get("who"), one.get("what"), one.get("reason"))
        for one in block.events
    ]
    assert said == [
        ("login.failed", "dashboard", "maria", None, None),
        ("access.refused", "dashboard", None, "POST login", "other_site"),
        ("access.refused", "dashboard", "vic", "AlertCommand", "forbidden"),
        ("access.refused", "live", "vic", "GET rows", "other_site"),
    ]
    assert block.events[0]["address"] == "192.0.2.7"
