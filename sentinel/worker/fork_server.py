"""The fork server: imports everything once, has one thread, and forks child processes.

A child is ready within milliseconds and shares the memory of the imports. Modules of a flow, for
example its trigger, are imported in the child: a user's code never runs here, so it cannot start a
thread, which a fork would not copy.

Run by the parent as `python -m sentinel.worker.fork_server DESCRIPTOR PARENT OWNER LEVEL`.
"""

from __future__ import annotations

import array
import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
from importlib import import_module
from types import FrameType

from sentinel.errors import SentinelError
from sentinel.settings import settings
from sentinel.worker import ipc
from sentinel.worker.process import die_with_parent

__all__ = ["main"]

log = logging.getLogger("sentinel.worker.fork_server")

# The modules that flow runs of rules, notifications and sweeps need, without plug-ins.
_WARM = (
    "flows.evaluation",
    "flows.notify",
    "flows.retention",
    "flows.rules",
    "flows.sweep",
    "prefect.artifacts",
    "prefect.flow_engine",
    "psycopg",
    "sentinel.store",
    "sentinel.worker.child",
)


def main(arguments: list[str]) -> int:
    """Import the modules, then fork children as the parent requests, until the parent is gone.

    Args:
        arguments: file descriptor of the socket, process id of the parent, name of the owner for
            messages, and the lowest level of logs that go to the API

    Returns:
        The exit code, 0.
    """
    descriptor, parent, owner, level = arguments
    die_with_parent(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent reacts to Ctrl-C
    connection = socket.socket(fileno=int(descriptor))
    for name in _WARM:
        import_module(name)
    from sentinel.worker.child import prepare

    prepare(level)
    _read_settings()
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        log.warning("the fork server has threads, which a fork does not copy: %s", names)
    # Frozen objects are left out of garbage collection, so that their memory stays shared.
    gc.collect()
    gc.freeze()
    ipc.send(connection, ipc.Warm(_own_files()))
    _serve(connection, owner)
    return 0


def _read_settings() -> None:
    """Read the settings for all children: each would ask Vault by itself."""
    try:
        settings()
    except (SentinelError, ValueError) as error:  # which each flow run reports to its rule
        log.warning("the settings cannot be read: %s", error)


def _ignore_signal(_number: int, _frame: FrameType | None) -> None:
    pass


def _serve(connection: socket.socket, owner: str) -> None:
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ignore_signal)  # a handler is needed for the wakeup pipe
    while True:
        ready, _, _ = select.select([connection, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(connection)
        if connection in ready:
            body, descriptors = _receive(connection)
            if body is None:
                return
            asked: ipc.Fork = ipc.decode(body, ipc.Fork)
            _fork(connection, asked, descriptors[0], (woken, waker), owner)


def _fork(
    connection: socket.socket,
    asked: ipc.Fork,
    descriptor: int,
    others: tuple[int, int],
    owner: str,
) -> None:
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        # No memory or process left: the children that run must not end because of this.
        log.error("no child could be forked: %s", error.strerror)
        os.close(descriptor)
        ipc.send(connection, ipc.Forked(asked.token, 0))
        return
    if pid:
        os.close(descriptor)
        ipc.send(connection, ipc.Forked(asked.token, pid))
        return
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in others:
            os.close(other)
        connection.close()
        os.setsid()
        die_with_parent(server)
        from sentinel.worker.child import serve

        status = serve(socket.socket(fileno=descriptor), owner)
    except BaseException:
        log.exception("a child process failed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _reap(connection: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        ipc.send(connection, ipc.Died(pid, status))


def _receive(connection: socket.socket) -> tuple[bytes | None, list[int]]:
    """Receive one frame, and the file descriptors sent with its first byte."""
    fds = array.array("i")
    head, extra, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(fds.itemsize))
    if len(head) < 4:
        return None, []
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    body = b""
    size = int.from_bytes(head, "big")
    while len(body) < size:
        part = connection.recv(size - len(body))
        if not part:
            return None, []
        body += part
    return body, list(fds)


def _own_files() -> list[str]:
    """Return the loaded source files outside of site-packages: Sentinel's own, in a clone."""
    files = {
        file
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None)) and file.endswith(".py")
    }
    return sorted(file for file in files if not _installed(file))


def _installed(file: str) -> bool:
    return "site-packages" in file or file.startswith((sys.base_prefix, sys.prefix))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
