"""Settings of the request log: what it keeps of each request, and how long."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings
from sentinel.tenant import TENANT_PATTERN

__all__ = ["OWN_SERVICE", "RequestLogSettings"]

OWN_SERVICE = "sentinel-api"
"""The service of the requests that the API answers itself."""

_HEADERS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,2000}")


class RequestLogSettings(SecureSettings):
    """What is kept of the requests of an API."""

    request_addresses: Literal["truncated", "hashed", "off"] = Field(
        default="truncated",
        description=(
            "What the request log keeps of a client's address: `truncated` to the /24 of an IPv4 "
            "address and the /48 of an IPv6 one, `hashed` with SENTINEL_REQUEST_ADDRESS_KEY, or "
            "`off`."
        ),
    )
    request_address_key: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Key of the hashes of addresses, of 16 to 64 characters; empty where none are hashed."
        ),
    )
    request_headers: str = Field(
        default="",
        description=(
            "Request headers that the request log keeps, separated by commas; empty means none. "
            "Those that hold secrets, such as `Authorization` and `Cookie`, are never kept."
        ),
    )
    request_queries: bool = Field(
        default=False,
        description="Whether the request log keeps what follows the `?` of a path.",
    )
    keep_requests: Duration = Field(
        default=parse_duration("30d"),
        ge=parse_duration("1h"),
        description="How long requests are kept; at least 1h. Older ones are not taken.",
    )
    keep_usage: Duration = Field(
        default=parse_duration("400d"),
        ge=parse_duration("1h"),
        description=(
            "How long counts of requests by minute, endpoint and consumer are kept; at least 1h."
        ),
    )
    own_requests: str = Field(
        default="",
        pattern=f"^({TENANT_PATTERN})?$",
        description=(
            "Tenant under whose request log the API writes the requests that it answers itself; "
            "empty means that it does not."
        ),
    )

    @field_validator("request_headers")
    @classmethod
    def _are_names(cls, text: str) -> str:
        if not _HEADERS.fullmatch(text):
            raise ValueError("it is no list of headers, separated by commas")
        return text

    @model_validator(mode="after")
    def _has_its_key(self) -> RequestLogSettings:
        length = len(self.request_address_key.get_secret_value().encode())
        if self.request_addresses == "hashed" and not 16 <= length <= 64:
            raise ValueError(
                "SENTINEL_REQUEST_ADDRESSES=hashed needs SENTINEL_REQUEST_ADDRESS_KEY, of 16 to 64 "
                "characters"
            )
        return self
