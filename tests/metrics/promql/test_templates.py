"""Texts of Prometheus' rules; the same functions are compared with promtool in tests/backtest."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.metrics.promql.templates import Data, of_prometheus, rendered, template
from sentinel.metrics.promql.values import PromqlError

DATA = Data(labels={"host": "web-1", "job": "a"}, value=1234.5678, external={"cluster": "eu"})


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("{{ $labels.host }}/{{ .Labels.job }}", "web-1/a"),
        ("{{ $value }} {{ .Value | humanize }}", "1234.5678 1.235k"),
        ('{{ printf "%.1f%%" $value }}', "1234.6%"),
        ('{{ $value | printf "%8.2f|" }}', " 1234.57|"),
        ('{{ index $labels "host" | toUpper | printf "%q" }}', '"WEB-1"'),
        ("a {{- $labels.host -}} b", "aweb-1b"),
        ("{{/* nothing */}}x", "x"),
        ("{{ $externalLabels.cluster }}", "eu"),
        ('{{ if eq $labels.job "b" }}b{{ else if eq $labels.job "a" "c" }}a{{ else }}-{{ end }}',
         "a"),
        ("{{ if and $labels.host (not $labels.none) }}yes{{ end }}", "yes"),
        ("{{ $labels.none }}", ""),
        ("x{{ with $labels.host -}} on {{ . }}{{- end }}.", "xon web-1."),
        ("{{ with $labels.none }}{{ . }}{{ else }}nowhere{{ end }}", "nowhere"),
    ],
)  # fmt: skip
def test_templates_are_filled_in(text: str, made: str):
    assert rendered(of_prometheus(text), DATA) == made


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ $labels.a", "is not closed"),
        ("[[ x ]]", "cannot be told"),
        ("{{ query `up` }}", "calls query"),
        ("{{ range query `up` }}{{ end }}", "with range"),
        ("{{ with $labels.a }}", "without end"),
        ('{{ with $labels.a }}{{ printf "%d" . }}{{ end }}', "is given a text"),
        ("{{ template `x` }}", "with template"),
        ("{{ $x := 1.0 }}", "is not known"),
        ("{{ $labels.a.b }}", "asks for"),
        ("{{ .Foo }}", "asks for"),
        ("{{ end }}", "end without if"),
        ("{{ if $value }}", "without end"),
        ("{{ }}", "is empty"),
        ("{{ ($value }}", "not closed"),
        ("{{ humanize }}", "too few or too many"),
        ('{{ printf "%d" $value }}', "is given a number"),
        ('{{ printf "%999999999s" $labels.a }}', "is wider than 1,000"),
        ('{{ printf "%.999999999f" $value }}', "is wider than 1,000"),
        ('{{ printf "%s %s" $labels.a }}', "has no argument"),
        ("{{ if gt $value 1.0 }}{{ end }}", "calls gt"),
        ("{{ eq $value 1 }}", "write 1.0"),
        ("{{ $labels.a | toUpper $value }}", "too few or too many"),
    ],
)
def test_what_is_not_known_is_refused_before_it_runs(text: str, why: str):
    with pytest.raises(PromqlError) as refused:
        template(of_prometheus(text))
    assert why in refused.value.message


@given(st.text(st.sampled_from('{}[]$. "|()abehilmnprtuv%f1-/*'), max_size=40))
def test_no_text_does_anything_else_than_be_filled_in_or_be_refused(text: str):
    with suppress(PromqlError):
        assert isinstance(rendered(of_prometheus(text), DATA), str)
