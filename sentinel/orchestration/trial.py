"""Try orchestration on samples: the tests of a document, one alert, and two versions compared."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.errors import ConfigurationError
from sentinel.orchestration.decision import Orchestration, Tables
from sentinel.orchestration.document import (
    Expected,
    OrchestrationDocument,
    Sample,
    read_orchestration,
)
from sentinel.orchestration.incoming import Incoming, Outcome

__all__ = ["checked", "differences", "failures", "incoming_of"]


def incoming_of(sample: Sample) -> Incoming:
    """Return a sample as an alert that comes in."""
    return Incoming(
        sender=sample.sender, labels=sample.labels, severity=sample.severity, owner=sample.owner,
        title=sample.title, annotations=sample.annotations, value=sample.value,
    )  # fmt: skip


def checked(text: str, tables: Tables) -> OrchestrationDocument:
    """Read a document and run its tests.

    Args:
        text: YAML
        tables: finds what rules enrich from

    Returns:
        The document.

    Raises:
        ConfigurationError: it cannot be used, or a test in it fails
    """
    document = read_orchestration(text)
    wrong = failures(document, tables)
    if wrong:
        more = f"; {len(wrong) - 5} more tests fail" if len(wrong) > 5 else ""
        raise ConfigurationError(
            f"{'; '.join(wrong[:5])}{more}", hint="Correct the rules, or what the tests expect."
        )
    return document


def failures(document: OrchestrationDocument, tables: Tables) -> list[str]:
    """Return a sentence for each test of a document that fails."""
    rules = Orchestration(document)
    wrong: list[str] = []
    for number, test in enumerate(document.tests, 1):
        said = list(_unmet(rules.decide(incoming_of(test.alert), tables), test.expect))
        if said:
            name = f" ({test.name})" if test.name else ""
            wrong.append(f"test {number}{name}: {', '.join(said)}")
    return wrong


def differences(one: Outcome, other: Outcome) -> dict[str, tuple[str, str]]:
    """Return in what two outcomes of the same alert differ.

    Args:
        one: of the version before
        other: of the version after

    Returns:
        The texts of both, by field; `verdict` is one of the fields. Empty where they are the same.
        Of alerts that both drop, only that counts.
    """
    if one.verdict == "drop" and other.verdict == "drop":
        return {}
    pairs = {"verdict": (_verdict(one), _verdict(other))}
    if "drop" not in (one.verdict, other.verdict):
        before, after = _texts(one.given), _texts(other.given)
        pairs |= {name: (before.get(name, ""), after.get(name, "")) for name in {**before, **after}}
    return {name: texts for name, texts in pairs.items() if texts[0] != texts[1]}


def _verdict(outcome: Outcome) -> str:
    if outcome.hold is None:
        return outcome.verdict
    return f"hold {outcome.hold.total_seconds():g}s"


def _texts(given: Incoming) -> dict[str, str]:
    return {
        "severity": given.severity, "owner": given.owner, "title": given.title,
        **{f"labels.{name}": text for name, text in given.labels.items()},
        **{f"annotations.{name}": text for name, text in given.annotations.items()},
    }  # fmt: skip


def _unmet(outcome: Outcome, expect: Expected) -> Iterator[str]:
    given = outcome.given
    got = {
        "verdict": outcome.verdict, "severity": given.severity, "owner": given.owner,
        "service": given.labels.get("service", ""), "title": given.title,
    }  # fmt: skip
    for name, text in got.items():
        wanted = getattr(expect, name)
        if wanted is not None and wanted != text:
            yield f"{name} is {text!r}, not {wanted!r}"
    for name, wanted in (expect.labels or {}).items():
        if given.labels.get(name, "") != wanted:
            yield f"labels.{name} is {given.labels.get(name, '')!r}, not {wanted!r}"
