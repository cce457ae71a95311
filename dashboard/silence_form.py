"""The form of a new silence: matchers, when it mutes, and what it would mute now."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from html import escape
from typing import Any

import msgspec
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.moment_input import moment_input
from dashboard.silence_commands import CreateSilence, ExpireSilence
from dashboard.silence_view import known_labels, matchers_of_alert, occurrences, preview
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.timing.local_time import local_of

__all__ = ["FORM", "PAGE", "form"]

PAGE = "silences"
FORM = "silence-form"
"""Number in the keys of the inputs: a form begins anew after it was saved."""
LENGTHS = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "1 week": timedelta(weeks=1),
}
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NOW, LATER, WEEKLY, RRULE = "From now", "From a time", "Weekly", "RRULE"
YEAR = timedelta(days=365)
MOST_SHOWN = 8


class _When(msgspec.Struct, frozen=True, kw_only=True):
    """When a silence begins, ends and mutes; one that lasts a time from now has no `until`."""

    starts_at: datetime | None = None
    until: datetime | None = None
    lasts: timedelta | None = None
    recurrence: dict[str, Any] = {}


def _key(name: str) -> str:
    return f"silence-{name}-{int(st.session_state.get(FORM, 0))}"


def _create(command: CreateSilence) -> None:
    try:
        made, count = session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not silenced: {error}", "error")
        return
    st.session_state[FORM] = int(st.session_state.get(FORM, 0)) + 1
    alerts = counted(count, "alert that fires", "alerts that fire")
    undo_bar.offer(PAGE, f"Created a silence, which matches {alerts} now", ExpireSilence(id=made))


def _zone() -> str:
    return st.text_input("Time zone", session.zone(), key=_key("zone"), width=200).strip()


def _when(now: datetime) -> _When:
    """Show the inputs of the time, and return what they hold."""
    kind = st.segmented_control(
        "When", [NOW, LATER, WEEKLY, RRULE], default=NOW, required=True, key=_key("kind")
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if kind == LATER:
            begins = moment_input("From", now + timedelta(hours=1), _key("from"))
            ends = moment_input("Until", now + timedelta(hours=5), _key("until"))
            return _When(starts_at=begins, until=ends)
        if kind == WEEKLY:
            return _weekly(now)
        if kind == RRULE:
            return _rrule(now)
        length = st.segmented_control(
            "Silence for", list(LENGTHS), default="1 hour", required=True, key=_key("length")
        )
        return _When(lasts=LENGTHS[str(length)])


def _weekly(now: datetime) -> _When:
    days = st.pills("Days", WEEKDAYS, selection_mode="multi", default=["sun"], key=_key("days"))
    start = st.time_input("From", time(2), key=_key("start"), required=True, width=120)
    end = st.time_input("Until", time(4), key=_key("end"), required=True, width=120)
    zone, until = _zone(), moment_input("Last day", now + YEAR, _key("last"))
    begins, ends = (at.isoformat(timespec="minutes") for at in (start, end))
    window = {"days": list(days), "start": begins, "end": ends}
    return _When(until=until, recurrence={"weekly": {"timezone": zone, "windows": [window]}})


def _rrule(now: datetime) -> _When:
    rule = st.text_input("RRULE", "FREQ=MONTHLY;BYDAY=2TU", key=_key("rrule"), width=260,
                         help="RFC 5545, with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")  # fmt: skip
    tomorrow = local_of(now, session.clock().zone) + timedelta(days=1)
    first = st.datetime_input(
        "First", datetime.combine(tomorrow.date(), time(2)), key=_key("first"), width=220,
        format=session.clock().input_format, help="In the time zone beside it", required=True,
    )  # fmt: skip
    minutes = st.number_input("Minutes", 1, 7 * 24 * 60, 60, key=_key("minutes"), width=120)
    zone, until = _zone(), moment_input("Last day", now + YEAR, _key("last"))
    given = {"rrule": rule, "first": first.isoformat(timespec="seconds"), "minutes": int(minutes),
             "timezone": zone}  # fmt: skip
    return _When(until=until, recurrence={"occurrences": given})


def _matchers(prefilled: list[str], of: str) -> tuple[list[str], str]:
    """Show the inputs of the matchers; return the sets and the tenant.

    Args:
        prefilled: matchers that are chosen first
        of: the tenant that is chosen first

    Returns:
        Sets of matchers, and whose alerts they are about.
    """
    known = known_labels(session.data().within(session.scope()))
    chosen = st.multiselect(
        "Matchers", list(dict.fromkeys([*prefilled, *known.matchers])), default=prefilled,
        key=_key("matchers"), accept_new_options=True, placeholder='host=~"db-.*", team="db"',
        help='An alert is muted that all of them match: = != =~ !~, for example host=~"db-.*"',
    )  # fmt: skip
    more = st.text_area(
        "Or all of", key=_key("more"), height=68,
        help="Further sets of matchers, one on each line; one set that matches is enough",
    )  # fmt: skip
    tenants = known.tenants or [of]
    tenant = tenants[0]
    if len(tenants) > 1:
        start = tenants.index(of) if of in tenants else 0
        tenant = st.selectbox("Tenant", tenants, index=start, key=_key("tenant"), width=220)
    further = [line.strip() for line in str(more or "").splitlines() if line.strip()]
    return ([", ".join(chosen)] if chosen else []) + further, tenant


def _preview(sets: list[str], tenant: str) -> None:
    found = preview(session.data().within(session.scope()), sets, tenant)
    many = counted(found.count, "alert that fires now", "alerts that fire now")
    rows = "".join(
        f'<li><b class="small">{escape(one.severity)}</b> {escape(one.title)}</li>'
        for one in found.alerts[:MOST_SHOWN]
    )
    rest = found.count - MOST_SHOWN
    more = f"<li>… and {rest:,} more</li>" if rest > 0 else ""
    st.html(f'<h3 class="section">Preview</h3><p class="small">It mutes {many}.</p>'
            f'<ul class="changes">{rows}{more}</ul>')  # fmt: skip


def _occurrences(when: _When, until: datetime, now: datetime) -> None:
    clock = session.clock()
    found = occurrences(when.recurrence, when.starts_at or now, until)
    rows = "".join(
        f"<li>{escape(clock.brief(begins))} – {escape(clock.brief(ends))}</li>"
        for begins, ends in found
    )
    st.html(f'<h3 class="section">Next five windows</h3><ul class="changes">{rows}</ul>'
            if rows else '<p class="small">No window lies before its end.</p>')  # fmt: skip


def form(about: str) -> None:
    """Show the form.

    Args:
        about: id of an alert whose labels it begins with; empty for none
    """
    # Kept, since inputs whose defaults move with the clock would begin anew.
    began = st.session_state.setdefault(_key("began"), session.data().now())
    now = session.data().now()
    prefilled: list[str] = []
    of = "default"
    try:
        if about:
            alert = session.data().within(session.scope()).alert(about)
            prefilled, of = matchers_of_alert(alert), alert.tenant
        sets, tenant = _matchers(prefilled, of)
        when = _when(began)
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            comment = st.text_input("Comment", key=_key("comment"), max_chars=500, width=420)
            planned = st.checkbox("Maintenance window", key=_key("maintenance"))
            announced = st.checkbox(
                "Announce", key=_key("announce"),
                help="Each receiver that it mutes is notified that it has begun, 15 minutes before "
                "its end, and that it is over",
            )  # fmt: skip
        if when.recurrence and when.until is not None:
            _occurrences(when, when.until, now)
        if not sets:
            st.html('<p class="small">Choose a matcher; the preview shows what it mutes.</p>')
            return
        _preview(sets, tenant)
    except SentinelError as error:
        st.html(markup.note("warn", "This silence cannot be made.", str(error)))
        return
    command = CreateSilence(
        matchers=sets, tenant=tenant, until=when.until, lasts=when.lasts,
        starts_at=when.starts_at, recurrence=when.recurrence, maintenance=planned,
        announce=announced, comment=comment or "",
    )  # fmt: skip
    # No callback: its arguments would be those of the run before what was typed last.
    if st.button(
        "Silence", key="silence-create", type="primary", icon=":material/notifications_off:"
    ):
        _create(command)
        st.rerun()
