"""Numbers as Go and Prometheus' template functions write them. Pure.

https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#numbers;
template/template.go.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

__all__ = [
    "formatted", "humanize", "humanize_1024", "humanize_duration", "humanize_percentage",
    "humanize_timestamp", "shortest",
]  # fmt: skip

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_VERB = re.compile(r"%([-+ 0#]*)(\d*)(?:\.(\d*))?([a-zA-Z%])")
_WIDEST = 1000
"""Of a verb: width and digits."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def shortest(value: float) -> str:
    """Write a number as `%v` does: the fewest digits that are read back as the same.

    Args:
        value: any number

    Returns:
        Its text, from 1e+06 and below 1e-04 with an exponent.
    """
    if special := _special(value):
        return special
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    scale = len(digits) - 1 + int(exponent)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if -4 <= scale < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    head = "".join(map(str, digits))
    head = f"{head[0]}.{head[1:]}" if len(head) > 1 else head
    return f"{'-' if sign else ''}{head}e{'-' if scale < 0 else '+'}{abs(scale):02d}"


def _four(value: float) -> str:
    return _special(value) or f"{value:.4g}"


def humanize(value: float) -> str:
    """Write a number with a metric prefix, such as 1.234k."""
    if value == 0 or not math.isfinite(value):
        return _four(value)
    return _small(value) if abs(value) < 1 else _large(value, 1000, _LARGE)


def humanize_1024(value: float) -> str:
    """Write a number with a binary prefix, such as 1.5Mi."""
    if abs(value) <= 1 or not math.isfinite(value):
        return _four(value)
    return _large(value, 1024, _BINARY)


def _large(value: float, base: int, prefixes: tuple[str, ...]) -> str:
    prefix = ""
    for one in prefixes:
        if abs(value) < base:
            break
        prefix = one
        value /= base
    return f"{value:.4g}{prefix}"


def _small(value: float) -> str:
    prefix = ""
    for one in _SMALL:
        if abs(value) >= 1:
            break
        prefix = one
        value *= 1000
    return f"{value:.4g}{prefix}"


def humanize_duration(value: float) -> str:
    """Write seconds as a length of time, such as 2h 46m 40s or 50ms."""
    if not math.isfinite(value):
        return _four(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        return f"{_small(value)}s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole = int(value)
    days, hours, minutes, seconds = (
        whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    )  # fmt: skip
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{value:.4g}s"


def humanize_percentage(value: float) -> str:
    """Write a ratio as percent, such as 12.34%."""
    return f"{_four(value * 100)}%"


def humanize_timestamp(value: float) -> str:
    """Write seconds since 1970 as a moment in UTC, as Go's `Time.String`."""
    if not math.isfinite(value):
        return _four(value)
    try:
        moment = _EPOCH + timedelta(milliseconds=math.floor(value * 1000))
    except OverflowError:
        return _four(value)
    part = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{part} +0000 UTC"


def formatted(form: str, given: list[float | str]) -> str:
    """Fill a format in as Go's `fmt.Sprintf`.

    Args:
        form: with %s %v %q %f %e %g and %%
        given: the arguments

    Returns:
        The text.

    Raises:
        ValueError: a verb is not known, does not fit its argument or is too wide, or their numbers
            differ
    """
    left = list(given)

    def fill(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if any(len(one or "") > 4 or int(one or 0) > _WIDEST for one in (width, precision)):
            raise ValueError(f"{found[0]:.40} is wider than {_WIDEST:,}")
        if not left:
            raise ValueError(f"{found[0]} has no argument")
        value = left.pop(0)
        if isinstance(value, str):
            if verb not in "svq":
                raise ValueError(f"{found[0]} is given a text")
            text = value if precision is None else value[: int(precision or 0)]
            if verb == "q":
                text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif verb == "v" and precision is None:
            text = shortest(value)
        elif verb in "fFeEgGv":
            text = _special(value)
            if not text:
                how = "g" if verb == "v" else verb
                if precision is None and how in "gG":
                    text = shortest(value)
                else:
                    text = (
                        f"%{'+' * ('+' in flags)}.{6 if precision is None else precision or 0}{how}"
                        % value
                    )
        else:
            raise ValueError(f"{found[0]} is given a number")
        size = int(width or 0)
        if "-" in flags:
            return text.ljust(size)
        return text.zfill(size) if "0" in flags else text.rjust(size)

    text = _VERB.sub(fill, form)
    if left:
        raise ValueError(f"the format {form!r} has fewer verbs than arguments")
    return text
