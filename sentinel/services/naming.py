"""Which service of the catalog an alert belongs to, by its labels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sentinel.labels.matchers import Matcher, matcher
from sentinel.services.definition import ServiceDefinition

__all__ = ["LABELS", "ServiceNames"]

LABELS = ("service", "service_name", "service.name")
"""Labels that name a service, the first that is there counts."""


class ServiceNames:
    """Finds the service of labels in the catalog of one tenant.

    Args:
        definitions: of that tenant
        slos: the service of each SLO, by the SLO's name
    """

    def __init__(
        self, definitions: Iterable[ServiceDefinition], slos: Mapping[str, str] | None = None
    ) -> None:
        self._slos = dict(slos or {})
        self._named: dict[str, str] = {}
        self._matching: list[tuple[str, list[Matcher]]] = []
        for one in sorted(definitions, key=lambda each: each.name):
            self._named |= dict.fromkeys(one.names, one.name)
            if one.match:
                self._matching.append((one.name, [matcher(text) for text in one.match]))

    def of_name(self, name: str) -> str:
        """Return the name in the catalog of a service that telemetry names so; or `name`."""
        return self._named.get(name, name)

    def of_labels(self, labels: Mapping[str, str]) -> str:
        """Return the service of an alert.

        Args:
            labels: of the alert

        Returns:
            Its name in the catalog; the label's text where the catalog does not have it; empty
            where the alert belongs to none. An alert of an SLO is of the SLO's service. Of several
            services whose `match` holds, the first by name.
        """
        for label in LABELS:
            if given := labels.get(label):
                return self._named.get(given, given)
        if given := self._slos.get(labels.get("slo", "")):
            return self._named.get(given, given)
        for name, conditions in self._matching:
            if all(condition(labels) for condition in conditions):
                return name
        return ""
