"""JSON that an address answers. No error names more of the address than its host: there may be
a key in the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx
import msgspec

from sentinel.errors import ConfigurationError, SourceDown, TriggerError

__all__ = ["json_of", "only_for"]

_MOST_BYTES = 20_000_000


def only_for(url: str, headers: Mapping[str, str]) -> Callable[[httpx.Request], None]:
    """Return a hook of httpx that keeps what is sent to `url` from every other server.

    httpx itself takes only `Authorization` away where a redirect leads to another server.

    Args:
        url: the address that the headers are for
        headers: sent along to it; some may hold secrets

    Returns:
        The hook, called with each request: the first one, and one for each redirect.
    """
    first = httpx.URL(url)

    def hook(request: httpx.Request) -> None:
        if _same_server(first, request.url):
            return
        if request.method not in ("GET", "HEAD"):
            raise TriggerError(
                f"{first.host} redirects a {request.method} to {request.url.host}, which gets "
                "nothing of it"
            )
        for name in headers:
            # httpx has set the Host of the other server already, and no request goes without.
            if name.lower() not in ("accept", "host"):
                request.headers.pop(name, None)

    return hook


def _same_server(first: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two addresses have one scheme, host and port, or the second adds TLS."""
    ports = {"http": 80, "https": 443}
    one, two = ((url.scheme, url.host, url.port or ports.get(url.scheme)) for url in (first, other))
    adds_tls = (one[0], one[2], two[0], two[2]) == ("http", 80, "https", 443)
    return one == two or (adds_tls and one[1] == two[1])


def json_of(
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: str = "",
) -> object:
    """Ask `url` and decode the JSON that it answers.

    Args:
        url: http or https
        seconds: no answer within this long means that it is down
        headers: sent along
        method: GET or POST
        body: what is sent, as JSON text

    Returns:
        What the JSON stands for: an object, a list, a text, a number, a boolean or None.

    Raises:
        ConfigurationError: it is no address
        SourceDown: it does not answer
        TriggerError: it answers an error, too much, or no JSON
    """
    try:
        where = httpx.URL(url).host
        hooks: dict[str, list[Callable[..., object]]] = {"request": [only_for(url, headers or {})]}
        # A timeout of httpx is between two pieces; one that trickles must end as well.
        until = time.monotonic() + seconds
        # Proxies and passwords of the environment are for people, not for what is checked here.
        with (
            httpx.Client(
                timeout=seconds, trust_env=False, follow_redirects=True, event_hooks=hooks
            ) as client,
            client.stream(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                content=body.encode() if body else None,
            ) as response,
        ):
            response.raise_for_status()
            data = b""
            for piece in response.iter_bytes():
                data += piece
                if len(data) > _MOST_BYTES:
                    raise TriggerError(f"{where} answers more than {_MOST_BYTES:,} bytes")
                if time.monotonic() > until:
                    raise SourceDown(where, f"{where} does not end its answer in {seconds:g} s")
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise TriggerError(
            f"{answer.url.host} answers {answer.status_code} {answer.reason_phrase}".rstrip()
        ) from None
    except httpx.TimeoutException:
        where = httpx.URL(url).netloc.decode()
        raise SourceDown(where, f"{where} does not answer within {seconds:g} s") from None
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"that is no address: {error}") from None
    except httpx.HTTPError as error:
        where = httpx.URL(url).netloc.decode()
        raise SourceDown(where, f"{where} does not answer: {error}") from None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise TriggerError(f"{where} answers no JSON: {error}") from None
