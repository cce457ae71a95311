"""What the advice against noise saves in a simulated month, beside taking every alert as it comes.

The generator is `benchmarks.noise_month`, with its seed. The advice sees the first two weeks and is
judged by the next two: messages that are left, and true incidents of which no alert opens.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.noise_month import DAYS, simulated_month
from benchmarks.noise_trial import applied
from benchmarks.table import Row

START = datetime(2026, 3, 2, tzinfo=UTC)
SEED, MONTHS = 1, 20


def run() -> list[Row]:
    """Rows of the published month, and of the worst of twenty months of other seeds."""
    found = [
        applied(simulated_month(seed, START), START + timedelta(days=DAYS / 2))
        for seed in range(SEED, SEED + MONTHS)
    ]
    lost = sum(one.lost for one in found)
    shares = [100 * (1 - one.after / one.before) for one in found]
    true = sum(one.true for one in found)
    return [
        Row(name="noise_messages_saved", value=shares[0], unit="% of messages",
            peer="asked", peer_value=60),
        Row(name="noise_messages_saved_worst_of_20", value=min(shares), unit="% of messages",
            peer=f"mean of {MONTHS} months", peer_value=sum(shares) / MONTHS),
        Row(name="noise_incidents_lost", value=lost, unit=f"of {true} in {MONTHS} months",
            peer="asked", peer_value=0),
    ]  # fmt: skip
