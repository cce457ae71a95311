"""The gallery: rules that are ready to enable, templates to begin with, and packs of rules."""

from __future__ import annotations

from functools import lru_cache
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import markup, session, undo_bar
from dashboard.rollout_commands import InstallPack, RemovePack
from dashboard.rule_commands import SaveRule, taken_back
from dashboard.rule_details import PAGE
from dashboard.rule_files import outcome_of, rule_files
from dashboard.rule_start import NEW, begin, close
from dashboard.rule_templates import TEMPLATES, Template
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.rollout.rule_draft import Draft
from sentinel.rollout.shipped_packs import ShippedPack, is_installed, shipped_packs
from sentinel.rollout.shipped_rules import shipped_draft
from sentinel.rules.approval import ChangeWaits
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule

__all__ = ["GALLERY", "READY", "gallery", "gallery_button"]

GALLERY = "@gallery"
"""What the query parameter of the builder says for the gallery."""
READY = (
    "cpu-busy", "cpu-high", "memory-high", "disk-space", "service-down", "database-slow",
    "backup-failed", "failed-logins", "security-critical",
)  # fmt: skip
"""The nine rules that an operations team begins with."""


@lru_cache(maxsize=1)
def _ready() -> tuple[Draft, ...]:
    return tuple(shipped_draft(name) for name in READY)


@lru_cache(maxsize=1)
def _packs() -> tuple[ShippedPack, ...]:
    return tuple(shipped_packs())


def gallery_button() -> None:
    """Show the button that opens the gallery, to whoever may make rules."""
    if session.may_everywhere(Permission.EDIT) and st.button(
        "Gallery", key="rule-gallery", icon=":material/grid_view:",
        help="Ready-made rules, templates, packs, and rules from a file",
    ):  # fmt: skip
        begin(GALLERY)
        st.rerun()


def _enable(draft: Draft) -> None:
    try:
        saved = session.run(SaveRule(draft=draft))
    except ChangeWaits as waits:
        session.queue_toast(waits.message.capitalize(), "hourglass_top")
    except SentinelError as error:
        session.queue_toast(f"Not enabled: {error}", "error")
    else:
        undo_bar.offer(PAGE, f"Created the rule {draft.name}", taken_back(saved))


def _install(pack: ShippedPack) -> None:
    try:
        done = session.run(InstallPack(pack=pack.name))
    except SentinelError as error:
        session.queue_toast(f"Not installed: {error}", "error")
        return
    # Removing the pack takes back an installation only where all of its rules are new.
    new = len(done.of("created")) == len(pack.rules)
    back = RemovePack(pack=pack.name) if new else None
    undo_bar.offer(PAGE, f"Pack {pack.name}: {outcome_of(done)}", back)


def _remove(pack: ShippedPack) -> None:
    try:
        done = session.run(RemovePack(pack=pack.name))
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    undo_bar.offer(PAGE, f"Pack {pack.name}: {outcome_of(done)}", None)


def _about(draft: Draft) -> str:
    rule = Rule.model_validate(draft.rule)
    parts = [draft.trigger, _condition(rule.when), str(rule.severity)]
    if draft.rule.get("for"):
        parts.append(f"for {draft.rule['for']}")
    return " · ".join(filter(None, parts))


def _condition(when: When | None) -> str:
    """Return a condition in a few words; empty where the check's own holds."""
    if when is None:
        return ""
    for kind in ("above", "below", "equals"):
        value = getattr(when, kind)
        if value is not None:
            return f"{kind} {value:g}"
    return when.expression or ("levels" if when.levels else "outside")


def _card(draft: Draft, known: set[str]) -> None:
    name = draft.name
    with st.container(border=True, key=f"ready-{name}"):
        st.html(
            f'<h3 class="card-title">{escape(name)}</h3>'
            f"<p>{escape(str(draft.rule.get('description') or ''))}</p>"
            f'<p class="small">{escape(_about(draft))}</p>'
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if name in known:
                st.html('<span class="small">There is a rule of this name.</span>')
            elif draft.scheduled:
                st.button(
                    "Enable", key=f"ready-enable-{name}", icon=":material/toggle_on:",
                    on_click=_enable, args=(draft,), help=f"Creates the rule {name}",
                )  # fmt: skip
            else:
                st.html('<span class="small">Edit it first: it needs to know what to check.</span>')
            if st.button("Edit", key=f"ready-use-{name}", icon=":material/edit:",
                         help=f"Opens {name} in the builder"):  # fmt: skip
                begin(NEW, draft)
                st.rerun()


def _template(one: Template) -> None:
    name = one.draft.name
    with st.container(border=True, key=f"template-{name}"):
        st.html(
            f'<h3 class="card-title">{escape(one.title)}</h3><p>{escape(one.about)}</p>'
            f'<p class="small">{escape(one.draft.trigger)} · change: {escape(one.change)}</p>'
        )
        if st.button(
            "Use template", key=f"template-use-{name}", icon=":material/edit:",
            help="Opens the builder with the fields filled in",
        ):  # fmt: skip
            begin(NEW, one.draft)
            st.rerun()


def _pack(pack: ShippedPack, deployed: list[tuple[str, str]]) -> None:
    with st.container(border=True, key=f"pack-{pack.name}"):
        rules = counted(len(pack.rules), "rule")
        names = ", ".join(one.name for one in pack.rules)
        st.html(
            f'<h3 class="card-title">{escape(pack.name)}</h3><p>{escape(pack.description)}</p>'
            f'<p class="small">{rules}: {escape(names)}</p>'
        )
        if is_installed(pack, deployed):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.html('<span class="small">Installed</span>')
                st.button(
                    "Remove", key=f"pack-remove-{pack.name}", icon=":material/delete:",
                    on_click=_remove, args=(pack,), help=f"Deletes the rules of {pack.name}",
                )  # fmt: skip
            return
        st.button(
            "Install", key=f"pack-install-{pack.name}", icon=":material/download:",
            on_click=_install, args=(pack,), help=f"Deploys what differs of {pack.name}",
        )  # fmt: skip


def _grid(count: int) -> list[DeltaGenerator]:
    """Return places for cards, three beside each other."""
    rows = [st.columns(3) for _ in range(0, count, 3)]
    return [place for row in rows for place in row][:count]


@st.fragment(key="gallery-part")
def gallery() -> None:
    """Show ready-made rules and packs as cards, and rules from and to a file."""
    session.show_toasts("rule_gallery")
    st.html(markup.page_head("Gallery"))
    if st.button("All rules", key="build-close", icon=":material/arrow_back:", type="tertiary"):
        close()
        st.rerun()
    undo_bar.show(PAGE)
    if not session.may_everywhere(Permission.EDIT):
        st.html(f'<p class="small">Rules are made by the role {Permission.EDIT.role} or a higher '
                "one, in all tenants and teams; yours is "
                f"{escape(session.principal().role)}.</p>")  # fmt: skip
        return
    try:
        rows = session.data().within(session.scope()).scoped_rules.listed()
        drafts, packs = _ready(), _packs()
    except SentinelError as error:
        st.html(markup.note("warn", "The gallery cannot be read.", str(error)))
        return
    known = {row.name for row in rows}
    deployed = [(row.source, row.name) for row in rows]
    st.html('<h2 class="section">Rules</h2>')
    for place, draft in zip(_grid(len(drafts)), drafts, strict=True):
        with place:
            _card(draft, known)
    st.html('<h2 class="section">Templates</h2>')
    for place, one in zip(_grid(len(TEMPLATES)), TEMPLATES, strict=True):
        with place:
            _template(one)
    st.html('<h2 class="section">Packs</h2>')
    for place, pack in zip(_grid(len(packs)), packs, strict=True):
        with place:
            _pack(pack, deployed)
    rule_files(sorted(known))
