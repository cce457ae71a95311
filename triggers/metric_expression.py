"""Several stored metrics in one expression, for every series or group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import ConfigurationError, ExpressionError, ReadingError
from sentinel.expression import compile_expression
from sentinel.metrics.aggregate import Aggregate, aggregate
from triggers._metrics import Duration, length, window


@trigger(category="metrics", keeps_readings=False)
def metric_expression(
    ctx: Context,
    metrics: Annotated[dict[str, str], Field(min_length=1, max_length=20)],
    expression: str,
    by: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    match: dict[str, list[str]] = {},  # noqa: B006 - as above
    aggregate_by: dict[str, Aggregate] = {},  # noqa: B006 - as above
    over: Duration = timedelta(minutes=5),
) -> Iterator[Reading]:
    """Several stored metrics in one expression, such as errors / requests * 100.

    Its result is the value, which the rule's `when` judges; true and false are 1 and 0. Series
    that agree in the labels `by` are put together. A group of which one of the metrics has no
    sample in the window, or for which there is no result (a division by zero), is not seen.

    Args:
        ctx: the stored metrics; notes groups without a result
        metrics: the metric behind each name of the expression: {errors: http_errors_total}
        expression: what is worked out, for example errors / requests * 100
        by: one value for all series that agree in these labels; empty means one value of all
        match: matchers for each name: {errors: [code=~"5.."]}
        aggregate_by: which number of each name's samples: avg unless given, or rate, sum, p95 …
        over: the length of the window, which ends now

    Yields:
        For each group of series one reading with the expression's value; its details hold the value
        of every name.

    Raises:
        ConfigurationError: the expression cannot be compiled, or `match` or `aggregate_by` has an
            unknown name
        ReadingError: the expression's result is no number
    """
    for given, what in ((match, "match"), (aggregate_by, "aggregate_by")):
        strange = sorted(given.keys() - metrics.keys())
        if strange:
            raise ConfigurationError(
                f"{what} names {', '.join(strange)}, which metrics does not",
                hint=f"There are: {', '.join(metrics)}.",
            )
    try:
        worked_out = compile_expression(expression, tuple(metrics))
    except ExpressionError as error:
        raise ConfigurationError(f"expression: {error}") from None
    long = length(over, "over")
    groups: dict[frozenset[tuple[str, str]], dict[str, float]] = {}
    for name, metric in metrics.items():
        found = aggregate(
            window(ctx, metric, match.get(name, ()), long), aggregate_by.get(name, "avg"), by
        )
        for labels, value in zip(found.labels, found.values.tolist(), strict=True):
            if value == value:  # NaN: too few samples to say
                groups.setdefault(frozenset(labels.items()), {})[name] = value
    for key, values in groups.items():
        labels: Mapping[str, str] = dict(sorted(key))
        if len(values) < len(metrics):
            ctx.unknown(labels)
            continue
        try:
            answer = worked_out(values)
        except ExpressionError:
            answer = None  # with these numbers: a division by zero
        if answer is None:
            ctx.unknown(labels)
            continue
        if not isinstance(answer, bool | int | float):
            raise ReadingError(f"the expression's result {answer!r:.80} is no number")
        yield Reading(labels=labels, value=float(answer), details=values)
