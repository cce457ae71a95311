"""Which log levels hold at a moment, and what a process makes of them."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import sentinel
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.settings.log_levels import (
    COMPONENTS,
    LogLevel,
    apply_levels,
    checked_component,
    checked_length,
    checked_level,
    levels_at,
)

ROOT = Path(sentinel.__file__).parents[1]
MINUTE = timedelta(minutes=1)
NOW = FakeClock().now()


def level(component: str, name: str, minutes: int = 5) -> LogLevel:
    until = NOW + minutes * MINUTE
    return LogLevel(component=component, level=name, until=until, set_at=NOW, set_by="ada")


def loggers() -> Iterator[str]:
    """The names of the loggers in the source."""
    for top in ("sentinel", "dashboard", "blocks", "flows", "triggers"):
        for path in (ROOT / top).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "logging.getLogger":
                    name = ast.unparse(node.args[0]) if node.args else ""
                    if name == "__name__":
                        yield module
                    elif name.startswith(("'sentinel", '"sentinel')):
                        yield name.strip("'\"")


def test_a_level_ends_by_itself_and_a_components_own_wins_over_that_of_all():
    given = [level("store", "ERROR", 2), level("all", "DEBUG", 5)]
    both = levels_at(NOW, given)
    assert both["sentinel"] == both["blocks"] == both["triggers"] == "DEBUG"
    assert both["sentinel.store"] == "ERROR"
    later = levels_at(NOW + 2 * MINUTE, given)
    assert "sentinel.store" not in later
    assert later["sentinel"] == "DEBUG"
    assert levels_at(NOW + 5 * MINUTE, given) == {}
    # One that a later version knows says nothing here.
    assert levels_at(NOW, [level("weather", "DEBUG")]) == {}


def test_loggers_get_back_the_level_that_they_had():
    logger = logging.getLogger("sentinel.relay")
    below = logging.getLogger("sentinel.relay.loop")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        assert apply_levels({"sentinel.relay": "DEBUG"})
        assert below.isEnabledFor(logging.DEBUG)
        assert not apply_levels({"sentinel.relay": "DEBUG"}), "nothing is another"
        assert apply_levels({"sentinel.relay": "ERROR"})
        assert not below.isEnabledFor(logging.WARNING)
        assert apply_levels({})
        assert logger.level == logging.WARNING
    finally:
        logger.setLevel(before)


def test_every_component_has_a_logger_and_every_logger_a_component():
    found = set(loggers())
    for component, prefixes in COMPONENTS.items():
        if component != "triggers":  # those are the users' own
            assert any(name.startswith(prefixes) for name in found), component
    # What starts the others follows nothing, nor does the agent, which runs on other hosts; and
    # `httpx` logs addresses.
    own = tuple(one for name, names in COMPONENTS.items() if name != "all" for one in names)
    assert not {
        name for name in found if not name.startswith((*own, "sentinel.up", "sentinel.agent"))
    }


def test_what_cannot_be_set_is_named():
    assert checked_component("Sentinel.Prefect-Client") == "prefect_client"
    assert checked_level("debug") == "DEBUG"
    with pytest.raises(ConfigurationError, match="'httpx' is no component") as error:
        checked_component("httpx")
    assert "relay" in error.value.hint
    with pytest.raises(ConfigurationError, match="'LOUD' is no log level"):
        checked_level("LOUD")
    for length in (timedelta(0), timedelta(days=8)):
        with pytest.raises(ConfigurationError, match="cannot last"):
            checked_length(length)
