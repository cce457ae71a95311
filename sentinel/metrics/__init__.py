"""Metrics: numbers with a name, labels and a moment, from outside and from readings.

From Python::

    from sentinel import metrics

    metrics.submit("queue_depth", 412, unit="jobs", labels={"queue": "mail"})

Stored by `sentinel.store.metrics`; the checks over them are in `triggers/metric_*.py`.
"""

from sentinel.metrics.sample import Sample, metric_of_rule
from sentinel.metrics.submitting import submit

__all__ = ["Sample", "metric_of_rule", "submit"]
