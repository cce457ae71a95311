"""The page of services: what is affected, the catalog, blast radius and readiness."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.service_map import dot
from sentinel.services.definition import definition_of
from sentinel.store.services.catalog import Services
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


def test_the_map_draws_what_is_declared_dashed_and_services_with_alerts_red():
    drawn = dot([], [], "light", [("web", 'p"ay')], {"web": 2})
    assert '"web" -> "p\\"ay" [style=dashed];' in drawn
    assert "2 open alerts" in drawn
    assert "#c4261b" in drawn
