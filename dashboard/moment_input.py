"""The input of a moment, in the viewer's time zone and the format of their language."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import session
from sentinel.timing.local_time import local_of, moment_of

__all__ = ["moment_input"]


def moment_input(label: str, given: datetime, key: str) -> datetime:
    """Show the input of a moment.

    Args:
        label: of the input
        given: what it begins with, timezone-aware
        key: of the input; one whose `given` moves with the clock would begin anew

    Returns:
        What it holds; `given` to the microsecond where nobody changed it. It cannot be cleared.
    """
    clock = session.clock()
    default = local_of(given, clock.zone).replace(second=0, microsecond=0)
    typed = st.datetime_input(
        label, default, key=key, format=clock.input_format, required=True, width=220
    )
    return given if typed == default else moment_of(typed, clock.zone)
