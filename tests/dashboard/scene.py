"""A database with a life of its own, and the dashboard over it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from sentinel import Reading, Rule
from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.notifications.channel import Message, MessageAlert
from sentinel.schema.columns import new_id
from sentinel.settings import settings
from sentinel.store import Store

__all__ = ["APP", "SERVED", "Scene", "given", "says", "set_up", "shown"]

APP = Path(__file__).parents[2] / "dashboard" / "pages" / "frame.py"
SERVED = APP.parents[1] / "app.py"


class Scene:
    """What happens in a database.

    Args:
        url: of a migrated one
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = Store(url)
        self._ago = timedelta(minutes=30)

    def raises(
        self, title: str, *, value: float = 97.5, times: int = 1, ago: timedelta | None = None,
        **rule: Any,
    ) -> str:  # fmt: skip
        """An alert with this title opens, and happens so many times; gives its id.

        It is about half an hour old, each a little younger than the one before, unless `ago` says.
        """
        run = new_id()
        name = f"rule-{run}"
        checked = Rule.model_validate(
            {"name": name, "when": {"above": 90}, "annotations": {"summary": "{labels.t}"}, **rule}
        )
        for _ in range(times):
            self._ago -= timedelta(seconds=10)
            at = self.store.now() - (self._ago if ago is None else ago)
            self.store.apply(
                Evaluation(
                    rule=checked,
                    trigger="t",
                    slot=at,
                    at=at,
                    observation=Observation(
                        readings=[Reading(labels={"t": title}, value=value)], state={}
                    ),
                    unit="percent",
                    source=RunSource(flow_run_id=run, flow_run_name="Firing"),
                )
            )
        (alert,) = self.store.alerts.by_run(run)
        return alert.id

    def storm(self, count: int, **rule: Any) -> None:
        """So many alerts of one rule open at once: storm 0, storm 1 …"""
        at = self.store.now() - timedelta(minutes=20)
        checked = Rule.model_validate(
            {"name": f"storm-{new_id()}", "when": {"above": 90},
             "annotations": {"summary": "storm {labels.n}"}, **rule}
        )  # fmt: skip
        readings = [Reading(labels={"n": str(n)}, value=95.0) for n in range(count)]
        self.store.apply(
            Evaluation(
                rule=checked, trigger="t", slot=at, at=at,
                observation=Observation(readings=readings, state={}),
            )
        )  # fmt: skip

    def tells(self, alert_id: str, title: str) -> str:
        """A message about this alert arrives in the inbox; gives its id."""
        alert = self.store.alerts.get(alert_id)
        self._ago -= timedelta(seconds=10)
        at = self.store.now() - self._ago
        about = MessageAlert(
            id=alert.id, rule=alert.rule, title=alert.title, description="", value=alert.value,
            severity=alert.severity, category=alert.category, status="open", opened_at=at,
            resolved_at=None, labels=alert.labels, annotations={}, flow_run_id=None, url="",
        )  # fmt: skip
        message = Message(
            id=new_id(), group_id=new_id(), dedup_key="k", at=at, status="firing", reason="first",
            reason_text="first notification", receiver="default", title=title,
            severity=alert.severity, firing=1, resolved=0, alerts=[about], url="",
        )  # fmt: skip
        self.store.inbox.put(message)
        return message.id


def set_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Make this process's dashboard one over the database at `url`."""
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    monkeypatch.setenv("SENTINEL_USER", "maria")
    monkeypatch.setenv("SENTINEL_PREFECT_API_URL", "http://127.0.0.1:9/api")
    settings.cache_clear()
    st.cache_resource.clear()


def shown(page: AppTest) -> str:
    """All HTML on the page, after checking that nothing broke."""
    assert not page.exception, [str(error.value) for error in page.exception]
    return "\n".join(str(element.value) for element in page.html)


def opens(page: AppTest, popover: str) -> None:
    """Open a popover whose form is made only while it is open, by its key."""
    page.session_state[popover] = True
    shown(page.run())


def given(page: AppTest, widget: str) -> dict[str, Any]:
    """What a widget on the page was given, after checking that nothing broke."""
    assert not page.exception, [str(error.value) for error in page.exception]
    for element in page.get("bidi_component"):
        if element.key == widget:
            return json.loads(element.proto.bytes or element.proto.json)
    raise AssertionError(f"there is no {widget} on the page")


def says(page: AppTest, widget: str, **states: Any) -> AppTest:
    """Have the browser's side of a widget say something, and the page run."""
    page.session_state[widget] = states
    return page.run()
