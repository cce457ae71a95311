"""The page of limits: checked while they are written, saved, changed and removed."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sentinel.store.api_usage.limit_sets import LimitSets
from tests.dashboard.scene import Scene, shown
from tests.dashboard.test_people_page import keyed


def write(page: AppTest, start: str, words: str) -> None:
    page.text_area(key=keyed(page, "text_area", start)).set_value(words)


def test_a_set_is_written_with_its_faults_shown_and_saved_changed_and_removed(
    scene: Scene, page: AppTest
):
    page.run().switch_page("limits.py").run()
    assert "No limit sets yet" in shown(page)
    write(page, "limits-text", "5/minute by key\n6/eon")
    assert "Line 2, column 3" in shown(page.run())
    assert page.button(key="limits-save").disabled
    write(page, "limits-text", "5/minute by key")
    page.text_input(key=keyed(page, "text_input", "limits-name")).set_value("shop")
    page.run().button(key="limits-save").click().run()
    sets = LimitSets(scene.store)
    assert sets.get("default", "shop").text == "5/minute by key"
    page.selectbox(key="limit-set").set_value("default/shop").run()
    assert "Version 1" in shown(page)
    write(page, "limits-text", "7/minute")
    page.button(key="limits-try").click().run()
    assert "Nothing was changed" in shown(page)  # there is no request log
    sets.save("shop", "8/minute", tenant="default", actor="bob")
    assert "Somebody changed this limit set meanwhile" in shown(page.run())
    page.button(key="limits-save").click().run()
    assert "meanwhile" in shown(page)
    assert sets.get("default", "shop").text == "8/minute"
    page.selectbox(key="limit-set").set_value("").run()
    page.selectbox(key="limit-set").set_value("default/shop").run()
    assert "Version 2" in shown(page)
    page.button(key="limits-remove").click().run()
    assert sets.list() == []
