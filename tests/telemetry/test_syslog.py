"""Messages of syslog: the documents' own examples, frames, and whatever else comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.syslog import MOST_MESSAGE, BadFrame, Frames, line_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (  # RFC 5424, section 6.5, example 1
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' "
            "failed for lonvick on /dev/pts/8",
            {"level": "CRITICAL", "syslog.facility": "auth", "service_name": "su",
             "host.name": "mymachine.example.com", "syslog.msgid": "ID47",
             "timestamp": "2003-10-11T22:14:15.003000+00:00",
             "message": "'su root' failed for lonvick on /dev/pts/8"},
        ),
        (  # example 2
            "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
            {"level": "NOTICE", "syslog.facility": "local4", "service_name": "myproc",
             "host.name": "192.0.2.1", "process.pid": "8710",
             "timestamp": "2003-08-24T05:14:15.000003-07:00", "message": "%% It's time."},
        ),
        (  # example 4, without a message
            '<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut="3" '
            r'eventID="10\"11"][examplePriority@32473 class="high"]',
            {"level": "NOTICE", "syslog.facility": "local4", "service_name": "evntslog",
             "host.name": "h", "syslog.msgid": "ID47",
             "timestamp": "2003-10-11T22:14:15.003000+00:00",
             "syslog.exampleSDID@32473.iut": "3", "syslog.exampleSDID@32473.eventID": '10"11',
             "syslog.examplePriority@32473.class": "high", "message": "-"},
        ),
        (  # section 7.2.1: a parameter that comes twice
            '<165>1 - - - - - [origin ip="192.0.2.1" ip="192.0.2.129"] up',
            {"level": "NOTICE", "syslog.facility": "local4", "timestamp": NOW.isoformat(),
             "syslog.origin.ip": "192.0.2.1, 192.0.2.129", "message": "up"},
        ),
        (  # RFC 3164, section 5.4, example 1; the year is the last that is not in the future
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            {"level": "CRITICAL", "syslog.facility": "auth", "service_name": "su",
             "host.name": "mymachine", "timestamp": "2025-10-11T22:14:15+00:00",
             "message": "'su root' failed for lonvick on /dev/pts/8"},
        ),
        (
            "<13>Jan  2 03:04:00 web nginx[77]: up",
            {"level": "NOTICE", "syslog.facility": "user", "service_name": "nginx",
             "host.name": "web", "process.pid": "77", "timestamp": "2026-01-02T03:04:00+00:00",
             "message": "up"},
        ),
        (  # as programs write to /dev/log, without the host
            "<86>Jan  2 03:04:00 sshd[9]: session: opened",
            {"level": "INFO", "syslog.facility": "authpriv", "service_name": "sshd",
             "process.pid": "9", "timestamp": "2026-01-02T03:04:00+00:00",
             "message": "session: opened"},
        ),
        (  # RFC 3164, example 2: no time that can be read, so it is kept as it is
            "Use the BFG!",
            {"level": "NOTICE", "syslog.facility": "user", "timestamp": NOW.isoformat(),
             "message": "Use the BFG!"},
        ),
    ],
)  # fmt: skip
def test_the_documents_examples(message: str, fields: dict[str, Any]) -> None:
    assert line_of(message.encode(), NOW) == fields


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<9>1 {text}".encode()))
def test_whatever_comes_is_a_line(data: bytes) -> None:
    line = line_of(data, NOW)
    assert line["message"]
    assert posted_logs([line]).errors == {}


_WORDS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20)


@given(
    st.integers(0, 191),
    _WORDS.filter(lambda word: word != "-"),
    st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4),
    st.text(min_size=1, max_size=40).map(lambda text: text.strip("\r\n\0\ufeff ") or "x"),
)
def test_what_is_written_by_rfc_5424_is_read_again(
    priority: int, app: str, data: dict[str, str], message: str
) -> None:
    message = message.replace("\0", "")
    data = {name: text.replace("\0", "") for name, text in data.items()}
    escaped = {
        name: text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
        for name, text in data.items()
    }
    pairs = "".join(f' {name}="{text}"' for name, text in escaped.items())
    written = f"<{priority}>1 2026-01-02T00:00:00Z h {app} - - [a@1{pairs}] {message}"
    line = line_of(written.encode("utf-8", "replace"), NOW)
    assert (line["service_name"], line["host.name"]) == (app, "h")
    assert line["message"] == message.encode("utf-8", "replace").decode()
    for name, text in data.items():
        if text:
            assert line[f"syslog.a@1.{name}"] == text.encode("utf-8", "replace").decode()


@given(
    st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=40)), max_size=10),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_frames_are_found_however_the_stream_is_cut(
    given_: list[tuple[bool, bytes]], cuts: list[int]
) -> None:
    messages = [
        (counted, b"<1>" + (data if counted else data.replace(b"\n", b" ")))
        for counted, data in given_
    ]
    stream = b"".join(
        b"%d %s" % (len(data), data) if counted else data + b"\n" for counted, data in messages
    )
    frames, found = Frames(), list[bytes]()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for begin, end in zip(places, [*places[1:], len(stream)], strict=True):
        found += frames.feed(stream[begin:end])
    assert [*found, *frames.end()] == [data for _, data in messages]


def test_a_message_has_a_greatest_length() -> None:
    with pytest.raises(BadFrame, match="65,537 bytes"):
        Frames().feed(b"65537 <1>")
    frames = Frames()
    (first,) = frames.feed(b"<1>" + b"x" * MOST_MESSAGE)
    assert len(first) == MOST_MESSAGE
    assert frames.end() == [b"xxx"]
    assert frames.feed(b"12 <1>half") == frames.end() == []
