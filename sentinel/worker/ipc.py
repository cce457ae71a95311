"""The frames that parent, fork server and children exchange over socket pairs.

Every frame is four bytes of length and then MessagePack.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

__all__ = [
    "Cancel",
    "Died",
    "Ended",
    "Fork",
    "Forked",
    "LogLevels",
    "Perform",
    "Started",
    "Stop",
    "Waiting",
    "Warm",
    "decode",
    "encode",
    "receive",
    "send",
]  # fmt: skip

_HEAD = struct.Struct(">I")


class Fork(msgspec.Struct, frozen=True, tag=True):
    """To the fork server: fork a child; its socket is sent with this frame."""

    token: int


class Forked(msgspec.Struct, frozen=True, tag=True):
    """From the fork server: process id of the child with that token; 0 if the fork failed."""

    token: int
    pid: int


class Died(msgspec.Struct, frozen=True, tag=True):
    """From the fork server: a child has ended; `status` is that of `os.waitpid`."""

    pid: int
    status: int


class Warm(msgspec.Struct, frozen=True, tag=True):
    """From the fork server: the imports are done; `files` are Sentinel's own files among them."""

    files: list[str]


class Perform(msgspec.Struct, frozen=True, tag=True):
    """To a child: run this flow run.

    Attributes:
        run: id of the flow run
        entrypoint: entrypoint of its flow
        flow_run: the flow run as the API returned it, JSON
    """

    run: str
    entrypoint: str
    flow_run: bytes


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """To a child: cancel this flow run."""

    run: str


class LogLevels(msgspec.Struct, frozen=True, tag=True):
    """To a child: the levels of loggers that people set; all others are as configured."""

    levels: dict[str, str]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """To a child: exit as soon as no flow run is active."""


class Started(msgspec.Struct, frozen=True, tag=True):
    """From a child: the API accepted the state Running; the timeout counts from now."""

    run: str


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """From a child: the run waits for the API, or (`on` false) no longer does."""

    run: str
    on: bool


class Ended(msgspec.Struct, frozen=True, tag=True):
    """From a child: the flow run has ended, and the API has its state.

    Attributes:
        run: id of the flow run
        state_type, state_name: its state in the API; empty if somebody else changed it
        error: why it could not be run at all; the parent then reports it to the API
        loops: whether its flow is asynchronous, so that other runs can share the loop
        unusable: why this child must be replaced; empty if it can run another flow run
    """

    run: str
    state_type: str = ""
    state_name: str = ""
    error: str = ""
    loops: bool = False
    unusable: str = ""


def encode(frame: msgspec.Struct) -> bytes:
    """Return a frame as bytes, preceded by its length."""
    body = msgspec.msgpack.encode(frame)
    return _HEAD.pack(len(body)) + body


def decode(body: bytes, kind: Any) -> Any:
    """Return the frame in `body`, of the type or the union of types `kind`."""
    return msgspec.msgpack.decode(body, type=kind)


def send(connection: socket.socket, frame: msgspec.Struct) -> None:
    """Send one frame, blocking.

    Raises:
        OSError: the other side has closed the socket
    """
    connection.sendall(encode(frame))


def receive(connection: socket.socket) -> bytes | None:
    """Return the body of the next frame, blocking; None if the other side is gone."""
    head = _exactly(connection, _HEAD.size)
    return None if head is None else _exactly(connection, _HEAD.unpack(head)[0])


async def read(reader: asyncio.StreamReader) -> bytes | None:
    """Return the body of the next frame; None if the other side is gone."""
    try:
        head = await reader.readexactly(_HEAD.size)
        return await reader.readexactly(_HEAD.unpack(head)[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        try:
            part = connection.recv(size)
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
