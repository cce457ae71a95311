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
        # Places in it, by a label with one text that the service asks for; and those without.
        self._certain: dict[tuple[str, str], list[int]] = {}
        self._others: list[int] = []
        for one in sorted(definitions, key=lambda each: each.name):
            self._named.update(dict.fromkeys(one.names, one.name))
            if one.match:
                self._add(one.name, [matcher(text) for text in one.match])

    def _add(self, name: str, conditions: list[Matcher]) -> None:
        place = len(self._matching)
        self._matching.append((name, conditions))
        certain = next((one for one in conditions if one.certain), None)
        if certain is None:
            self._others.append(place)
        else:
            self._certain.setdefault((certain.label, certain.text), []).append(place)

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
        lists = [self._others, *(self._certain.get(one, []) for one in labels.items())]
        first = [
            next((place for place in some if self._holds(place, labels)), None) for some in lists
        ]
        found = min((place for place in first if place is not None), default=None)
        return "" if found is None else self._matching[found][0]

    def _holds(self, place: int, labels: Mapping[str, str]) -> bool:
        return all(condition(labels) for condition in self._matching[place][1])
