"""`submit`: samples from Python, straight into the shared database of this process's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, overload

from sentinel.errors import ConfigurationError
from sentinel.metrics.sample import Sample
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["submit"]


@overload
def submit(
    name: str,
    value: float,
    *,
    unit: str = ...,
    labels: Mapping[str, str] | None = ...,
    at: datetime | None = ...,
    tenant: str = ...,
    store: Store | None = ...,
) -> int: ...
@overload
def submit(name: Iterable[Sample], *, tenant: str = ..., store: Store | None = ...) -> int: ...
def submit(
    name: str | Iterable[Sample],
    value: float | None = None,
    *,
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    at: datetime | None = None,
    tenant: str = "default",
    store: Store | None = None,
) -> int:
    """Keep one sample, or many at once; they are durable when it returns.

    Args:
        name: of the metric; or many `Sample`
        value: the number, where a name is given
        unit: for people
        labels: which series of the metric this is
        at: when, timezone-aware; left out means now
        tenant: whose samples these are
        store: where to; the one that this process's settings name unless given

    Returns:
        How many were kept.

    Raises:
        SampleError: one cannot be kept; then none is
        ConfigurationError: there is no value, or the tenant can be none
        DatabaseUnreachable: the database does not answer
    """
    checked_tenant(tenant)
    if isinstance(name, str):
        if value is None:
            raise ConfigurationError(
                f"the metric {name!r} was submitted without a value",
                hint=f"Write submit({name!r}, 12.5), or give many Sample at once.",
            )
        samples = [Sample(name=name, value=value, unit=unit, labels=labels or {}, at=at)]
    else:
        samples = list(name)
    return (store or _store()).metrics.add(samples, tenant=tenant)


@lru_cache(maxsize=1)
def _store() -> Store:
    # Imported here: who only reads `Sample` needs no database.
    from sentinel.settings import settings
    from sentinel.store import Store

    return Store.of(settings())
