"""Requests that read metrics; `Client.send_metrics` sends them.

```python
from sentinel.client import Client, metric_samples

with Client() as sentinel:
    read = sentinel.do(metric_samples.samples("queue_depth", match=["queue=mail"], minutes=120))
    for series in read.series:
        print(series.labels, series.values[-1])
```
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Metric", "MetricNames", "Series", "names", "samples"]


class MetricNames(BaseModel):
    """The metrics that have samples; `rule:NAME` has the readings of a rule."""

    names: list[str]


class Series(BaseModel):
    """One series: its times in seconds since 1970, and its value at each."""

    labels: dict[str, str]
    unit: str
    times: list[float]
    values: list[float]


class Metric(BaseModel):
    """The series of a metric that match."""

    name: str
    series: list[Series]


def names(*, tenant: str | None = None) -> Call[MetricNames]:
    """Return the request for the names of all metrics of a tenant; None as in `samples`."""
    return Call(MetricNames, "GET", f"{BASE}/metrics", {"tenant": tenant})


def samples(
    name: str, *, match: Sequence[str] = (), minutes: float | None = None,
    step: int | None = None, tenant: str | None = None,
) -> Call[Metric]:  # fmt: skip
    """Return the request for the samples of a metric.

    Args:
        name: of the metric
        match: matchers of labels, all of which must match
        minutes: so many up to now; None for the API's default
        step: seconds of the means that are returned; None for the samples
        tenant: whose they are; None for the only one of the token, or `default`

    Returns:
        The request.
    """
    params = {
        "name": name, "match": list(match) or None, "minutes": minutes, "step": step,
        "tenant": tenant,
    }  # fmt: skip
    return Call(Metric, "GET", f"{BASE}/metrics/samples", params)
