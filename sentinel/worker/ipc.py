"""What the parent, the nursery and the children say to each other, over socket pairs.

Every frame is four bytes of length and then MessagePack.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

__all__ = [
    "Begun", "Cancel", "Died", "Ended", "Fork", "Forked", "Held", "Perform", "Stop", "Warm",
    "decode", "encode", "receive", "send",
]  # fmt: skip

_HEAD = struct.Struct(">I")


class Fork(msgspec.Struct, frozen=True, tag=True):
    """To the nursery: fork a child; its socket comes along with this frame."""

    token: int


class Forked(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: the child of that token has this process id; 0 where there is none."""

    token: int
    pid: int


class Died(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: a child has ended; `status` as `os.waitpid` gives it."""

    pid: int
    status: int


class Warm(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: everything is imported; `files` is the code of ours that was loaded."""

    files: list[str]


class Perform(msgspec.Struct, frozen=True, tag=True):
    """To a child: run this flow run.

    Attributes:
        run: its id
        entrypoint: where its flow is
        flow_run: the flow run as the API gave it, JSON
    """

    run: str
    entrypoint: str
    flow_run: bytes


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """To a child: end this run as cancelled."""

    run: str


class Stop(msgspec.Struct, frozen=True, tag=True):
    """To a child: end when nothing runs any more."""


class Begun(msgspec.Struct, frozen=True, tag=True):
    """From a child: the API has taken the run's Running; its time counts from now."""

    run: str


class Held(msgspec.Struct, frozen=True, tag=True):
    """From a child: it waits for the API, or (`on` false) it no longer does."""

    run: str
    on: bool


class Ended(msgspec.Struct, frozen=True, tag=True):
    """From a child: the run is over, and the API knows its state.

    Attributes:
        run: its id
        state_type, state_name: as the API has them; empty where the run was not ours to run
        error: why it could not be run at all; the parent then tells the API
        loops: its flow is asynchronous, so that the next may share a loop
        spoilt: why this child should not run another; empty where it may
    """

    run: str
    state_type: str = ""
    state_name: str = ""
    error: str = ""
    loops: bool = False
    spoilt: str = ""


def encode(frame: msgspec.Struct) -> bytes:
    """A frame as bytes, its length before it."""
    body = msgspec.msgpack.encode(frame)
    return _HEAD.pack(len(body)) + body


def decode(body: bytes, kind: Any) -> Any:
    """The frame that `body` holds, of one of the types that `kind` names (a type, or a union)."""
    return msgspec.msgpack.decode(body, type=kind)


def send(connection: socket.socket, frame: msgspec.Struct) -> None:
    """Send one frame, blocking.

    Raises:
        OSError: nobody listens any more
    """
    connection.sendall(encode(frame))


def receive(connection: socket.socket) -> bytes | None:
    """The body of the next frame, blocking; None where the other side is gone."""
    head = _exactly(connection, _HEAD.size)
    return None if head is None else _exactly(connection, _HEAD.unpack(head)[0])


async def read(reader: asyncio.StreamReader) -> bytes | None:
    """The body of the next frame; None where the other side is gone."""
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
