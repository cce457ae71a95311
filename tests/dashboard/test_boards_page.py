"""Custom dashboards: made, arranged and imported on their page, and read back; who sees what."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.board_figures import DRAWN
from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.boards.document import KINDS, board_of
from sentinel.metrics.sample import Sample
from sentinel.settings import settings
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun
from sentinel.store.custom_dashboards import Boards, Place
from sentinel.store.oncall.documents import OnCallDocuments
from tests.dashboard.scene import Scene, shown
from tests.dashboard.test_escalations_page import DOCUMENT

PASSWORD = "seven green bicycles"
MARIA = Principal(name="maria", kind="local", role=Role.ADMIN)
ALL = """\
tiles:
- {kind: count, title: "Critical <b>", search: "severity:critical", width: 2}
- {kind: trend}
- {kind: table, view: "q=disk&severity=critical"}
- {kind: metric, metric: load}
- {kind: metric, metric: nothing}
- {kind: oncall}
"""


def opened(page: AppTest, name: str = "", **given: str) -> str:
    page.run().switch_page("boards.py")
    for key, value in ({"board": name} if name else {}).items() | given.items():
        page.query_params[key] = value
    return shown(page.run())


def kinds(scene: Scene, name: str, place: Place | None = None) -> list[str]:
    return [
        one.kind for one in Boards(scene.store, MARIA).get(name, place or Place()).document.tiles
    ]


def press(page: AppTest, key: str) -> str:
    return shown(page.button(key=key).click().run())


def test_every_kind_of_tile_can_be_drawn():
    assert set(DRAWN) == set(KINDS)


def test_a_dashboard_is_made_arranged_and_imported_and_taken_back(scene: Scene, page: AppTest):
    scene.raises("disk <full>", severity="critical")
    scene.raises("cpu", severity="low")
    ago = scene.store.now() - timedelta(minutes=10)
    scene.store.metrics.add(
        [Sample(name="load", value=1.0, at=ago), Sample(name="load", value=3.0)]
    )
    OnCallDocuments(scene.store).apply(DOCUMENT, actor="lena")
    assert "No dashboards yet" in opened(page)
    page.text_input(key="board-name-0").set_value("wall")
    text = press(page, "board-create")
    assert kinds(scene, "wall") == ["count", "trend", "table"]
    assert '<a class="number" href="./" target="_self">2</a>' in text
    page.toggle(key="board-edit").set_value(True).run()
    press(page, "tile-down-0")
    assert kinds(scene, "wall") == ["trend", "count", "table"]
    press(page, "tile-remove-0")
    assert kinds(scene, "wall") == ["count", "table"]
    press(page, "undo-dashboards-button")
    assert kinds(scene, "wall") == ["trend", "count", "table"]
    page.selectbox(
        key=next(str(one.key) for one in page.selectbox if str(one.key).startswith("board-kind"))
    ).set_value("oncall")
    page.run()
    press(page, "tile-add")
    assert kinds(scene, "wall") == ["trend", "count", "table", "oncall"]
    (area,) = (one for one in page.text_area if str(one.key).startswith("board-yaml"))
    area.set_value("tiles: [{kind: none}]")
    assert "Nothing was changed" in press(page, "board-import")
    (area,) = (one for one in page.text_area if str(one.key).startswith("board-yaml"))
    area.set_value(ALL)
    text = press(page, "board-import")
    assert kinds(scene, "wall") == ["count", "trend", "table", "metric", "metric", "oncall"]
    assert "search" not in text.split('class="number"')[0][-1:]
    assert 'href="./?q=severity%3Acritical" target="_self">1</a>' in text
    assert "Critical &lt;b&gt;" in text
    assert "disk &lt;full&gt;" in text
    assert ">cpu</a>" not in text
    assert "2 alerts opened in 24h" in text
    drawn = re.search(r'alt="1 to 3 in 24h" src="data:image/svg\+xml;base64,([^"]+)"', text)
    assert drawn is not None
    assert "<span>3</span><span>1</span></div>" in text  # its axis
    assert b"<polyline" in base64.b64decode(drawn[1])
    assert "no samples of this metric" in text
    assert "<b>ann</b>" in text
    press(page, "board-remove")
    assert Boards(scene.store, MARIA).list() == []
    press(page, "undo-dashboards-button")
    assert len(kinds(scene, "wall")) == 6
    wall = opened(page, "wall", wall="1")
    assert 'class="on-wall"' in wall
    assert not [one for one in page.button if str(one.key).startswith(("board-", "tile-"))]


def test_a_team_dashboard_shows_each_person_their_own_scope(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    scene.raises("mine", tenant="acme", team="db")
    scene.raises("theirs", tenant="globex", team="db")
    document = board_of({"tiles": [{"kind": "count"}, {"kind": "table"}, {"kind": "oncall"}]})
    for tenant in ("acme", "globex"):
        Boards(scene.store, MARIA).save("wall", Place(tenant, "db"), document, actor="maria")
    People(scene.store).create("vera", Role.VIEWER, password=PASSWORD, actor="root",
                               tenants=["acme"])  # fmt: skip
    begun = SignIn(scene.store, settings()).log_in("vera", PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)
    text = opened(page, "wall", team="db", tenant="acme")
    assert ">1</a>" in text
    assert ">mine</a>" in text
    assert "theirs" not in text
    assert "belongs to all tenants" in text  # on-call, which vera may not see
    assert "The editors of the team db change it" in text
    assert not [one for one in page.toggle if one.key == "board-edit"]
    assert "There is no dashboard wall" in opened(page, "wall", team="db", tenant="globex")
