"""Plugins of Nagios as a trigger: real programs, their states, and what they leave behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.checks.plugin_output import MOST_METRICS, PluginMetric, read_output
from sentinel.checks.reading import checked
from sentinel.errors import TriggerError
from sentinel.settings import settings
from tests.waiting import eventually
from triggers.nagios_plugin import nagios_plugin

Write = Callable[[str, str], None]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Write]:
    """Writes programs into the folder of plugins."""
    monkeypatch.setenv("SENTINEL_PLUGIN_FOLDERS", f"/nowhere, {tmp_path}")
    settings.cache_clear()

    def write(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    yield write
    settings.cache_clear()


@pytest.mark.parametrize(
    ("code", "firing", "severity"), [(0, False, None), (1, True, "warning"), (2, True, "critical")]
)
def test_the_exit_code_is_the_state(plugin: Write, code: int, firing: bool, severity: str | None):
    plugin("check_x", f"echo 'X says | time=0.5s;1;2;0'; exit {code}")
    state, time = nagios_plugin(plugin="check_x", check="web")
    assert (state.labels, state.firing, state.severity) == ({"check": "web"}, firing, severity)
    assert state.summary == "X says"
    assert (time.labels, time.value, time.firing) == (
        {"check": "web", "metric": "time"},
        0.5,
        False,
    )


@pytest.mark.parametrize("code", [3, 4, 127])
def test_unknown_is_an_error_of_the_check(plugin: Write, code: int):
    plugin("check_x", f"echo 'no route to host'; exit {code}")
    with pytest.raises(TriggerError, match=f"ended with {code}: no route to host"):
        list(nagios_plugin(plugin="check_x"))


def test_arguments_are_given_as_they_stand_and_secrets_of_the_worker_are_not(
    plugin: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DATABASE_URL", "postgresql://u:secret@db/x")
    plugin("check_x", 'echo "$1 ${SENTINEL_DATABASE_URL-none}"')
    (state,) = nagios_plugin(plugin="check_x", arguments=["$(id); -w 'a b'"])
    assert state.summary == "$(id); -w 'a b' none"


def test_one_that_takes_too_long_is_ended_with_what_it_started(plugin: Write, tmp_path: Path):
    plugin("check_x", f"sleep 600 & echo $! > {tmp_path}/child; sleep 600")
    with pytest.raises(TriggerError, match=r"took longer than 0\.5 s"):
        list(nagios_plugin(plugin="check_x", timeout_seconds=0.5))
    child = int((tmp_path / "child").read_text())

    def ended() -> bool:
        return not psutil.pid_exists(child) or (
            psutil.Process(child).status() == psutil.STATUS_ZOMBIE
        )

    eventually(ended, "its child has ended")


def test_more_than_anybody_reads_is_neither_kept_nor_waited_for(plugin: Write):
    plugin("check_x", "head -c 3000000 /dev/zero | tr '\\0' x; exit 1")
    (state,) = nagios_plugin(plugin="check_x")
    assert state.firing
    assert len(state.summary or "") == 1000


@pytest.mark.parametrize(
    ("name", "said"),
    [("../check_x", "is a path"), ("/bin/true", "is a path"), ("none", "no program")],
)
def test_only_programs_of_the_folders_are_run(plugin: Write, name: str, said: str):
    with pytest.raises(TriggerError, match=said):
        list(nagios_plugin(plugin=name))


def test_several_lines_have_a_text_and_performance_data_each():
    # The example of the guidelines for output of several lines, with a value that is unknown.
    said = read_output(
        "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
        "/ 15272 MB (77%);\n/boot 68 MB (69%);\n"
        "/home 69357 MB (27%); | /boot=68MB;88;93;0;98\n'my disk'=U it's=5 'it''s'=1.5e3%"
    )
    assert said.text == "DISK OK - free space: / 3326 MB (56%);"
    assert said.more.startswith("/ 15272 MB (77%);\n/boot")
    assert said.metrics == (
        PluginMetric("/", 2643.0, "MB"), PluginMetric("/boot", 68.0, "MB"),
        PluginMetric("my disk", None, ""), PluginMetric("it's", 1500.0, "%"),
    )  # fmt: skip
    assert said.unread == ("it's=5",)


@given(st.text(max_size=300))
def test_whatever_a_plugin_prints_can_be_read(output: str):
    said = read_output(output)
    assert len(said.metrics) <= MOST_METRICS
    assert len({one.name for one in said.metrics}) == len(said.metrics)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters="|"),
                min_size=1, max_size=20),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        max_size=5,
    )
)  # fmt: skip
def test_performance_data_is_read_as_it_was_written(values: dict[str, float]):
    data = " ".join(
        f"'{name.replace(chr(39), chr(39) * 2)}'={value}ms;;" for name, value in values.items()
    )
    read = {one.name: one.value for one in read_output(f"OK | {data}").metrics}
    assert read == {name: float(str(value)) for name, value in values.items()}


@pytest.mark.skipif(not os.access("/usr/lib/nagios/plugins/check_dummy", os.X_OK),
                    reason="the Monitoring Plugins are not installed")  # fmt: skip
def test_a_real_plugin_is_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SENTINEL_PLUGIN_FOLDERS", raising=False)
    settings.cache_clear()
    (state,) = nagios_plugin(plugin="check_dummy", arguments=["2", "broken"])
    assert (state.firing, state.severity, state.summary) == (True, "critical", "CRITICAL: broken")
    assert checked(state)
