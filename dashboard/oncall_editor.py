"""The editor of the on-call document: who is on call instead of whom by a draft."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.document_editor import Edited
from dashboard.document_editor import editor as edit
from dashboard.oncall_panels import PAGE, change_lines
from dashboard.oncall_view import OnCallView, document_changes

__all__ = ["editor"]

EXAMPLE = """people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
schedules:
  primary:
    timezone: Europe/Berlin
    layers:
      - name: weekly
        rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}
"""
"""Where there is no document yet, a draft begins with this one."""


def editor(view: OnCallView) -> None:
    """Show the editor where somebody opens it.

    Args:
        view: what the page shows
    """

    def changes(draft: str) -> None:
        found = document_changes(view, draft)
        for name, one in found.items():
            st.html(f"<p><b>{escape(name)}</b></p>{change_lines(one)}")
        if not found:
            st.html('<p class="small">Nobody else is on call in the next four weeks.</p>')

    what = Edited(
        page=PAGE, area="oncall", noun="the on-call document", number=view.number, text=view.text,
        example=EXAMPLE, about="YAML of people, teams, schedules and escalation policies",
    )  # fmt: skip
    edit(what, changes)
