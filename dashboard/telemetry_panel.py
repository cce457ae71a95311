"""What the pages about telemetry share: their heads, time range, and how they wait."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from html import escape
from typing import Any, TypeVar
from uuid import uuid4

import streamlit as st

from dashboard import markup, session
from dashboard.database_errors import database
from dashboard.page_addresses import SEARCH
from dashboard.telemetry_query import CUSTOM, RANGES, fault_html, grammar_html, read
from dashboard.telemetry_searches import Outcome, Searches, TelemetryReader
from sentinel.errors import ConfigurationError, OutOfScope, SentinelError, TelemetryUnavailable
from sentinel.links import host_in_url
from sentinel.settings import settings
from sentinel.store.access.known_places import known_places
from sentinel.telemetry.asked import Asked, BadParameter, moment_of
from sentinel.telemetry.query import FieldKind, QueryFault

__all__ = [
    "SINCE", "TENANT", "TIME", "UNTIL", "Search", "asked", "begun", "keep_looking", "language_help",
    "nothing", "period_words", "problem", "reader", "refresh", "search_box", "set_range",
    "shared_parameters",
]  # fmt: skip

R = TypeVar("R")

TIME, SINCE, UNTIL, TENANT = "time", "since", "until", "tenant"
"""Parameters of the address, the same on these pages."""
WAIT = 0.8
"""Seconds that a page waits for the store before it shows what there is."""
PINNED = "telemetry-now"
"""Where a session keeps its searches and the moments that their time ranges end at."""
REFRESHED = "telemetry-refreshed"
"""Where a session keeps what tells its searches since the last refresh from those before."""
MOST_PINNED = 8
_FIRST = {
    "log line": (
        "/api/logs/ingest", '{"service_name": "shop", "level": "ERROR", "message": "hello"}',
    ),
    "trace": (
        "/api/tracing/spans",
        '{"service_name": "shop", "operation_name": "GET /", "trace_id": '
        '"5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b174", '
        """"start_time": "'$(date -u +%FT%TZ)'", "duration_ms": 12}""",
    ),
    "request": (
        "/api/v1/requests",
        '[{"service": "shop", "consumer": "user-7", "method": "GET", "path": "/orders/7", '
        '"status": 200, "duration_ms": 12}]',
    ),
}  # fmt: skip
"""What sends the first of each: path and body."""


@st.cache_resource(show_spinner=False)
def searches() -> Searches:
    """Return what runs the searches of this process."""
    return Searches()


def reader() -> TelemetryReader:
    """Return what reads logs and traces."""
    return TelemetryReader(session.data().within, settings())


class Search:
    """The searches of one run of a page: all begin at once, and none is waited for long.

    Args:
        tenant: whose logs and traces
    """

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self._searches = searches()
        self._until = self._searches.deadline(WAIT)
        self._begun: dict[str, Future[Any]] = {}

    def begin(self, name: str, key: Hashable, work: Callable[[], Any]) -> None:
        """Begin a search under a name; the same key finds what was found before."""
        refreshed = st.session_state.get(REFRESHED)
        self._begun[name] = self._searches.begin((name, self.tenant, refreshed, key), work)

    def outcome(self, name: str) -> Outcome[Any]:
        """Return what came of a search by the end of this run's time."""
        return self._searches.outcome(self._begun[name], self._until)

    def ready(self, name: str) -> Any:
        """Return what a search has found already, without waiting; None where it runs or failed."""
        return self._searches.outcome(self._begun[name], 0).value

    def shown(self, name: str, waiting: str) -> Any:
        """Return what a search found; where there is nothing yet, say so in its place.

        Args:
            name: of `begin`
            waiting: what is said while it runs

        Returns:
            What it found; None where it runs or failed.
        """
        found = self.outcome(name)
        if found.problem is not None:
            problem(found.problem)
        elif found.is_pending:
            st.html(f'<p class="small" role="status">{escape(waiting)}</p>')
        return found.value

    @property
    def pending(self) -> list[Future[Any]]:
        """The searches that still run."""
        return [one for one in self._begun.values() if not one.done()]


def keep_looking(search: Search) -> None:
    """Show the page again as soon as something comes that it was left without."""
    waited = search.pending
    if not waited:
        return

    def look() -> None:
        if any(one.done() for one in waited):
            st.rerun()

    st.fragment(look, run_every=1)()


def begun(title: str) -> str | None:
    """Show the head of a page: its title, the tenant where there are several, the time range.

    Args:
        title: of the page

    Returns:
        The tenant that the address names; None where nothing may be shown, which was said.
    """
    chosen = chosen_tenant()
    if chosen is not None:
        _head(title, chosen)
    return chosen


def search_box(placeholder: str) -> str:
    """Show the search of a page; returns what was typed."""
    text = st.text_input(
        "Search", key=SEARCH, icon=":material/search:", bind="query-params",
        placeholder=placeholder, label_visibility="collapsed",
    )  # fmt: skip
    return str(text or "")


def language_help(of: str) -> None:
    """Show the button that explains the query language of `logs` or `spans`."""
    with st.popover("Query language", icon=":material/help:", type="tertiary"):
        st.html(grammar_html(of))


def _head(title: str, chosen: str) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="head-telemetry"
    ):
        st.html(markup.page_head(title), width="stretch")
        options = _tenants(chosen)
        if len(options) > 1:
            st.selectbox(
                "Tenant", options, index=options.index(chosen), key="tenant-chosen", width=160,
                label_visibility="collapsed", on_change=_keep_tenant,
            )  # fmt: skip
        st.segmented_control(
            "Time", RANGES, key=TIME, default="1h", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        st.button("Refresh", icon=":material/refresh:", key="telemetry-refresh", on_click=refresh)
    if st.session_state.get(TIME) == CUSTOM:
        with st.container(horizontal=True, gap="small"):
            hint = "A moment such as 2026-01-31T12:00:00Z, or a length of time before now: 2h"
            st.text_input("From", key=SINCE, bind="query-params", help=hint, width=260)
            st.text_input("To", key=UNTIL, bind="query-params", help=f"{hint}. Empty for now.",
                          width=260)  # fmt: skip


def _keep_tenant() -> None:
    st.query_params[TENANT] = str(st.session_state["tenant-chosen"])


def _tenants(chosen: str) -> list[str]:
    whole = reader().tenants(session.scope())
    if whole is None:
        try:
            with database():
                whole = known_places(session.data().within(session.scope()))[0]
        except SentinelError:  # the database is down, as other pages say
            whole = []
        whole = ["default", *(name for name in whole if name != "default")]
    return whole if chosen in whole else [chosen, *whole]


def chosen_tenant() -> str | None:
    """Return the tenant that the address names, checked; says why where there is none to show."""
    named = str(st.query_params.get(TENANT, "")) or None
    whole = reader().tenants(session.scope())
    if named is None and whole and "default" not in whole:
        named = whole[0]
    try:
        return reader().name(session.scope(), named)
    except (OutOfScope, ConfigurationError):
        st.html(
            markup.note(
                "warn", "This telemetry is out of reach.",
                "It belongs to whole tenants. "
                + (f"You see: {', '.join(whole)}." if whole else "You see teams of tenants."),
            )
        )  # fmt: skip
        return None


def refresh() -> None:
    """Let the time range end now, and search anew also where it ends at a moment that was given."""
    st.session_state.pop(PINNED, None)
    st.session_state[REFRESHED] = uuid4().hex


def _now(question: object) -> datetime:
    """Return the moment that the range of this search ends at: it stays until it is refreshed."""
    pinned: dict[object, datetime] = st.session_state.setdefault(PINNED, {})
    if question not in pinned:
        if len(pinned) >= MOST_PINNED:
            del pinned[next(iter(pinned))]
        pinned[question] = session.data().now()
    return pinned[question]


def asked(
    text: str, fields: Mapping[str, FieldKind], *, also: Sequence[tuple[str, str]] = (),
    words: bool = True,
) -> Asked | None:  # fmt: skip
    """Read the search of this page; says what is wrong where it cannot be read.

    Args:
        text: as it was typed
        fields: of what is searched
        also: fields, and what each must be
        words: whether plain words are read

    Returns:
        What is looked for; None where that was said.
    """
    state = st.session_state
    given = {
        "span": str(state.get(TIME) or "1h"), "since": str(state.get(SINCE) or ""),
        "until": str(state.get(UNTIL) or ""),
    }  # fmt: skip
    now = _now((text, tuple(also), *given.values()))
    try:
        return read(text, fields, now, **given, also=also, words=words)
    except (QueryFault, BadParameter) as fault:
        st.html(fault_html(text, fault))
        return None


def set_range(since: datetime, until: datetime) -> None:
    """Choose a time range, in a callback."""
    st.session_state[TIME] = CUSTOM
    for name, at in ((SINCE, since), (UNTIL, until)):
        written = at.astimezone(UTC).isoformat(timespec="milliseconds")
        st.session_state[name] = written.replace("+00:00", "Z")


def shared_parameters() -> dict[str, str]:
    """Return tenant and time range, for the addresses of the other pages."""
    state = st.session_state
    span = str(state.get(TIME) or "1h")
    custom = span == CUSTOM
    return {
        TIME: span, SINCE: str(state.get(SINCE) or "") if custom else "",
        UNTIL: str(state.get(UNTIL) or "") if custom else "",
        TENANT: str(st.query_params.get(TENANT, "")),
    }  # fmt: skip


def period_words(found: Asked) -> str:
    """Return the time range that was searched, by the viewer's clock."""
    clock = session.clock()
    ends = [datetime.fromisoformat(moment_of(one)[:26] + "+00:00") for one in
            (found.since, found.until)]  # fmt: skip
    return f"{clock.moment(ends[0])} – {clock.moment(ends[1])}, {session.zone()}"


def problem(error: SentinelError) -> None:
    """Show why the store did not answer."""
    off = isinstance(error, TelemetryUnavailable)
    title = "Telemetry cannot be shown now." if off else "The search was refused."
    words = f"{error.message}. {error.hint}" if error.hint else error.message
    st.html(markup.note("warn" if off else "down", title, words))


def nothing(what: str, *, ever: bool) -> None:
    """Say that nothing was found; where there never was anything, how to send the first.

    Args:
        what: is searched: `log line`, `request`, or spans by another name
        ever: whether this tenant has sent any
    """
    if ever:
        st.html(
            f'<div class="empty"><h2>No {escape(what)} matches</h2><p>Choose a longer time range, '
            "or fewer terms.</p></div>"
        )
        return
    chosen = settings()
    base = f"{chosen.scheme}://{host_in_url(chosen.host)}:{chosen.api_port}"
    sent, body = _FIRST.get(what, _FIRST["trace"])
    ways = (
        "The middleware of an API sends them, or whoever reads an access log"
        if what == "request"
        else "Services send them with OpenTelemetry to this address, or as JSON"
    )
    st.html(
        f'<div class="empty"><h2>No {escape(what)} was sent yet</h2><p>{ways}. '
        "Make a key, and send the first:</p></div>"
    )
    st.code(
        "sentinel key create shop --role responder --scope telemetry\n"
        f"curl -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' {base}{sent} "
        f"-d '{body}'",
        language="bash", wrap_lines=True,
    )  # fmt: skip
