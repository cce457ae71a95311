"""Bodies of requests about SLOs, for the access matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.api.matrix_entries import Place

FIGURES = ("", "/status", "/error-budget", "/burn-rate", "/history", "/predict")
"""Addresses below that of an SLO that are only read."""


def its_slo(place: Place) -> dict[str, Any]:
    return {"name": place.mark, "tenant": place.tenant, "objectives": [{"target": 99.0}]}


def new_slo(place: Place) -> dict[str, Any]:
    return its_slo(place) | {"name": "new"}


def measured(place: Place) -> dict[str, Any]:
    return {"measurements": [{"good": 1.0, "total": 2.0}]}
