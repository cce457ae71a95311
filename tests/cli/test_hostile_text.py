"""What a payload holds reaches a terminal as text, in every command that prints it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sentinel.checks import catalog
from sentinel.cli import completion
from sentinel.clock import FakeClock
from sentinel.printable import has_controls
from sentinel.store import Store
from tests.cli.shell import Run
from tests.world import World

ESCAPES = "/data\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202e"


@pytest.fixture
def hostile(run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an alert whose label, title and timeline hold terminal escapes."""
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    clock = FakeClock()
    store = Store(migrated_url, clock=clock)
    world = World(store, clock, annotations={"summary": "{mount} is full", "description": ESCAPES})
    store.apply(world.evaluation({ESCAPES: 97.0}))
    (found,) = store.alerts.page().items
    store.close()
    assert run("alert", "comment", found.id, "-m", ESCAPES)[0] == 0
    return found.id


@pytest.mark.parametrize(
    "command",
    [
        ("alert", "list"),
        ("alert", "list", "--json"),
        ("alert", "list", "--search", ESCAPES),
        ("alert", "show", "ID"),
        ("alert", "show", "ID", "--json"),
        ("alert", "show", ESCAPES),
        ("alert", "ack", "ID", "-m", ESCAPES),
        ("alert", "resolve", "ID"),
        ("alert", "assign", "ID", "--to", ESCAPES),
        ("alert", "suppress", "ID", "--for", ESCAPES),
        ("rule", "list"),
        ("rule", "show", "disk"),
        ("rule", "show", ESCAPES),
        ("rule", "disable", "disk", "-m", ESCAPES),
        ("rule", "lint", ESCAPES),
        ("receiver", "list"),
        ("receiver", "set", ESCAPES, "-c", ESCAPES),
        ("trigger", "show", ESCAPES),
        ("trigger", "run", "disk_space", "--when", ESCAPES),
        ("event", "send", ESCAPES),
        ("deploy", "--file", ESCAPES),
        (ESCAPES,),
    ],
    ids=lambda words: " ".join(words).replace(ESCAPES, "…"),
)
def test_no_command_prints_a_control_character(
    run: Run, hostile: str, command: tuple[str, ...]
) -> None:
    _, out, err = run(*(hostile if word == "ID" else word for word in command))
    assert out or err
    assert not has_controls(out)
    assert not has_controls(err)


def test_json_for_programs_keeps_the_text(run: Run, hostile: str) -> None:
    shown = json.loads(run("alert", "show", hostile, "--json")[1])
    assert ESCAPES in shown["labels"].values()


def test_an_event_that_is_refused_is_quoted_without_them(
    run: Run, hostile: str, tmp_path: Path
) -> None:
    (tmp_path / "events.ndjson").write_text(
        json.dumps({"id": "1", ESCAPES: 1}) + "\n" + f'{{"{ESCAPES}\n', "utf-8"
    )
    code, out, err = run("event", "send", "events.ndjson")
    assert code == 1
    assert not has_controls(out + err)


def test_the_titles_that_a_shell_completes_have_none(hostile: str) -> None:
    ((_, title),) = completion.alerts("")
    assert "is full" in title
    assert not has_controls(title)


def test_a_long_description_cannot_look_like_another_field(run: Run, migrated_url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTINEL_DATABASE_URL", migrated_url)
        clock = FakeClock()
        store = Store(migrated_url, clock=clock)
        world = World(store, clock, annotations={"description": "full\nassignee     root"})
        store.apply(world.evaluation({"/data": 97.0}))
        (found,) = store.alerts.page().items
        store.close()
        shown = run("alert", "show", found.id)[1]
    assert "assignee     root" in shown
    assert not [line for line in shown.splitlines() if line.startswith("assignee")]


def test_an_unexpected_error_is_printed_without_them(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError(ESCAPES)

    monkeypatch.setattr(catalog, "load", broken)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back at the end
    with pytest.raises(RuntimeError) as raised:
        run("trigger", "list")
    sys.excepthook(RuntimeError, raised.value, raised.tb)
    err = capsys.readouterr().err
    assert "RuntimeError: /data" in err
    assert not has_controls(err)
