"""How the deployments of rules differ from their files, compared when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import session
from sentinel.printable import counted
from sentinel.rollout.drift import rules_file

__all__ = ["button", "drifts_of", "known"]

DRIFTS = "rule-drifts"


def known() -> Mapping[str, str]:
    """Return what the last comparison of this session found, by the name of the rule."""
    return st.session_state.get(DRIFTS, {})


def drifts_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return what each rule's deployment has that its file has not.

    Args:
        plan: as `sentinel deploy --dry-run --json` prints it

    Returns:
        A few words by the name of the rule; rules that are not deployed are left out.
    """
    found = {str(one["name"]): "none" for one in plan.get("unchanged", ())}
    for one in plan.get("changed", ()):
        many = len(one.get("differences", ()))
        words = counted(many, "difference")
        found[str(one["name"])] = f"edited, {words}" if one.get("drift") else words
    return found


def _compare() -> None:
    file = rules_file()
    files = ["--file", str(file)] if file is not None else []
    answer = session.configuration().cli(
        session.scope(), "deploy", "--dry-run", "--pack", "all", *files
    )
    if answer.problem:
        session.queue_toast(f"Not compared: {answer.problem}", "error")
        return
    st.session_state[DRIFTS] = drifts_of(answer.output)
    many = sum(one != "none" for one in known().values())
    rules = counted(many, "rule differs", "rules differ")
    session.queue_toast(f"Compared with the files: {rules}", "difference")


def button() -> None:
    """Show the button that compares all rules with their files, to whoever sees all tenants."""
    if session.is_confined():  # the files are of all tenants
        return
    st.button(
        "Compare all", key="rule-drifts-compare", icon=":material/difference:",
        on_click=_compare, help="Shows which deployments differ from their files; takes some "
        "seconds",
    )  # fmt: skip
