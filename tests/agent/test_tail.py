"""Files are followed: every line once, in order, through what happens to files and to the agent."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.agent.buffer import Buffer
from sentinel.agent.config import TailedFiles
from sentinel.agent.lines import MOST_LINE, body_of, lines_of
from sentinel.agent.tail import LOGS, SETTLED, Tail
from sentinel.errors import ConfigurationError

PLENTY = 10**9


class Host:
    """Files of a program, an agent that follows them, and what has arrived at the API."""

    def __init__(self, folder: Path, most: int = PLENTY, **files: Any) -> None:
        self.folder, self.most = folder, most
        self.path = folder / "app.log"
        self.files = TailedFiles(path=str(files.pop("path", self.path)), **files)
        self.now = datetime.now(UTC)
        self.arrived: list[dict[str, Any]] = []
        self.start()

    def start(self) -> None:
        self.buffer = Buffer(self.folder / "state", self.most)
        self.tail = Tail(self.files, self.buffer, "web-1")

    def kill(self) -> None:
        """The process is gone, and what it held in memory with it."""
        self.tail.close()
        self.buffer.close()
        self.start()

    def say(self, *lines: str, path: Path | None = None) -> None:
        with (path or self.path).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def rotate(self) -> None:
        for number in range(8, 0, -1):
            if (old := Path(f"{self.path}.{number}")).exists():
                old.rename(f"{self.path}.{number + 1}")
        if self.path.exists():
            self.path.rename(f"{self.path}.1")

    def read(self, later: float = 1.0) -> bool:
        self.now += timedelta(seconds=later)
        return self.tail.read(self.now)

    def send(self) -> None:
        while (batch := self.buffer.first(LOGS)) is not None:
            self.arrived += [orjson.loads(line) for line in batch.body.split(b"\n")]
            self.buffer.done(batch)

    @property
    def said(self) -> list[str]:
        self.send()
        return [one["message"] for one in self.arrived]

    def close(self) -> None:
        self.tail.close()
        self.buffer.close()


@pytest.fixture
def host(tmp_path: Path) -> Any:
    made = Host(tmp_path, service="shop")
    made.read()
    yield made
    made.close()


def test_lines_are_sent_when_they_are_whole_with_what_is_known_of_them(host: Host):
    host.say("one", "", "two")
    with host.path.open("a") as file:
        file.write("half")
    host.read()
    assert host.said == ["one", "two"]
    with host.path.open("a") as file:
        file.write(" a line\r\n")
    host.read()
    assert host.said == ["one", "two", "half a line"]
    first, second, _ = host.arrived
    assert first | {"timestamp": 0} == {
        "message": "one", "service_name": "shop", "host.name": "web-1",
        "log.file.path": str(host.path), "timestamp": 0,
    }  # fmt: skip
    assert second["timestamp"] == first["timestamp"] + 1


def test_files_that_are_there_at_the_first_look_begin_at_their_end(tmp_path: Path):
    (tmp_path / "app.log").write_text("old\nhalf")
    host = Host(tmp_path, path=tmp_path / "*.log")
    host.read()
    host.say(" of it", "new")
    host.say("later", path=tmp_path / "other.log")
    host.read()
    assert sorted(host.said) == ["half of it", "later", "new"]
    host.close()


def test_packed_files_are_not_read_also_where_the_pattern_has_their_names(tmp_path: Path):
    host = Host(tmp_path, path=tmp_path / "app*")
    host.read()
    (tmp_path / "app.log.2.gz").write_bytes(b"\x1f\x8b\n")
    host.say("one")
    host.read()
    assert host.said == ["one"]
    host.close()


def test_a_renamed_file_is_read_to_its_end_while_its_program_still_writes_to_it(host: Host):
    host.say("one")
    host.read()
    writes_on = host.path.open("a")
    host.rotate()
    host.say("first of the next")
    writes_on.write("last of the old\nwithout an end")
    writes_on.close()
    host.read()
    assert host.said == ["one", "last of the old", "first of the next"]
    host.read(SETTLED + 5)
    assert host.said[-1] == "without an end"


def test_a_file_that_is_deleted_is_read_to_its_end(host: Host):
    host.say("one")
    host.read()
    writes_on = host.path.open("a")
    host.path.unlink()
    writes_on.write("two\n")
    writes_on.flush()
    host.read()
    assert host.said == ["one", "two"]
    writes_on.close()
    host.say("another file")
    host.read(SETTLED + 5)
    assert host.said == ["one", "two", "another file"]


def test_what_was_renamed_twice_while_no_agent_ran_is_read(host: Host):
    host.say("one")
    host.read()
    host.say("two")
    for number, line in ((1, "three"), (2, "four")):
        host.rotate()
        host.say(line)
        stamp = host.now.timestamp() + number
        os.utime(host.path, (stamp, stamp))
    host.kill()
    host.read()
    assert host.said == ["one", "two", "three", "four"]


def test_a_file_that_was_there_before_the_agent_is_not_read_when_it_is_renamed(tmp_path: Path):
    (tmp_path / "app.log.1").write_text("long ago\n")
    host = Host(tmp_path)
    host.say("one")
    host.read()
    host.rotate()
    host.say("two")
    host.read()
    assert host.said == ["two"]
    host.close()


def test_a_truncated_file_is_read_from_its_beginning(host: Host):
    host.say("one", "two")
    host.read()
    with host.path.open("w") as file:
        file.write("three\n")
    host.read()
    with host.path.open("w") as file:  # and has grown beyond where it was
        file.write("four, which is longer\nfive\n")
    host.read()
    assert host.said == ["one", "two", "three", "four, which is longer", "five"]


def test_a_full_buffer_leaves_lines_in_their_file(tmp_path: Path):
    host = Host(tmp_path, most=400)
    host.read()
    room: list[bool] = []
    for number in range(5):
        host.say(f"{number}")
        room.append(host.read())
    assert (room[0], room[-1]) == (True, False)
    waiting = host.buffer.bytes
    assert waiting <= 400
    host.send()
    assert host.read()
    assert host.said == ["0", "1", "2", "3", "4"]
    host.close()


def test_two_agents_do_not_share_a_state(host: Host):
    with pytest.raises(ConfigurationError, match="no other agent uses"):
        Buffer(host.folder / "state", PLENTY)


@pytest.mark.parametrize("step", ["before", "after"])
def test_an_agent_that_dies_at_a_step_neither_loses_nor_repeats_a_line(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: str
):
    class Killed(BaseException):
        pass

    put = host.buffer.put

    def dies(*given: Any) -> bool:
        if step == "after":
            put(*given)
        raise Killed

    host.say("one", "two")
    monkeypatch.setattr(host.buffer, "put", dies)
    with pytest.raises(Killed):
        host.read()
    host.kill()
    host.read()
    assert host.said == ["one", "two"]
    batches = host.buffer.first(LOGS)
    assert batches is None


STEPS = st.lists(
    st.sampled_from(["say", "say", "half", "rotate", "read", "read", "kill", "send", "delete"]),
    max_size=25,
)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(steps=STEPS)
def test_every_line_arrives_once_and_in_order_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
):
    host = Host(tmp_path_factory.mktemp("host"), most=500)
    host.read()
    number = 0
    try:
        for step in steps:
            if step == "say":
                host.say(str(number))
                number += 1
            elif step == "half" and host.path.exists():  # written in two parts
                with host.path.open("a") as file:
                    file.write(f"{number}")
                host.read()
                with host.path.open("a") as file:
                    file.write("\n")
                number += 1
            elif step == "rotate":
                while not host.read():
                    host.send()
                host.rotate()
            elif step == "delete":  # nothing unread: that would be lost
                while not host.read():
                    host.send()
                host.path.unlink(missing_ok=True)
            elif step == "read":
                host.read()
            elif step == "kill":
                host.kill()
            else:
                host.send()
        while not host.read(SETTLED + 5):
            host.send()
        assert host.said == [str(one) for one in range(number)]
    finally:
        host.close()


@given(data=st.binary(max_size=300), most=st.integers(1, 5), ended=st.booleans())
@settings(derandomize=True, database=None)
def test_lines_are_the_bytes_between_line_ends(data: bytes, most: int, ended: bool):
    lines, taken = lines_of(data, most, ended=ended)
    assert len(lines) <= most
    whole = data[:taken]
    assert lines == [stripped for one in whole.split(b"\n") if (stripped := one.rstrip(b"\r"))]
    if len(lines) < most:
        assert taken == (len(data) if ended else data.rfind(b"\n") + 1)


def test_a_long_line_is_cut_between_characters():
    lines, taken = lines_of(b"x" + "ö".encode() * MOST_LINE, 9, ended=False)
    assert [len(one) for one in lines] == [MOST_LINE - 1, MOST_LINE]
    assert taken == 2 * MOST_LINE - 1
    assert all(one.decode() for one in lines)


def test_objects_keep_their_fields_and_what_is_none_is_a_text():
    files = TailedFiles(path="/a", format="json", service="shop")
    given = [b'{"msg": "m", "ts": "2026-01-31", "service": "own"}', b'{"a": 1}', b"[", b"\xff"]
    body = body_of(given, files, "/a", "web-1", 1_000)
    first, *others = map(orjson.loads, body.split(b"\n"))
    assert "timestamp" not in first
    assert "service_name" not in first
    assert [(one["message"], one["timestamp"]) for one in others] == [
        ('{"a": 1}', 1_001), ("[", 1_002), ("\ufffd", 1_003)
    ]  # fmt: skip


def test_an_object_that_is_nested_more_deeply_than_json_is_written_is_a_text():
    files = TailedFiles(path="/a", format="json", service="shop")
    nested = b'{"msg": "m", "time": ' + b"[" * 500 + b"]" * 500 + b"}"
    assert orjson.loads(body_of([nested], files, "/a", "h", 7))["timestamp"] == 7
    deep = '{"msg": "m", "ts": "2026-01-31", "of": ' + "[" * 500 + "]" * 500 + "}"
    first, second = map(
        orjson.loads, body_of([deep.encode(), b"next"], files, "/a", "h", 7).split(b"\n")
    )
    assert (first["message"], first["service_name"]) == (deep, "shop")
    assert first["ts"] == "2026-01-31"
    assert second["message"] == "next"
