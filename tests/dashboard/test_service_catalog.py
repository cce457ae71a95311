"""The page of services: what is affected, the catalog, blast radius and readiness."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.service_catalog import (
    CatalogView,
    catalog_html,
    read_catalog,
    service_html,
    unseen_edges,
)
from dashboard.service_map import dot
from sentinel.access import EVERYTHING
from sentinel.services.definition import definition_of
from sentinel.services.readiness import OperationFacts, readiness_of
from sentinel.services.status_page import status_page_of
from sentinel.store.access.within import Within
from sentinel.store.services.catalog import Services
from sentinel.store.services.status_pages import StatusPages
from tests.dashboard.scene import Scene
from tests.dashboard.test_traces_page import opened

CATALOG = [
    {"name": "web", "owner": "shop", "tier": 1, "depends_on": ["pay"], "description": "<b>Sells"},
    {"name": "pay", "runbook": "https://wiki.example/pay"},
]


def test_services_show_alerts_blast_radius_and_readiness_also_without_telemetry(
    scene: Scene, page: AppTest
):
    assert "The catalog is empty." in opened(page, "services.py", time="6h")
    Services(scene.store).apply([definition_of(one) for one in CATALOG], actor="ann")
    alert = scene.raises("pay is slow <i>", labels={"service": "pay"}, severity="critical")
    words = opened(page, "services.py")
    assert f'href="services?time=6h&amp;alert={alert}"' in words
    assert "pay is slow &lt;i&gt;" in words
    assert '<td><a href="services?time=6h&amp;service=pay" target="_self">pay</a></td>' in words
    assert "there is no telemetry store" in words
    (drawn,) = page.get("graphviz_chart")
    assert '"web" -> "pay" [style=dashed]' in drawn.proto.spec  # type: ignore[union-attr]
    assert "1 open alert" in drawn.proto.spec  # type: ignore[union-attr]
    words = opened(page, "services.py", service="pay")
    assert "web → pay" in words
    assert 'href="https://wiki.example/pay"' in words
    assert "Readiness: 40 of 100" in words
    words = opened(page, "services.py", service="web")
    assert "Tier 1 · Owner shop" in words
    assert "&lt;b&gt;Sells" in words
    assert "No service is known to depend on it." in words
    assert "It is not in the catalog." in opened(page, "services.py", service="robot")
    assert "Status pages" not in words
    for name, tenant in (("shop", "default"), ("theirs", "acme")):
        given = {"name": name, "tenant": tenant, "title": f"<{name}>",
                 "components": [{"service": "web"}]}  # fmt: skip
        StatusPages(scene.store).save(status_page_of(given), actor="ann")
    words = opened(page, "services.py")
    assert "&lt;shop&gt;: 1 component, read by nobody before it has a token" in words
    assert "theirs" not in words


def test_a_service_is_found_by_its_name_in_telemetry(scene: Scene, page: AppTest):
    given = [
        {"name": "web", "depends_on": ["pay", "db"]}, {"name": "pay", "aliases": ["shop/pay"]}
    ]  # fmt: skip
    Services(scene.store).apply([definition_of(one) for one in given], actor="ann")
    scene.raises("pay is slow", labels={"service": "pay"}, severity="critical")
    view = read_catalog(Within(scene.store, EVERYTHING), "default", "shop/pay")
    assert unseen_edges(view, {("web", "shop/pay")}) == [("web", "db")]
    assert unseen_edges(view, {("x", "shop/pay")}) == [("web", "db"), ("web", "shop/pay")]
    assert view.live_alerts() == {"pay": 1, "web": 0, "shop/pay": 1}
    assert "Tier 3" in service_html(view, "shop/pay", {})
    assert "It is not in the catalog." not in opened(page, "services.py", service="shop/pay")


def test_what_is_cut_off_a_table_is_said():
    many = [definition_of({"name": f"s{n}", "depends_on": [f"d{m}" for m in range(7)]})
            for n in range(201)]  # fmt: skip
    view = CatalogView(
        services={one.name: one for one in many}, affected=[], edges=[], radius=None,
        readiness={one.name: readiness_of(one, OperationFacts()) for one in many},
    )  # fmt: skip
    shown = catalog_html(view, {})
    assert "200 of 201 are shown." in shown
    assert "d4</a> and 2 more" in shown


def test_the_map_draws_what_is_declared_dashed_and_services_with_alerts_red():
    drawn = dot([], [], "light", [("web", 'p"ay')], {"web": 2})
    assert '"web" -> "p\\"ay" [style=dashed];' in drawn
    assert "2 open alerts" in drawn
    assert "#c4261b" in drawn
