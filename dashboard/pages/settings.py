"""The settings page: Prefect's address and a test of it, preferences, storage and retention.

Settings of the installation come from the environment, where every part of Sentinel reads them;
this page shows them and says how to change them. Prefect's addresses can be set here where the
environment does not set them. A viewer's preferences stay in the browser.
"""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from dashboard import markup, session
from dashboard.alert_row import value
from dashboard.blotter import widget
from dashboard.connection_check import check_page
from dashboard.prefect_addresses import LABELS, SavePrefectAddresses
from dashboard.serializers import TARGETS
from sentinel.access import Permission
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.settings import KEPT, kept_settings, set_by, settings
from sentinel.store.reports.statistics import MOST_COUNTED

NAME = re.compile("([A-Z]+(?:_[A-Z]+)+)")
"""The name of an environment variable."""


def _facts(facts: list[tuple[str, str, str]]) -> None:
    def where(how: str) -> str:
        return NAME.sub(r"<code>\1</code>", escape(how))

    rows = "".join(
        f"<dt>{escape(name)}</dt><dd><b>{escape(text)}</b>"
        + (f"<small>{where(how)}</small>" if how else "")
        + "</dd>"
        for name, text, how in facts
    )
    st.html(f'<dl class="meanings">{rows}</dl>')


def _address(name: str, in_use: str, kept: str) -> str:
    """Show the input of one of Prefect's addresses, and return its text.

    Where the environment sets the address, it is shown and cannot be changed here.

    Args:
        name: of the setting
        in_use: the address that this process uses
        kept: the one that was saved here; empty for none

    Returns:
        the text
    """
    source = set_by(name)
    typed = st.text_input(
        LABELS[name], value=in_use if source else kept, placeholder=in_use, key=name,
        disabled=bool(source) or not session.may_everywhere(Permission.ADMINISTER), max_chars=2000,
        help="Empty: what follows from the other settings" if not source else None,
    )  # fmt: skip
    if source:
        st.html(
            f'<p class="small">Set by <code>{escape(source)}</code>, which wins over this page. '
            "Change it there.</p>"
        )
    elif kept and kept != in_use:
        st.html(f'<p class="small">In use until the next start: {escape(in_use)}</p>')
    return typed.strip()


def _save_addresses(typed: dict[str, str]) -> None:
    try:
        changed = session.run(SavePrefectAddresses(**typed))
    except SentinelError as error:
        st.html(markup.note("warn", "Not saved.", str(error)))
        return
    said = f"Saved {' and '.join(changed)}; used from the next start" if changed else "No change"
    session.queue_toast(said, "save")
    st.rerun()


def _test(api: str, ui: str) -> None:
    try:
        session.authorized_actor()
    except ConfigurationError as error:
        st.html(markup.note("warn", "Not tested.", str(error)))
        return
    with st.spinner(f"Testing {api} …"):
        found, page = session.data().test_prefect(api), check_page(ui)
    said = "Prefect answers." if found.ok else "Prefect does not answer."
    st.html(markup.note("info" if found.ok else "warn", said, found.text))
    if not page.ok:
        st.html(markup.note("warn", "Prefect's UI does not answer.", page.text))


def _prefect() -> None:
    st.html('<h2 class="section">Prefect</h2>')
    addresses = session.data().addresses
    in_use = {"prefect_api_url": addresses.prefect_api, "prefect_ui_url": addresses.prefect_ui}
    try:
        kept = kept_settings(settings().resolved_home())
    except ConfigurationError as error:
        st.html(markup.note("warn", error.message, error.hint))
        kept = {}
    typed = {name: _address(name, in_use[name], kept.get(name, "")) for name in KEPT}
    if not session.may_everywhere(Permission.ADMINISTER):
        return
    with st.container(horizontal=True, gap="small"):
        tested = st.button("Test connection", key="test", icon=":material/lan:")
        saved = st.button(
            "Save", key="prefect-save", type="primary", disabled=all(map(set_by, KEPT)),
            help="Used from the next start: sentinel down, then sentinel up",
        )  # fmt: skip
    if tested:
        _test(*(typed[name] or in_use[name] for name in KEPT))
    if saved:
        _save_addresses(typed)


def _storage() -> None:
    st.html('<h2 class="section">Storage and retention</h2>')
    try:
        kept = session.reports().storage(session.scope())
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    size = value(kept.bytes / 1_048_576, "MB") if kept.bytes is not None else "unknown"
    _facts(
        [
            ("Database", kept.where, "SENTINEL_DATABASE_URL"),
            ("Size", size, ""),
            ("Alerts", markup.capped(kept.alerts, MOST_COUNTED), ""),
            ("Oldest alert", session.clock().day(kept.oldest) if kept.oldest
             else "none yet", ""),
            ("Retention of resolved alerts", format_duration(settings().retention),
             "SENTINEL_RETENTION"),
        ]
    )  # fmt: skip
    st.html(
        '<p class="small">Retention deletes resolved alerts for good, once a day, as a Prefect '
        "deployment.</p>"
    )


def _named_by() -> str:
    header = settings().dashboard_user_header
    if session.signed_in() is not None:
        return f"your login; role {session.principal().role}"
    return (
        f"{header}, set by the login proxy"
        if header
        else "SENTINEL_USER, else this machine's login"
    )


def _preferences() -> None:
    st.html('<h2 class="section">Preferences</h2>')
    _facts(
        [
            ("You act as", session.actor(), _named_by()),
            ("Time zone", session.zone(), "of your browser"),
            ("Appearance", "as your system's, or as chosen in the menu ⋮ at the top", ""),
            ("Time to acknowledge", ", ".join(
                f"{word} {markup.length(seconds)}" for word, seconds in TARGETS.items()), ""),
        ]
    )  # fmt: skip
    widget("preferences", {"live_api": session.live_api()})
    if session.has_login():
        return
    st.html(
        '<p class="small">There is no account, so everybody who can reach the dashboard acts as '
        "the person above; it listens on loopback only. The first account switches login on: "
        "<code>sentinel user create</code>. Behind a login proxy, set "
        "<code>SENTINEL_DASHBOARD_BEHIND_LOGIN</code> to have it listen on other addresses, and "
        "<code>SENTINEL_DASHBOARD_USER_HEADER</code> to the header that names the person.</p>"
    )


st.html(markup.page_head("Settings"))
if session.is_confined():  # the rest is of the whole installation
    _preferences()
else:
    left, right = st.columns(2, gap="large")
    with left:
        _prefect()
        _preferences()
    with right:
        _storage()
