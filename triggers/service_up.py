"""Whether services answer: a TCP port, a web address, and how long a certificate still lasts."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import ConfigurationError
from sentinel.labels.text import storable
from sentinel.severity import SeverityWord
from triggers._web import only_for

_AT_ONCE = 32
_MOST_BODY = 1_000_000
_PORTS = {"http": 80, "https": 443}
_EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED


class Asked(NamedTuple):
    """What is expected of every service, and how it is asked."""

    seconds: float
    status: list[int]
    contains: str
    headers: Mapping[str, str]
    slowest_ms: float
    redirects: bool
    trust: ssl.SSLContext


class Answer(NamedTuple):
    """How a service answered: `wrong` is empty where all was well."""

    ms: float | None
    wrong: str
    details: dict[str, Any]


@trigger(category="system", unit="ms")
def service_up(
    ctx: Context,
    services: Annotated[list[str], Field(min_length=1, max_length=500)],
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0,
    slowest_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0,
    status: list[Annotated[int, Field(ge=100, le=599)]] = [],  # noqa: B006 - a form's default; nothing here changes it
    contains: str = "",
    headers: dict[str, str] = {},  # noqa: B006 - likewise
    follow_redirects: bool = True,
    certificate_days: Annotated[float, Field(ge=0, le=3650)] = 14.0,
    certificate_severity: SeverityWord = "medium",
    ca_file: str = "",
) -> Iterator[Reading]:
    """Whether services answer as they should, and how fast, in milliseconds.

    Every service is asked at the same time. One that speaks TLS has a second reading, for how
    many days its certificate still lasts.

    Args:
        ctx: the time, and what {secret:NAME} stands for
        services: http://…, https://…, tcp://host:port or tls://host:port
        timeout_seconds: no answer within this long means down
        slowest_ms: bad too when the answer takes longer than this; 0 means that is not judged
        status: the HTTP statuses that are good; empty means any below 400
        contains: text that the page must have in its first megabyte
        headers: sent with every HTTP request; {secret:NAME} is filled from the Secret block of
            that name
        follow_redirects: judge where a redirect leads to instead of the redirect
        certificate_days: fire when a certificate lasts for fewer days than this; 0 means never
        certificate_severity: how bad that is, while it still lasts
        ca_file: a PEM file of authorities to trust beside the well-known ones

    Yields:
        For each service one reading with the label `service`: the milliseconds until it answered.
        For one that speaks TLS a second: the days that its certificate still lasts.
    """
    addresses = [_address(service) for service in services]
    asked = Asked(
        timeout_seconds,
        status,
        contains,
        {name: ctx.filled(text) for name, text in headers.items()},
        slowest_ms,
        follow_redirects,
        _trust(ca_file),
    )
    now = ctx.now()
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(addresses))) as pool:
        answers = pool.map(_ask, addresses, repeat(asked))
        lasting = pool.map(_expiry, addresses, repeat(asked)) if certificate_days else repeat(None)
        for service, answer, ends in zip(services, answers, lasting, strict=False):
            name = _shown(service)
            yield Reading(
                labels={"service": name},
                value=answer.ms,
                firing=bool(answer.wrong),
                summary=storable(f"{name} {answer.wrong or f'answers in {answer.ms:.0f} ms'}"),
                details=answer.details,
            )
            if ends is None:
                continue
            labels = {"service": name, "check": "certificate"}
            if isinstance(ends, datetime):
                yield _certificate(labels, ends - now, ends, certificate_days, certificate_severity)
            else:
                ctx.unknown(labels)  # the other reading says that the service is down


def _address(service: str) -> tuple[str, str, int, str]:
    """Split the address of a service.

    Args:
        service: http://…, https://…, tcp://host:port or tls://host:port

    Returns:
        Scheme, host, port and the address as it was given.

    Raises:
        ConfigurationError: it is none of the four kinds
    """
    try:
        parts = urlsplit(service)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if parts.scheme not in ("http", "https", "tcp", "tls") or not host or not port:
        raise ConfigurationError(
            f"service {_shown(service)!r} is no address",
            hint="Write http://…, https://…, tcp://host:port or tls://host:port.",
        )
    return parts.scheme, host, port, service


def _shown(service: str) -> str:
    """Return the address without a password, short enough for a label."""
    return re.sub(r"//[^/@]*@", "//", service)[:200]


def _trust(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"ca_file {ca_file!r} cannot be used: {error}", hint="Give a PEM file."
            ) from error
    return context


def _ask(address: tuple[str, str, int, str], asked: Asked) -> Answer:
    scheme, host, port, whole = address
    started = time.perf_counter()
    try:
        if scheme in ("http", "https"):
            details, wrong = _http(whole, asked)
        else:
            with _connected(host, port, asked, tls=scheme == "tls"):
                details, wrong = {}, ""
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Answer(None, f"is down: {_why(error, asked.seconds)}", {"error": _type(error)})
    ms = round((time.perf_counter() - started) * 1000, 1)
    if not wrong and asked.slowest_ms and ms > asked.slowest_ms:
        wrong = f"is slow: {ms:.0f} ms, more than {asked.slowest_ms:g}"
    return Answer(ms, wrong, details)


def _http(url: str, asked: Asked) -> tuple[dict[str, Any], str]:
    """What came back, and what is wrong with it."""
    hooks: dict[str, list[Callable[..., object]]] = {"request": [only_for(url, asked.headers)]}
    # Proxies and passwords of the environment are for people, not for what is checked here.
    with (
        httpx.Client(
            verify=asked.trust, timeout=asked.seconds, trust_env=False, event_hooks=hooks
        ) as client,
        client.stream(
            "GET", url, headers=dict(asked.headers), follow_redirects=asked.redirects
        ) as response,
    ):
        # A timeout of httpx is between two pieces; one that trickles must end as well.
        until = time.monotonic() + asked.seconds
        body = b""
        for piece in response.iter_bytes():
            body += piece
            if len(body) >= _MOST_BODY:
                break
            if time.monotonic() > until:
                raise httpx.ReadTimeout("it sends on and on")
    code = response.status_code
    details: dict[str, Any] = {"status": code, "url": _shown(str(response.url))}
    if code not in asked.status if asked.status else code >= 400:
        return details, f"answers {code} {response.reason_phrase}".rstrip()
    if asked.contains and asked.contains.encode() not in body:
        return details, f"answers {code}, but without {asked.contains!r:.100}"
    return details, ""


def _connected(host: str, port: int, asked: Asked, *, tls: bool) -> socket.socket:
    plain = socket.create_connection((host, port), timeout=asked.seconds)
    if not tls:
        return plain
    try:
        return asked.trust.wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


def _expiry(address: tuple[str, str, int, str], asked: Asked) -> datetime | str | None:
    """Until when its certificate lasts, why that is unknown, or None where there is none."""
    scheme, host, port, _ = address
    if scheme not in ("https", "tls"):
        return None
    try:
        with _connected(host, port, asked, tls=True) as connection:
            assert isinstance(connection, ssl.SSLSocket)  # noqa: S101 - for the type checker
            certificate = connection.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        # The certificate has expired, and since when is not known.
        return datetime.min.replace(tzinfo=UTC) if error.verify_code == _EXPIRED else str(error)
    except OSError as error:
        return str(error)
    ends = certificate.get("notAfter")
    if not isinstance(ends, str):
        return "its certificate has no notAfter"
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def _certificate(
    labels: Mapping[str, str], left: timedelta, ends: datetime, least: float, severity: str
) -> Reading:
    name = labels["service"]
    if left <= timedelta(0):
        since = "" if ends.year == 1 else f" since {ends:%Y-%m-%d}"
        return Reading(
            labels=labels, firing=True, summary=f"the certificate of {name} has run out{since}"
        )
    days = left / timedelta(days=1)
    return Reading(
        labels=labels,
        firing=days < least,
        severity=severity if days < least else None,
        summary=f"the certificate of {name} lasts {days:.0f} more days, until {ends:%Y-%m-%d}",
        details={"days": round(days, 1), "ends": ends.isoformat()},
    )


def _why(error: Exception, seconds: float) -> str:
    """Return the cause of an error for people, without Python's class names."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return f"no answer within {seconds:g} s"
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, socket.gaierror):
        return "its name cannot be resolved"
    return str(cause) or str(error) or type(error).__name__


def _type(error: Exception) -> str:
    return type(error).__name__
