"""Labels of an alert as arguments of commands: team=db severity=high."""

from __future__ import annotations

from sentinel.errors import ConfigurationError

__all__ = ["labels_given"]


def labels_given(given: list[str]) -> dict[str, str]:
    """Read labels.

    Args:
        given: one or more in each, such as `team=db,severity=high`

    Returns:
        Texts by label.

    Raises:
        ConfigurationError: one is no label
    """
    from sentinel.labels.alertmanager import matchers_of

    found: dict[str, str] = {}
    for one in given:
        for matcher in matchers_of(one):
            if matcher.operator != "=":
                raise ConfigurationError(
                    f"{one!r} is no label", hint="Write name=text, such as team=db."
                )
            found[matcher.label] = matcher.text
    return found
