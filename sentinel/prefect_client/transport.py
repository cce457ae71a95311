"""The wire to a Prefect API: one HTTP client, its pages, and its refusals as our errors.

What is asked lives in `client` and `queries`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from sentinel.errors import NotFound, PrefectUnreachable

__all__ = ["PAGE", "PrefectHttp", "authentication"]

PAGE = 200
"""Prefect answers at most this many rows."""

BUSY = (429, 503)
"""Answers that mean later, not no: a server on SQLite says 503 while another writes, and has done
nothing. Not 502 and 504: a proxy says those also of what was done, and a second try would start a
second run."""
PAUSES = (0.1, 0.3, 0.9)
"""Seconds before each further try, so that an operator's click does not wait for long."""


class PrefectHttp:
    """A connection to one Prefect API.

    Args:
        url: of the API, ending in `/api`
        ui_url: where people open its UI; empty means beside the API
        headers: authentication, if any
        timeout: of one request, seconds
        pause: how to wait, in seconds, before a busy server is asked again
    """

    def __init__(
        self,
        url: str,
        *,
        ui_url: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self.url = url.rstrip("/")
        self.ui_url = (ui_url or self.url.removesuffix("/api")).rstrip("/")
        self._client = httpx.Client(
            base_url=self.url,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def run_url(self, flow_run_id: str) -> str:
        """Where people see this run in the Prefect UI."""
        return f"{self.ui_url}/runs/flow-run/{flow_run_id}"

    def deployment_url(self, deployment_id: str) -> str:
        """Where people see this deployment in the Prefect UI."""
        return f"{self.ui_url}/deployments/deployment/{deployment_id}"

    def _get(self, path: str, what: str) -> dict[str, Any]:
        response = self._send("GET", path)
        if response.status_code in (404, 422):  # 422: not even an id
            raise NotFound(f"Prefect knows no {what}", hint=f"Look at {self.ui_url}.")
        return self._checked(response).json()

    def _pages(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            part = {**body, "limit": PAGE, "offset": len(found)}
            page: list[dict[str, Any]] = self._ok("POST", path, json=part).json()
            found += page
            if len(page) < PAGE:
                return found

    def _ok(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._checked(self._send(method, path, **arguments))

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if not response.is_success:
            raise self._refused(response)
        return response

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            for pause in PAUSES:
                response = self._client.request(method, path, **arguments)
                if response.status_code not in BUSY:
                    return response
                self._pause(pause)
            return self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise PrefectUnreachable(
                f"Prefect at {self.url} does not answer ({type(error).__name__})",
                hint="Is its server running? See PREFECT_API_URL.",
            ) from error

    def _refused(self, response: httpx.Response) -> PrefectUnreachable:
        if response.status_code in (401, 403):
            return PrefectUnreachable(
                f"Prefect at {self.url} does not let us in ({response.status_code})",
                hint="Set PREFECT_API_KEY or PREFECT_API_AUTH_STRING.",
            )
        return PrefectUnreachable(
            f"Prefect at {self.url} answered {response.status_code} "
            f"to {response.request.method} {response.request.url.path}: {response.text[:300]}"
        )


def authentication(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the header that says who we are: `PREFECT_API_AUTH_STRING`, else `PREFECT_API_KEY`.

    Prefect's own client prefers them in this order, too.

    Args:
        environ: variables by name

    Returns:
        One header; none where neither is set.
    """
    if text := environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
    if key := environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    return {}
