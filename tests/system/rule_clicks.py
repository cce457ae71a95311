"""Builds or deletes a rule by the clicks of a person, in the dashboard of the instance around it.

Run with the environment of the instance: `python -m tests.system.rule_clicks build|delete NAME`.
"""

from __future__ import annotations

import sys

from streamlit.testing.v1 import AppTest

from tests.prefect_server import ROOT

__all__ = ["build", "delete"]


def _page(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "dashboard/pages/frame.py"), default_timeout=120)
    page.run().switch_page("rules.py").run()
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def build(name: str) -> None:
    """Build a rule that fires whenever the processor is looked at."""
    page = _page()
    page.button(key="rule-new").click().run()
    page.selectbox(key="build-1-check").set_value("cpu_usage").run()
    page.text_input(key="build-1-name").set_value(name).run()
    page.selectbox(key="build-1-cpu_usage-when").set_value("above").run()
    page.number_input(key="build-1-cpu_usage-above").set_value(-1.0).run()
    page.number_input(key="build-1-cpu_usage-seconds").set_value(0.1).run()
    page.text_input(key="build-1-every").set_value("10s").run()
    page.button(key="build-save").click().run()
    _says(page, f"Created the rule {name}")


def delete(name: str) -> None:
    """Delete the rule."""
    page = _page(rule=name)
    page.button(key="rule-delete").click().run()
    _says(page, f"{name} is deleted")


def _says(page: AppTest, words: str) -> None:
    shown = "\n".join(str(one.value) for one in page.html)
    if page.exception or words not in shown:
        sys.exit(f"the page does not say {words!r}: {list(page.exception)} {shown[:3000]}")


if __name__ == "__main__":
    {"build": build, "delete": delete}[sys.argv[1]](sys.argv[2])
