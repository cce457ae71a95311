"""Every page as a person confined to one tenant opens it: nothing of another tenant is on it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.alerts.actions import Acknowledge
from sentinel.boards.document import board_of
from sentinel.services.definition import definition_of as service_of
from sentinel.services.status_page import status_page_of
from sentinel.settings import Settings, settings
from sentinel.slo.definition import definition_of as slo_of
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.limit_sets import LimitSets
from sentinel.store.custom_dashboards import Boards, Place
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.services.catalog import Services
from sentinel.store.services.status_pages import StatusPages
from sentinel.store.slo.slos import Slos
from sentinel.store.telemetry.client import TelemetryClient
from tests.dashboard.form_commands import DAY
from tests.dashboard.gated import PASSWORD
from tests.dashboard.scene import Scene, given, shown
from tests.dashboard.telemetry_scene import (
    sends_logs,
    sends_requests,
    sends_spans,
    shop,
    use_telemetry,
)
from tests.dashboard.test_all_pages import PAGES

OF_ALL_TENANTS = {
    "oncall.py", "escalations.py", "receivers.py", "routing.py", "health.py", "log.py",
}  # fmt: skip
"""Pages that a confined person has not: what they show belongs to all tenants."""
SHOWS_NOTHING_OF_ONE = {"inbox.py", "settings.py", "people.py", "analytics.py"}
"""Pages without names here: nothing was notified, nobody escalated, and one person is shown."""


def furnish(scene: Scene, telemetry: TelemetryClient, tenant: str) -> str:
    """Put something on each page, all of which is called `of-TENANT`; gives the alert's id."""
    store, mark = scene.store, f"of-{tenant}"
    alert = scene.raises(mark, name=f"rule-{mark}", tenant=tenant, team="db")
    store.act([alert], Acknowledge(actor="lena", comment="seen"))
    service = {"service_name": f"shop-{mark}"}
    sends_logs(telemetry, [{"message": f"1 line {mark}", **service}], tenant=tenant)
    span = {**shop(0)[0], "service": f"shop-{mark}", "operation": f"buy {mark}"}
    sends_spans(telemetry, [span], tenant=tenant)
    request = {"service": mark, "consumer": mark, "key": mark, "method": "GET", "status": 200,
               "path": f"/{mark}", "duration_ms": 1}  # fmt: skip
    sends_requests(telemetry, [request], tenant=tenant)
    MatcherSilences(store).create(
        [f'rule="rule-{mark}"'], store.now() + DAY, actor="ada", tenant=tenant
    )
    Incidents(store).open(NewIncident(title=mark, tenant=tenant, team="db"), actor="ada")
    objectives = [{"target": 99}]
    Slos(store).save(
        slo_of({"name": mark, "tenant": tenant, "team": "db", "objectives": objectives}),
        actor="ada",
    )
    Services(store).apply(
        [service_of({"name": mark, "tenant": tenant, "owner": "db"})], actor="ada"
    )
    page = {"name": mark, "tenant": tenant, "title": mark, "components": [{"service": mark}]}
    StatusPages(store).save(status_page_of(page), actor="ada")
    ConsumerKeys(store).create(mark, tenant=tenant, actor="ada", consumer=mark)
    LimitSets(store).save(mark, "5/minute", tenant=tenant, actor="ada")
    ada = Principal(name="ada", kind="local", role=Role.ADMIN)
    document = board_of({"tiles": [{"kind": "table"}]})
    Boards(store, ada).save(mark, Place(tenant, "db"), document, actor="ada")
    return alert


def words_on(page: AppTest) -> str:
    """All that a page says: HTML, tables, figures, inputs, what they offer, buttons and code."""
    said = [shown(page), *(one.value.to_csv() for one in page.dataframe)]
    said += [f"{one.label} {one.value}" for one in page.metric]
    for kind in (page.text_input, page.text_area, page.number_input, page.toggle, page.checkbox):
        said += [f"{one.label} {one.value}" for one in kind]
    for kind in (page.selectbox, page.multiselect, page.radio, page.button_group):
        said += [f"{one.label} {one.options}" for one in kind]
    said += [one.label for one in page.button]
    said += [str(one.value) for kind in (page.code, page.markdown, page.text) for one in kind]
    for one in page.get("bidi_component"):
        said.append(str(given(page, one.key or "")))
    return "\n".join(said)


def test_every_page_of_a_confined_person_shows_what_is_theirs(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch, telemetry_settings: Settings,
    telemetry: TelemetryClient,
):  # fmt: skip
    use_telemetry(monkeypatch, telemetry_settings)
    ids = {tenant: furnish(scene, telemetry, tenant) for tenant in ("red", "blue")}
    scene.store.receivers.set("of-everybody", ["inbox"], actor="omar")
    People(scene.store).create("vera", Role.ADMIN, password=PASSWORD, actor="ada", tenants=["red"])
    People(scene.store).create(
        "of-blue", Role.ADMIN, password=PASSWORD, actor="ada", tenants=["blue"]
    )
    begun = SignIn(scene.store, settings()).log_in("vera", PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)
    page.run()
    for name in [one for one in PAGES if one not in OF_ALL_TENANTS]:
        page.switch_page(name).run()
        words = words_on(page)
        assert "of-blue" not in words, name
        assert "of-everybody" not in words, name
        assert name in SHOWS_NOTHING_OF_ONE or "of-red" in words, name
    page.query_params["alert"] = ids["blue"]
    page.run()
    assert given(page, "drawer")["alert"] is None
    assert f"there is no alert '{ids['blue']}'" in given(page, "drawer")["problem"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("incidents.py", {"incident": "gone"}),
        ("slos.py", {"slo": "of-blue", "slo-tenant": "blue"}),
        ("slos.py", {"edit": "of-blue", "slo-tenant": "blue"}),
        ("limits.py", {"limit-set": "of-blue"}),
        ("rules.py", {"rule": "rule-of-blue", "rule-tenant": "blue"}),
        ("boards.py", {"board": "of-blue", "team": "db", "tenant": "blue"}),
        ("receivers.py", {"channel": "gone"}),
        ("people.py", {"people-view": "Users", "person": "gone"}),
        ("silences.py", {"from": "gone"}),
    ],
)
def test_an_address_of_what_is_not_there_says_so_and_stays_a_page(
    scene: Scene,
    page: AppTest,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    parameters: dict[str, str],
):
    """Of another tenant or of none: it is the same to whoever asks."""
    scene.raises("there", name="there")
    People(scene.store).create("ada", Role.ADMIN, password=PASSWORD, actor="omar")
    begun = SignIn(scene.store, settings()).log_in("ada", PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)
    page.run().switch_page(name)
    for key, value in parameters.items():
        page.query_params[key] = value
    page.run()
    words = shown(page)
    assert "there is no" in words.lower()
    assert "This page cannot be shown" not in words
