"""The page of limits: checked while they are written, saved, changed and removed."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sentinel.store.api_usage.limit_sets import LimitSets
from tests.dashboard.scene import APP, Scene, shown
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
    assert "Created the limit set shop" in shown(page)
    assert "Version 1" in shown(page)
    write(page, "limits-text", "7/minute")
    page.button(key="limits-try").click().run()
    assert "Nothing was changed" in shown(page)  # there is no request log
    sets.save("shop", "8/minute", tenant="default", actor="bob")
    assert "Somebody changed this limit set meanwhile" in shown(page.run())
    page.button(key="limits-save").click().run()
    assert "meanwhile" in shown(page)
    assert sets.get("default", "shop").text == "8/minute"
    page.selectbox(key="limit-set-chosen").set_value("@new").run()
    page.selectbox(key="limit-set-chosen").set_value("default/shop").run()
    assert "Version 2" in shown(page)
    page.button(key="limits-remove").click().run()
    assert sets.list() == []


def test_it_opens_on_the_first_set_or_on_that_of_the_address(scene: Scene, page: AppTest):
    sets = LimitSets(scene.store)
    for name in ("mail", "shop"):
        sets.save(name, "5/minute by key", tenant="default", actor="bob")
    page.run().switch_page("limits.py").run()
    assert page.selectbox(key="limit-set-chosen").value == "default/mail"
    assert "by bob" in shown(page)
    page.button(key="limits-new").click().run()
    assert page.text_input(key=keyed(page, "text_input", "limits-name")).value == ""
    other = AppTest.from_file(str(APP), default_timeout=30).run().switch_page("limits.py")
    other.query_params["limit-set"] = "default/shop"
    assert other.run().selectbox(key="limit-set-chosen").value == "default/shop"
    lost = AppTest.from_file(str(APP), default_timeout=30).run().switch_page("limits.py")
    lost.query_params["limit-set"] = "default/<b>"
    assert "There is no limit set default/&lt;b&gt;." in shown(lost.run())


def test_what_was_made_changed_and_removed_is_taken_back(scene: Scene, page: AppTest):
    sets = LimitSets(scene.store)

    def texts() -> dict[str, str]:
        return {one.name: one.text for one in sets.list()}

    sets.save("shop", "5/minute by key", tenant="default", actor="bob", note="as agreed")
    page.run().switch_page("limits.py").run()
    write(page, "limits-text", "6/minute by key")
    page.run().button(key="limits-save").click().run()
    assert "Changed the limit set shop" in shown(page)
    assert texts() == {"shop": "6/minute by key"}
    page.button(key="undo-limits-button").click().run()
    assert texts() == {"shop": "5/minute by key"}
    page.button(key="limits-remove").click().run()
    assert texts() == {}
    page.button(key="undo-limits-button").click().run()
    assert texts() == {"shop": "5/minute by key"}
    page.run().button(key="limits-new").click().run()
    page.text_input(key=keyed(page, "text_input", "limits-name")).set_value("mail")
    write(page, "limits-text", "1/s by address")
    page.run().button(key="limits-save").click().run()
    assert sorted(texts()) == ["mail", "shop"]
    page.button(key="undo-limits-button").click().run()
    assert sorted(texts()) == ["shop"]
