"""The deliveries of the channels page: each attempt to send, and what the provider answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.clock import Clock
from dashboard.database_errors import database
from dashboard.table import moments, table
from sentinel.errors import SentinelError
from sentinel.notifications.reasons import words
from sentinel.schema.notifications import Delivery
from sentinel.store.notifications.delivery_rows import DeliveryFilter, deliveries

__all__ = ["show"]

ALL = "all"
STATES = [ALL, "sent", "failed", "refused", "sending"]
_MOST = 200


def show(channels: Sequence[str], length: timedelta) -> None:
    """Show the newest attempts of a period, of all channels or of one.

    Args:
        channels: references of those to choose from
        length: of the period that ends now
    """
    st.html('<h2 class="section">Deliveries</h2>')
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Channel", [ALL, *channels], key="deliveries-of", width=300,
            label_visibility="collapsed",
        )  # fmt: skip
        state = st.segmented_control(
            "State", STATES, default=ALL, required=True, key="deliveries-state",
            label_visibility="collapsed",
        )  # fmt: skip
    wanted = DeliveryFilter(
        channel="" if chosen in (ALL, None) else str(chosen),
        state="" if state in (ALL, None) else str(state),
    )
    try:
        found = _read(wanted, session.data().now() - length)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    if not found:
        st.html('<p class="small">Nothing was sent in this time.</p>')
        return
    clock = session.clock()
    table(
        pd.DataFrame([_row(one, clock) for one in found]),
        column_config={
            "Started": moments(),
            "Latency": st.column_config.NumberColumn(format="%d ms"),
            "Answer": st.column_config.TextColumn(
                width="large", help="What the provider said, cut and without secrets"
            ),
        },
        most=400,
        alt="Attempts to send, newest first, and what came of each",
    )
    if len(found) == _MOST:
        st.html(f'<p class="small">These are the newest {_MOST}. All: {escape(_COMMAND)}</p>')


_COMMAND = "sentinel delivery list"


def _read(wanted: DeliveryFilter, since: datetime) -> list[Delivery]:
    with database():
        found = deliveries(session.data().within(session.scope()).instance, wanted, _MOST)
    return [one for one in found if one.started_at >= since]


def _row(one: Delivery, clock: Clock) -> dict[str, object]:
    return {
        "Started": clock.local(one.started_at),
        "Channel": one.channel,
        "Receiver": one.receiver,
        "State": one.state,
        "Attempt": one.attempt,
        "Latency": one.latency_ms,
        "Reason": words(one.reason),
        "Answer": one.error or one.answer,
    }
