"""Templates of rules: each can be saved as it is, and fills the builder."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.rule_form import problems_of
from dashboard.rule_gallery import GALLERY, READY
from dashboard.rule_start import NEW
from dashboard.rule_templates import TEMPLATES
from sentinel.checks.catalog import find
from tests.dashboard.scene import Scene, shown


def test_each_template_is_a_rule_that_can_be_saved_and_no_rule_that_ships():
    names = [one.draft.name for one in TEMPLATES]
    assert len(set(names)) == len(names)
    assert not set(names) & set(READY)
    for one in TEMPLATES:
        assert problems_of(one.draft, find(one.draft.trigger)) == {}, one.title


def test_a_template_fills_the_builder(scene: Scene, page: AppTest):
    page.run().switch_page("rules.py").run()
    page.query_params["build"] = GALLERY
    page.run()
    shown(page)
    page.button(key="template-use-my-queue-long").click().run()
    assert page.query_params["build"] == NEW
    assert page.text_input(key="build-1-name").value == "my-queue-long"
    assert page.selectbox(key="build-1-check").value == "http_json"
    assert page.number_input(key="build-1-http_json-clear").value == 800
    assert not page.button(key="build-save").disabled
