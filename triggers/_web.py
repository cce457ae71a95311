"""JSON that an address answers. No error names more of the address than its host: there may be
a key in the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import msgspec

from sentinel.errors import ConfigurationError, SourceDown, TriggerError

__all__ = ["json_of"]

_MOST_BYTES = 20_000_000


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
        # Proxies and passwords of the environment are for people, not for what is checked here.
        with (
            httpx.Client(timeout=seconds, trust_env=False, follow_redirects=True) as client,
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
