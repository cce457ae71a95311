"""Rules from a file and to a file: exported, and imported with the difference shown before."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.rollout_commands import PASTED, ImportRules, PlanRules, RolledOut
from dashboard.rule_deployments import entries_of_rules
from dashboard.rule_details import PAGE
from sentinel.errors import SentinelError
from sentinel.rollout.exported import written

__all__ = ["outcome_of", "rule_files"]

EXPORTED, PLAN = "rules-exported", "rules-planned"


TO_DO = {
    "created": "would be created", "changed": "would be changed", "removed": "would be removed",
    "refused": "would be refused",
}  # fmt: skip
"""What a plan says of a rule."""


def outcome_of(done: RolledOut, words: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return what a rollout did, in numbers: `2 created, 1 refused (why)`.

    Args:
        done: the steps
        words: for their kinds, such as those of a plan

    Returns:
        One line.
    """
    kinds = ("created", "changed", "removed", "refused", "unchanged")
    said = ", ".join(
        f"{len(found):,} {words.get(kind, kind)}" for kind in kinds if (found := done.of(kind))
    )
    why = "; ".join(f"{one.name}: {' '.join(one.reasons)}" for one in done.of("refused"))
    return f"{said or 'nothing to do'}{f' ({why})' if why else ''}"


def rule_files(names: list[str]) -> None:
    """Show the export of rules and the import of a file.

    Args:
        names: of the rules that there are
    """
    st.html('<h2 class="section">Export</h2>')
    _export(names)
    st.html('<h2 class="section">Import</h2>')
    _import()


def _export(names: list[str]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        chosen = st.multiselect("Rules", names, key="rules-export", placeholder="all", width=520)
        if st.button("Export", key="rules-export-button", icon=":material/upload:"):
            store = session.data().within(session.scope()).instance
            try:
                entries = entries_of_rules(store, chosen or names)
            except SentinelError as error:
                st.html(markup.note("warn", "Not exported.", str(error)))
                return
            st.session_state[EXPORTED] = written(entries, "yaml")
    text = st.session_state.get(EXPORTED)
    if text:
        st.download_button(
            "Save", text, "rules.yaml", "application/yaml", key="rules-download",
            icon=":material/download:",
        )  # fmt: skip
        st.code(text, "yaml", wrap_lines=True, height=260)


def _import() -> None:
    given = st.file_uploader("Rule file", type=["yaml", "yml", "json"], key="rules-import-file")
    file = PASTED if given is None else given.name
    if given is not None:
        try:
            text = given.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            place = f"byte {error.start + 1:,} (0x{error.object[error.start]:02x}) is no UTF-8"
            st.html(markup.note("warn", f"{given.name} cannot be read.", f"{place}; save the file "
                                "as UTF-8 and choose it again."))  # fmt: skip
            return
    else:
        text = str(st.text_area("Document", key="rules-import", height=160,
                                help="YAML or JSON, as an export") or "")  # fmt: skip
    if not text.strip():
        return
    if st.button("Show the difference", key="rules-import-plan", icon=":material/difference:"):
        with st.spinner("Comparing with Prefect …"):
            try:
                st.session_state[PLAN] = (text, session.run(PlanRules(document=text, file=file)))
            except SentinelError as error:
                st.html(markup.note("warn", "It cannot be imported.", str(error)))
                st.session_state.pop(PLAN, None)
    about, plan = st.session_state.get(PLAN, ("", None))
    if plan is None or about != text:
        return
    _difference(plan)
    changes = len(plan.of("created")) + len(plan.of("changed"))
    if st.button("Import", key="rules-import-apply", type="primary", disabled=not changes):
        with st.spinner("Deploying …"):
            try:
                done = session.run(ImportRules(document=text, version=plan.version, file=file))
            except SentinelError as error:
                st.html(markup.note("warn", "Not imported.", str(error)))
                return
        st.session_state.pop(PLAN)
        said = f"Imported: {outcome_of(done)}"
        undo_bar.offer(PAGE, said, None)
        session.queue_toast(said, "download_done")  # the bar is far above
        st.rerun()


def _difference(plan: RolledOut) -> None:
    rows = "".join(
        f"<li><b>{escape(one.name)}</b> {TO_DO.get(one.change, one.change)}"
        + "".join(f"<br><code>{escape(line)}</code>" for line in one.differences)
        + (f": {escape('; '.join(one.reasons))}" if one.reasons else "")
        + "</li>"
        for one in plan.steps
        if one.change != "unchanged"
    )
    st.html(f'<p class="small" role="status">{escape(outcome_of(plan, TO_DO))}</p>'
            f'<ul class="changes">{rows}</ul>')  # fmt: skip
