"""A log file is followed over rotation and crashes: every line once, in order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.ingest import file_tail
from sentinel.ingest.file_tail import FileTail, TailBatch


class Away(Exception):
    """The receiver did not answer."""


class Receiver:
    """Keeps batches once by their ids; fails where it is asked to, before or after keeping."""

    def __init__(self) -> None:
        self.batches: dict[str, bytes] = {}
        self.failing = ""

    def __call__(self, batch: TailBatch) -> None:
        how, self.failing = self.failing, ""
        if how == "before":
            raise Away("refused")
        assert self.batches.get(batch.id, batch.lines) == batch.lines
        self.batches.setdefault(batch.id, batch.lines)
        if how == "after":
            raise Away("the answer was lost")

    @property
    def lines(self) -> list[str]:
        return b"".join(self.batches.values()).decode().split("\n")[:-1]


def read_all(tail: FileTail, receiver: Receiver) -> None:
    for _ in range(4):  # a renamed file ends with a step that sends nothing
        while tail.step(receiver):
            pass


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


_open: list[FileTail] = []


def opened(log: Path, *, from_start: bool = True) -> FileTail:
    tail = FileTail(log, log.parent / "state" / "tail.json", from_start=from_start)
    _open.append(tail)
    return tail


@pytest.fixture(autouse=True)
def _closed() -> Generator[None]:
    yield
    while _open:
        _open.pop().close()


def append(log: Path, text: str) -> None:
    with log.open("a") as output:
        output.write(text)


def test_half_a_line_waits_and_a_new_tail_begins_at_the_end(log: Path) -> None:
    append(log, "old\nha")
    receiver, tail = Receiver(), opened(log, from_start=False)
    read_all(tail, receiver)
    assert receiver.lines == []
    append(log, "lf\nnew\n")
    read_all(tail, receiver)
    assert receiver.lines == ["half", "new"]


def test_a_file_that_is_not_there_yet_is_read_when_it_comes(log: Path) -> None:
    receiver, tail = Receiver(), opened(log, from_start=False)
    assert not tail.step(receiver)
    append(log, "1\n")
    read_all(tail, receiver)
    assert receiver.lines == ["1"]


def test_a_renamed_file_is_read_to_its_end_first_also_after_a_restart(log: Path) -> None:
    append(log, "1\n")
    receiver, tail = Receiver(), opened(log)
    read_all(tail, receiver)
    append(log, "2\n")
    log.rename(log.with_suffix(".log.1"))
    append(log.with_suffix(".log.1"), "3\n")
    tail.close()
    tail = opened(log)
    append(log, "4\n")
    read_all(tail, receiver)
    assert receiver.lines == ["1", "2", "3", "4"]


@pytest.mark.parametrize("more", ["3\n", "3\n" * 20])
def test_a_file_that_is_copied_and_emptied_is_read_from_its_beginning(log: Path, more: str) -> None:
    append(log, "1\n2\n")
    receiver, tail = Receiver(), opened(log)
    read_all(tail, receiver)
    log.write_text(more)  # also where it is longer again before anybody looks
    read_all(tail, receiver)
    assert receiver.lines == ["1", "2", *more.split()]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_between_sending_and_knowing_sends_the_same_batch(log: Path, when: str) -> None:
    append(log, "1\n2\n")
    receiver, tail = Receiver(), opened(log)
    receiver.failing = when
    with pytest.raises(Away):
        tail.step(receiver)
    append(log, "3\n")
    tail.close()
    tail = opened(log)
    read_all(tail, receiver)
    tail.close()
    assert receiver.lines == ["1", "2", "3"]
    assert len(receiver.batches) == 2


def test_a_batch_ends_at_the_end_of_a_line(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_tail, "_MOST_LINES", 2)
    append(log, "a\rb\n" * 3)
    receiver, tail = Receiver(), opened(log)
    read_all(tail, receiver)
    assert list(receiver.batches.values()) == [b"a\rb\na\rb\n", b"a\rb\n"]


def test_a_renamed_file_is_found_whatever_its_name_has(tmp_path: Path) -> None:
    log = tmp_path / "access[1].log"
    append(log, "1\n")
    receiver, tail = Receiver(), opened(log)
    read_all(tail, receiver)
    append(log, "2\n")
    tail.close()
    log.rename(tmp_path / "access[1].log.1")
    append(log, "3\n")
    read_all(opened(log), receiver)
    assert receiver.lines == ["1", "2", "3"]


def test_a_state_that_cannot_be_read_is_said(log: Path) -> None:
    state = log.parent / "state" / "tail.json"
    state.parent.mkdir()
    state.write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        opened(log)


STEPS = st.lists(
    st.sampled_from(["write", "half", "read", "lost", "refused", "restart", "rename"]), max_size=25
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_every_line_counts_once_whatever_happens(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("tail") / "access.log"
    receiver, tail = Receiver(), opened(log)
    written: list[str] = []
    open_line = ""
    for number, step in enumerate([*steps, "write", "read"]):
        if step == "write":
            append(log, f"{number}\n")
            written.append(f"{open_line}{number}")
            open_line = ""
        elif step == "half":
            append(log, f"h{number}-")
            open_line += f"h{number}-"
        elif step == "restart":
            tail.close()
            tail = opened(log)
        elif step == "rename" and not open_line and log.exists():
            read_all(tail, receiver)  # a file that nobody looked at before its rotation is lost
            append(log, f"{number}\n")
            written.append(f"{number}")
            log.rename(log.with_name(f"access.log.{number}"))
            read_all(tail, receiver)
        else:
            receiver.failing = {"lost": "after", "refused": "before"}.get(step, "")
            with suppress(Away):
                read_all(tail, receiver)
            receiver.failing = ""
    read_all(tail, receiver)
    assert receiver.lines == written
    tail.close()
