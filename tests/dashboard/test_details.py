"""One alert in the drawer: `/?alert=<id>`."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sentinel.lifecycle import Acknowledge, Comment
from tests.dashboard.scene import Scene, shown


def test_a_link_opens_an_alert_with_its_timeline(scene: Scene, page: AppTest):
    wanted = scene.raises("this", annotations={"summary": "this", "runbook": "https://r.example/1"})
    scene.store.act([wanted], Comment(actor="lena", comment="I saw <it>"))
    page.query_params["alert"] = wanted
    html = shown(page.run())
    assert "<h2>this</h2>" in html
    assert "<b>lena</b>" in html
    assert "I saw &lt;it&gt;" in html
    assert html.index("commented") < html.index("step-opened")
    assert 'href="https://r.example/1"' in html


def test_a_link_to_no_alert_says_so(scene: Scene, page: AppTest):
    page.query_params["alert"] = "<b>nothing</b>"
    html = shown(page.run())
    assert "there is no alert" in html
    assert "<b>nothing" not in html


def test_a_row_opens_its_alert_and_close_closes_it(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    page.button(key=f"open-{wanted}").click().run()
    assert page.query_params["alert"] in (wanted, [wanted])
    assert "<h2>this</h2>" in shown(page)
    page.button(key="close").click().run()
    assert "alert" not in page.query_params
    assert "<h2>this</h2>" not in shown(page)


def test_people_act_in_the_drawer(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.query_params["alert"] = wanted
    page.run()
    page.text_area(key="details-comment").set_value("looking")
    page.button(key="details-add").click().run()
    page.button(key="details-acknowledge").click().run()
    page.button(key="details-resolve").click().run()
    told = [(e.kind, e.actor, e.comment) for e in scene.store.alerts.timeline(wanted)]
    assert told[1:] == [
        ("commented", "maria", "looking"),
        ("acknowledged", "maria", ""),
        ("resolved", "maria", ""),
    ]
    assert "details-resolve" not in [button.key for button in page.button]


def test_an_acknowledgement_is_taken_back_in_the_drawer(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    scene.store.act([wanted], Acknowledge(actor="lena"))
    page.query_params["alert"] = wanted
    page.run()
    page.button(key="details-unacknowledge").click().run()
    assert scene.store.alerts.get(wanted).status == "open"


def test_a_link_that_could_act_is_no_link(scene: Scene, page: AppTest):
    wanted = scene.raises("this", annotations={"runbook": "javascript:alert(1)"})
    page.query_params["alert"] = wanted
    assert "javascript:" not in shown(page.run())
