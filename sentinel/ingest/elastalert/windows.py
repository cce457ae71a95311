"""Types of ElastAlert's rules as windows of an event policy. Pure.

https://elastalert2.readthedocs.io/en/latest/ruletypes.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

from sentinel.duration import format_duration
from sentinel.errors import PolicyError
from sentinel.ingest.elastalert.filters import EVERY, clauses_of
from sentinel.ingest.elastalert.texts import Json, exact, exists, field_name

__all__ = ["TYPES", "fields_of", "length_of", "window_of"]

_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")


def length_of(rule: Mapping[str, Any], name: str, default: timedelta | None = None) -> str:
    """Return a length of time of a rule.

    Args:
        rule: as it is written
        name: of the option
        default: where the rule has none

    Returns:
        As a policy has it, such as 5m.

    Raises:
        PolicyError: it has none, or it is no length
    """
    given = rule.get(name)
    if given is None and default is not None:
        return format_duration(default)
    if given is None:
        raise PolicyError(f"it has no {name}")
    of: Mapping[str, Any] = cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}
    known = all(
        unit in _UNITS and isinstance(n, int | float) and not isinstance(n, bool)
        for unit, n in of.items()
    )
    if not of or not known:
        raise PolicyError(f"{name}: write a length such as minutes: 5")
    try:
        length = timedelta(**{str(unit): float(n) for unit, n in of.items()})
    except OverflowError:
        raise PolicyError(f"{name}: is too long") from None
    if length < timedelta(0):
        raise PolicyError(f"{name}: is negative")
    return format_duration(length)


def fields_of(rule: Mapping[str, Any], name: str) -> list[str]:
    """Return the fields that an option names: one, or a list.

    Args:
        rule: as it is written
        name: of the option

    Returns:
        The fields of events; none where the rule has no such option.

    Raises:
        PolicyError: it is no list of names
    """
    given = rule.get(name)
    if given is None:
        return []
    several = cast("list[Any]", given) if isinstance(given, list) else [given]
    if not all(isinstance(one, str) and one for one in several):
        raise PolicyError(f"{name}: names fields, each by a text")
    return [field_name(str(one)) for one in several]


def window_of(rule: Mapping[str, Any], buffer: timedelta) -> tuple[list[Json], Json | None]:
    """Return what a type of rule adds to the filter.

    Args:
        rule: as it is written
        buffer: what ElastAlert's configuration says of `buffer_time`

    Returns:
        Clauses that must hold as well, and the window; None where each event counts.

    Raises:
        PolicyError: no policy can say that, or an option is missing or wrong
    """
    kind = rule.get("type")
    if kind in _REFUSED:
        raise PolicyError(_REFUSED[str(kind)])
    if kind not in TYPES:
        raise PolicyError(f"the type {str(kind)[:60]} is not known")
    return TYPES[str(kind)](rule, buffer)


_Found = tuple[list[Json], Json | None]


def _any(_rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    return [], None


def _frequency(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    return [], {
        "type": "frequency", "num_events": _given(rule, "num_events"),
        "timeframe": length_of(rule, "timeframe"),
    }  # fmt: skip


def _spike(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    if rule.get("field_value"):
        raise PolicyError("field_value: a window counts events, and does not add up a field")
    if rule.get("alert_on_new_data"):
        raise PolicyError("alert_on_new_data: a spike is compared with a window before it")
    return [], {
        "type": "spike", "spike_height": _given(rule, "spike_height"),
        "spike_type": _given(rule, "spike_type"), "timeframe": length_of(rule, "timeframe"),
        "threshold_ref": rule.get("threshold_ref", 0),
        "threshold_cur": rule.get("threshold_cur", 0),
    }  # fmt: skip


def _flatline(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    return [], {
        "type": "flatline", "threshold": _given(rule, "threshold"),
        "timeframe": length_of(rule, "timeframe"),
        **({"forget_keys": True} if rule.get("forget_keys") else {}),
    }  # fmt: skip


def _blacklist(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    return [exact(_one(rule, "compare_key"), _listed(rule, "blacklist"))], None


def _whitelist(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    name = _one(rule, "compare_key")
    clauses: list[Json] = [{"not": exact(name, _listed(rule, "whitelist"))}]
    if rule.get("ignore_null"):
        clauses.append(exists(name))
    return clauses, None


def _change(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    if not rule.get("query_key"):
        raise PolicyError("it has no query_key, whose value it is that changes")
    compared = fields_of(rule, "compare_key") or fields_of(rule, "compound_compare_key")
    if not compared:
        raise PolicyError("it has no compare_key")
    window: Json = {
        "type": "change", "compare_key": compared, "ignore_null": bool(rule.get("ignore_null")),
    }  # fmt: skip
    if rule.get("timeframe") is not None:
        window["timeframe"] = length_of(rule, "timeframe")
    return [], window


def _new_term(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    fields: Any = rule.get("fields") or rule.get("query_key")
    listed = cast("list[Any]", fields) if isinstance(fields, list) else [fields]
    if any(isinstance(one, list) for one in listed):
        raise PolicyError("fields: a list in it is a compound field; name the fields")
    if rule.get("alert_on_missing_field"):
        raise PolicyError("alert_on_missing_field: a value that is not there is no new one")
    return [], {
        "type": "new_term", "fields": fields_of({"fields": fields}, "fields"),
        "terms_window_size": length_of(rule, "terms_window_size", timedelta(days=30)),
    }  # fmt: skip


def _cardinality(rule: Mapping[str, Any], _buffer: timedelta) -> _Found:
    window: Json = {
        "type": "cardinality", "cardinality_field": _one(rule, "cardinality_field"),
        "timeframe": length_of(rule, "timeframe"),
    }  # fmt: skip
    for name in ("max_cardinality", "min_cardinality"):
        if rule.get(name) is not None:
            window[name] = rule[name]
    return [], window


def _percentage_match(rule: Mapping[str, Any], buffer: timedelta) -> _Found:
    of = clauses_of(_given(rule, "match_bucket_filter"))
    window: Json = {
        "type": "percentage_match", "of": of or [EVERY],
        "timeframe": length_of(rule, "buffer_time", buffer),
        "min_denominator": rule.get("min_denominator", 1),
    }  # fmt: skip
    for theirs in ("min_percentage", "max_percentage"):
        if rule.get(theirs) is not None:
            window[theirs] = rule[theirs]
    return [], window


TYPES: dict[str, Callable[[Mapping[str, Any], timedelta], _Found]] = {
    "any": _any, "frequency": _frequency, "spike": _spike, "flatline": _flatline,
    "blacklist": _blacklist, "whitelist": _whitelist, "change": _change, "new_term": _new_term,
    "cardinality": _cardinality, "percentage_match": _percentage_match,
}  # fmt: skip
"""What each type is translated by."""
_NUMBERS = (
    "it works out a number of a field of many events; send that number as a metric, and give it a "
    "rule of `metric_threshold`"
)
_REFUSED = {"metric_aggregation": _NUMBERS, "spike_aggregation": _NUMBERS}


def _given(rule: Mapping[str, Any], name: str) -> Any:
    if rule.get(name) is None:
        raise PolicyError(f"it has no {name}")
    return rule[name]


def _one(rule: Mapping[str, Any], name: str) -> str:
    fields = fields_of(rule, name)
    if len(fields) != 1:
        raise PolicyError(f"{name}: must name one field")
    return fields[0]


def _listed(rule: Mapping[str, Any], name: str) -> list[Any]:
    given = _given(rule, name)
    if not isinstance(given, list) or not given:
        raise PolicyError(f"{name}: must be a list")
    for one in cast("list[Any]", given):
        if not isinstance(one, str | int | float | bool):
            raise PolicyError(f"{name}: has what is no text and no number")
        if isinstance(one, str) and one.startswith("!file"):
            raise PolicyError(f"{name}: {one[:80]}: write the values of the file into the rule")
    return cast("list[Any]", given)
