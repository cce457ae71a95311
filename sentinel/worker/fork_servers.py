"""The nursery and the children that it has forked, over generations of code.

When the code that a nursery has loaded changes, a new nursery is started beside it. The old one
lives for as long as one of its children does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sentinel.worker import ipc
from sentinel.worker.code_version import Files
from sentinel.worker.process import end_group, ending

__all__ = ["Brood", "Hand"]

log = logging.getLogger("sentinel.worker")

_LAST_WORDS = 2.0
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_FromChild = ipc.Begun | ipc.Held | ipc.Ended
_FromNursery = ipc.Warm | ipc.Forked | ipc.Died


class Hand:
    """One child.

    Attributes:
        loaded: version of the code of every entrypoint that it has run
        retiring: why it takes no more runs; empty while it does
        loops: it runs asynchronous flows, many at once
        alone: it was made for one run
        reserved: it was forked for somebody who has not taken it yet
        gone: its process has ended
    """

    def __init__(self, token: int, nursery: Nursery, writer: asyncio.StreamWriter) -> None:
        self.token = token
        self.pid = 0
        self.process: psutil.Process | None = None
        self.loaded: dict[str, str] = {}
        self.retiring = ""
        self.loops = False
        self.alone = False
        self.reserved = False
        self.gone = False
        self.runs = 0
        self.memory = 0
        self.idle_since = time.monotonic()
        self.listening: asyncio.Task[Any] | None = None
        self._nursery = nursery
        self._writer = writer

    @property
    def current(self) -> bool:
        """Whether it was forked from the code that holds now."""
        return self._nursery.current

    def send(self, frame: msgspec.Struct) -> None:
        """Say something to it; nothing happens where it is gone, which is told elsewhere."""
        if not self.gone:
            self._writer.write(ipc.encode(frame))

    def close(self) -> None:
        """Let go of its socket."""
        self.gone = True
        self._writer.close()


class Nursery:
    """One nursery process, and what is known of its children."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self.process = process
        self.connection = connection
        self.warm = asyncio.Event()
        self.current = True
        self.files: frozenset[Path] = frozenset()
        self.digest = self.seen = ""
        self.hands: dict[int, Hand] = {}
        self.forking: dict[int, tuple[Hand, asyncio.Future[bool]]] = {}


class Brood:
    """All nurseries and children of one worker.

    Args:
        owner: who the worker is, for the messages of states
        level: from which runs' logs go to the API
        heard: called with every frame of a child
        ended: called when a child is gone, with how
    """

    def __init__(
        self,
        owner: str,
        level: str,
        heard: Callable[[Hand, Any], None],
        ended: Callable[[Hand, str], None],
    ) -> None:
        self._owner = owner
        self._level = level
        self._heard = heard
        self._ended = ended
        self._token = 0
        self._nurseries: list[Nursery] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._warm = asyncio.Event()
        self._failures = 0

    def start(self) -> None:
        """Start the first nursery."""
        self._spawn(self._new_nursery())

    @property
    def hands(self) -> list[Hand]:
        """All children that live."""
        return [hand for nursery in self._nurseries for hand in nursery.hands.values()]

    @property
    def ready(self) -> bool:
        """Whether a child can be forked at once."""
        return self._warm.is_set()

    async def fork(self, *, reserved: bool = False) -> Hand:
        """A new child, once there is a nursery that is warm.

        Args:
            reserved: it is for the caller, and nobody else may take it meanwhile
        """
        while True:
            await self._warm.wait()
            nursery = self._newest()
            if nursery is None:
                self._warm.clear()
                continue
            hand = await self._fork(nursery, reserved)
            if hand is not None:
                return hand
            await asyncio.sleep(_PAUSE)

    async def add(self) -> None:
        """One more child for whoever comes, where that goes at once."""
        nursery = self._newest()
        if nursery is not None:
            await self._fork(nursery, reserved=False)

    def _newest(self) -> Nursery | None:
        return next((one for one in reversed(self._nurseries) if _forks(one)), None)

    async def _fork(self, nursery: Nursery, reserved: bool) -> Hand | None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=2**26)
        self._token += 1
        hand = Hand(self._token, nursery, writer)
        hand.reserved = reserved
        made: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        nursery.forking[hand.token] = (hand, made)
        frame = ipc.encode(ipc.Fork(hand.token))
        try:
            socket.send_fds(nursery.connection, [frame], [theirs.fileno()])
        except OSError:
            del nursery.forking[hand.token]
            writer.close()
            return None
        finally:
            theirs.close()
        if not await made:
            return None  # its nursery has ended, or could not fork
        if not hand.gone:
            hand.listening = self._spawn(self._listen(hand, reader))
        return hand

    async def renew(self, files: Files) -> None:
        """Start a new nursery where the code of the present one has changed."""
        nursery = self._nurseries[-1] if self._nurseries else None
        if nursery is None or not nursery.current or not nursery.warm.is_set():
            return
        digest = await asyncio.to_thread(files.digest, nursery.files)
        before, nursery.seen = nursery.seen, digest
        if not nursery.digest:
            nursery.digest = digest
        elif digest != nursery.digest and digest == before:
            # The same at two looks: nobody is in the middle of writing it.
            log.info("the worker's own code has changed: a new generation of children is made")
            await self._new_nursery(replaces=nursery)

    async def stop(self) -> None:
        """End everything."""
        self._stopping = True
        for nursery in list(self._nurseries):  # each leaves that list as it ends
            for hand in list(nursery.hands.values()):
                end_group(hand.pid)
            with contextlib.suppress(ProcessLookupError):
                nursery.process.send_signal(signal.SIGKILL)
            await nursery.process.wait()
            for hand in list(nursery.hands.values()):
                hand.close()
        for task in self._tasks:
            task.cancel()

    async def _new_nursery(self, replaces: Nursery | None = None) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        environment = {
            **os.environ,
            # One more call per child, which tells nothing that the parent has not been told.
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            # Prefect's client would ask again for a minute by itself; ours does, and says so.
            "PREFECT_CLIENT_MAX_RETRIES": "0",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sentinel.worker.fork_server",
            str(theirs.fileno()), str(os.getpid()), self._owner, self._level,
            pass_fds=[theirs.fileno()],
            env=environment,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        nursery = Nursery(process, ours)
        self._spawn(self._follow(nursery, replaces))
        self._nurseries.append(nursery)

    async def _follow(self, nursery: Nursery, replaces: Nursery | None) -> None:
        """Hear a nursery out; start another where it should not have ended."""
        reader, writer = await asyncio.open_connection(sock=nursery.connection.dup())
        while (body := await ipc.read(reader)) is not None:
            frame: _FromNursery = ipc.decode(body, _FromNursery)
            if isinstance(frame, ipc.Warm):
                nursery.files = frozenset(map(Path, frame.files))
                nursery.warm.set()
                self._failures = 0
                if replaces is not None:
                    replaces.current = False
                    self._let_go(replaces)  # where it has no child, nobody else would say so
                self._warm.set()
            elif isinstance(frame, ipc.Forked):
                self._welcome(nursery, frame)
            else:
                self._bury(nursery, frame.pid, ending(frame.status))
            self._let_go(nursery)
        writer.close()
        nursery.connection.close()
        status = await nursery.process.wait()
        self._nurseries.remove(nursery)
        for hand, made in list(nursery.forking.values()):
            _answer(made, there=False)
            hand.close()
        for hand in list(nursery.hands.values()):
            end_group(hand.pid)  # they are its children, so that nobody tells us how they ended
            self._bury(nursery, hand.pid, "its nursery ended")
        if nursery.current and not self._stopping:
            pause = min(_LONGEST_PAUSE, _PAUSE * 2**self._failures)
            self._failures += 1
            log.error(
                "the nursery ended (exit code %s) and is started again in %.0f s", status, pause
            )
            await asyncio.sleep(pause)
            await self._new_nursery()

    def _welcome(self, nursery: Nursery, frame: ipc.Forked) -> None:
        hand, made = nursery.forking.pop(frame.token)
        if not frame.pid:
            _answer(made, there=False)
            hand.close()
            return
        hand.pid = frame.pid
        with contextlib.suppress(psutil.Error):
            hand.process = psutil.Process(frame.pid)
        nursery.hands[frame.pid] = hand
        if made.done():  # whoever asked for it was cancelled
            hand.retiring = "nobody wants it any more"
            hand.send(ipc.Stop())
        _answer(made, there=True)

    def _bury(self, nursery: Nursery, pid: int, how: str) -> None:
        hand = nursery.hands.pop(pid, None)
        if hand is None:
            return
        end_group(pid)  # whatever it has started and left
        if hand.listening is not None:
            # What it has said before it ended is heard first.
            self._spawn(self._after(hand, how))
        else:
            hand.close()
            self._ended(hand, how)

    async def _after(self, hand: Hand, how: str) -> None:
        if hand.listening is not None:
            # Not for ever: something that it has started may hold its socket open.
            await asyncio.wait([hand.listening], timeout=_LAST_WORDS)
            hand.listening.cancel()
        hand.close()
        self._ended(hand, how)

    def _let_go(self, nursery: Nursery) -> None:
        """An old generation ends with its last child."""
        if not nursery.current and not nursery.hands and not nursery.forking:
            with contextlib.suppress(ProcessLookupError):
                nursery.process.kill()

    async def _listen(self, hand: Hand, reader: asyncio.StreamReader) -> None:
        while (body := await ipc.read(reader)) is not None:
            self._heard(hand, ipc.decode(body, _FromChild))

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _forks(nursery: Nursery) -> bool:
    return nursery.current and nursery.warm.is_set() and nursery.process.returncode is None


def _answer(made: asyncio.Future[bool], *, there: bool) -> None:
    if not made.done():
        made.set_result(there)
