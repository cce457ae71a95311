"""Files of `promtool test rules`, read whole. Pure.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.prometheus_rules.files import duration_of
from sentinel.metrics.promql.values import PromqlError
from sentinel.validation_messages import validation_message

__all__ = ["AlertTest", "ExpectedAlert", "ExprTest", "TestFile", "TestGroup", "read_test_file"]

_HINT = "A file for promtool test rules has rule_files: and tests:."


def _duration(given: object) -> object:
    if isinstance(given, timedelta):
        return given
    try:
        return duration_of(given if given is not None else 0, "duration")
    except PromqlError as error:
        raise ValueError(error.message) from None


def _text(given: object) -> object:
    if isinstance(given, bool | int | float):
        return str(given).lower() if isinstance(given, bool) else str(given)
    return "" if given is None else given


def _mapping(given: object) -> object:
    return {} if given is None else given


def _sequence(given: object) -> object:
    return [] if given is None else given


Length = Annotated[timedelta, BeforeValidator(_duration)]
Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[dict[str, Text], BeforeValidator(_mapping)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSeries(_Strict):
    """A series that the test sends."""

    series: str
    values: Text = ""


class ExpectedAlert(_Strict):
    """An alert that fires."""

    exp_labels: Texts = Field(default_factory=dict)
    exp_annotations: Texts = Field(default_factory=dict)


class AlertTest(_Strict):
    """The alerts of a name that fire at a time."""

    eval_time: Length = timedelta(0)
    alertname: str = Field(min_length=1)
    exp_alerts: Annotated[list[ExpectedAlert], BeforeValidator(_sequence)] = []


class ExpectedSample(_Strict):
    """A sample of an expression's result."""

    labels: Text = ""
    value: float
    histogram: str = ""


class ExprTest(_Strict):
    """The result of an expression at a time."""

    expr: Text
    eval_time: Length = timedelta(0)
    exp_samples: Annotated[list[ExpectedSample], BeforeValidator(_sequence)] = []


class TestGroup(_Strict):
    """Tests over some series."""

    __test__ = False

    name: Text = ""
    interval: Length = timedelta(0)
    input_series: Annotated[list[InputSeries], BeforeValidator(_sequence)] = []
    alert_rule_test: Annotated[list[AlertTest], BeforeValidator(_sequence)] = []
    promql_expr_test: Annotated[list[ExprTest], BeforeValidator(_sequence)] = []
    external_labels: Texts = Field(default_factory=dict)
    external_url: str = ""


class TestFile(_Strict):
    """A test file."""

    __test__ = False

    rule_files: Annotated[list[str], BeforeValidator(_sequence)] = []
    evaluation_interval: Length = timedelta(minutes=1)
    group_eval_order: Annotated[list[str], BeforeValidator(_sequence)] = []
    tests: Annotated[list[TestGroup], BeforeValidator(_sequence)] = []

    @property
    def interval(self) -> timedelta:
        """The period of evaluation; a minute where it says none."""
        return self.evaluation_interval or timedelta(minutes=1)


def read_test_file(text: str, where: str) -> TestFile:
    """Read a test file.

    Args:
        text: YAML
        where: what errors call it

    Returns:
        The file.

    Raises:
        ConfigurationError: it is none; names the field
    """
    given: Mapping[str, Any] = loaded(text, where, _HINT)
    try:
        return TestFile.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place: Sequence[object] = first["loc"]
        field = ".".join(map(str, place))
        raise ConfigurationError(
            f"{where}: {field}: {validation_message(first, TestFile)}", hint=_HINT
        ) from None
