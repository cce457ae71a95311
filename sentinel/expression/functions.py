"""The functions that an expression may call: this list and no other."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sentinel.errors import PatternError
from sentinel.expression.values import MAX_TEXT, Refused, kind_of, number, within
from sentinel.regex.matcher import pattern

__all__ = ["FUNCTIONS", "Function", "in_network"]


class Function(NamedTuple):
    """One function: what it does, and how many arguments it takes."""

    call: Callable[..., Any]
    least: int
    most: int
    says: str


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused(f"needs a text, got {kind_of(value)}")
    if len(value) > MAX_TEXT:
        raise Refused(f"has a text of more than {MAX_TEXT} characters")
    return value


def _missing_is_missing(work: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        return None if given[0] is None else work(*given)

    return call


def _missing_is_false(work: Callable[..., bool]) -> Callable[..., Any]:
    def call(*given: Any) -> bool:
        return False if given[0] is None else work(*given)

    return call


def _length(value: Any) -> int:
    if isinstance(value, str | list | tuple | frozenset | Mapping):
        return len(cast("list[Any]", value))
    raise Refused(f"needs a text, a list or a mapping, got {kind_of(value)}")


def _extreme(work: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        if len(given) == 1 and isinstance(given[0], list | tuple):
            given = tuple(cast("list[Any]", given[0]))
        numbers = [number(one) for one in given if one is not None]
        return work(numbers) if numbers else None

    return call


def _sum(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise Refused(f"needs a list, got {kind_of(value)}")
    try:
        total = math.fsum(number(one) for one in cast("list[Any]", value) if one is not None)
    except OverflowError:
        raise Refused("gives a number that is too large") from None
    return int(total) if total.is_integer() and abs(total) < 2**53 else total


def _round(value: Any, digits: Any = 0) -> Any:
    if isinstance(digits, bool) or not isinstance(digits, int) or not -15 <= digits <= 15:
        raise Refused("rounds to between -15 and 15 digits")
    return within(round(number(value), digits or None))


def _real(work: Callable[[float], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        try:
            return within(work(number(value)))
        except (ValueError, OverflowError):
            raise Refused("has no answer among the real numbers") from None

    return call


def _to_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    try:
        found = float(_text(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(number(value))


def _matches(value: Any, source: Any) -> bool:
    try:
        return pattern(_text(source)).search(_text(value))
    except PatternError as error:
        raise Refused(f"has a pattern that cannot be used: {error}") from None


@lru_cache(maxsize=1000)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text.strip(), strict=False)


def in_network(address: str, network: str) -> bool:
    """Return whether an IP address lies in a network.

    Args:
        address: IPv4 or IPv6; an IPv4-mapped IPv6 address counts as IPv4
        network: in CIDR notation (RFC 4632), such as `10.0.0.0/8`

    Returns:
        Whether it lies there; False for what is no address.

    Raises:
        ValueError: `network` is none
    """
    whole = _network(network)
    if len(address) > 60:
        return False
    try:
        one = ipaddress.ip_address(address.strip())
    except ValueError:
        return False
    mapped = one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) else None
    if mapped is not None and whole.version == 4:
        one = mapped
    return one.version == whole.version and one in whole


def _cidr(value: Any, network: Any) -> bool:
    try:
        return in_network(_text(value), _text(network))
    except ValueError as error:
        raise Refused(f"has a network that is none: {error}") from None


def _default(value: Any, other: Any) -> Any:
    return other if value is None or value == "" else value


def _absolute(value: Any) -> Any:
    return abs(number(value))


def _lower(value: Any) -> str:
    return _text(value).lower()


def _upper(value: Any) -> str:
    return _text(value).upper()


def _starts(value: Any, start: Any) -> bool:
    return _text(value).startswith(_text(start))


def _ends(value: Any, end: Any) -> bool:
    return _text(value).endswith(_text(end))


def _contains(value: Any, part: Any) -> bool:
    return _text(part) in _text(value)


def _has(value: Any) -> bool:
    return value is not None and value != ""


FUNCTIONS: dict[str, Function] = {
    "abs": Function(_missing_is_missing(_absolute), 1, 1, "abs(x): without sign"),
    "min": Function(_extreme(min), 1, 20, "min(a, b, …) or min(list): the smallest number"),
    "max": Function(_extreme(max), 1, 20, "max(a, b, …) or max(list): the greatest number"),
    "sum": Function(_missing_is_missing(_sum), 1, 1, "sum(list): the numbers added"),
    "round": Function(_missing_is_missing(_round), 1, 2, "round(x, digits)"),
    "floor": Function(_missing_is_missing(_real(math.floor)), 1, 1, "floor(x): next whole below"),
    "ceil": Function(_missing_is_missing(_real(math.ceil)), 1, 1, "ceil(x): next whole above"),
    "sqrt": Function(_missing_is_missing(_real(math.sqrt)), 1, 1, "sqrt(x): square root"),
    "log": Function(_missing_is_missing(_real(math.log)), 1, 1, "log(x): natural logarithm"),
    "len": Function(_missing_is_missing(_length), 1, 1, "len(x): of a text, list or mapping"),
    "lower": Function(_missing_is_missing(_lower), 1, 1, "lower(text)"),
    "upper": Function(_missing_is_missing(_upper), 1, 1, "upper(text)"),
    "startswith": Function(_missing_is_false(_starts), 2, 2, "startswith(text, a)"),
    "endswith": Function(_missing_is_false(_ends), 2, 2, "endswith(text, a)"),
    "contains": Function(_missing_is_false(_contains), 2, 2, "contains(text, a)"),
    "matches": Function(
        _missing_is_false(_matches), 2, 2, "matches(text, pattern): a regular expression"
    ),
    "cidr": Function(
        _missing_is_false(_cidr), 2, 2, 'cidr(address, "10.0.0.0/8"): whether it lies in there'
    ),
    "number": Function(_missing_is_missing(_to_number), 1, 1, "number(text), or nothing"),
    "text": Function(_missing_is_missing(_to_text), 1, 1, "text(x): a number as text"),
    "has": Function(_has, 1, 1, "has(x): whether it is there"),
    "default": Function(_default, 2, 2, "default(x, other): other where x is not there"),
}
