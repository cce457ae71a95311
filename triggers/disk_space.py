"""How full the file systems of this machine are."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import AfterValidator, Field

from sentinel import Context, Reading, above, trigger

# Images mounted read-only are full by construction, and nobody can make room on them.
_ALWAYS_FULL = {"squashfs", "iso9660", "erofs", "cramfs"}


def _absolute(path: str) -> str:
    if not Path(path).is_absolute():
        raise ValueError("a mount point is an absolute path, such as /mnt/data")
    return path


Mount = Annotated[str, AfterValidator(_absolute)]


@trigger(category="system", unit="percent", when=above(95))
def disk_space(
    ctx: Context,
    paths: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    ignore: list[Mount] = ["/snap", "/boot/efi"],  # noqa: B006 - likewise
    smallest_gb: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0,
) -> Iterator[Reading]:
    """How full each file system is, in percent of what ordinary users may use.

    Args:
        ctx: notes file systems that cannot be read
        paths: only the file systems of these folders; empty means every mounted disk
        ignore: mount points to leave out, with everything below them
        smallest_gb: leave out file systems smaller than this many gigabytes

    Yields:
        For each file system one reading with the labels `host` and `mount`: used space in percent.
    """
    host = socket.gethostname()
    for mount in paths or _mounted(ignore):
        labels = {"host": host, "mount": mount}
        try:
            usage = psutil.disk_usage(mount)
        except OSError:
            # Unplugged or not permitted: that says nothing about how full it is.
            ctx.unknown(labels)
            continue
        if usage.total == 0 or usage.total < smallest_gb * 1e9:
            continue
        yield Reading(
            labels=labels,
            value=usage.percent,
            details={"free_bytes": usage.free, "total_bytes": usage.total},
        )


def _mounted(ignore: list[str]) -> list[str]:
    """Mount points of real disks, each device once, by its shortest path."""
    shortest: dict[str, str] = {}
    for part in psutil.disk_partitions():
        mount = part.mountpoint
        if part.fstype in _ALWAYS_FULL or _below(mount, ignore) or not Path(mount).is_dir():
            continue  # containers mount single files, such as /etc/hosts, from a disk
        known = shortest.get(part.device)
        if known is None or len(mount) < len(known):
            shortest[part.device] = mount
    # In a container the root is an overlay, which psutil does not count as a disk.
    root = [] if "/" in ignore else ["/"]
    return sorted({*shortest.values(), *root})


def _below(mount: str, ignore: list[str]) -> bool:
    return any(mount == left or mount.startswith(left.rstrip("/") + "/") for left in ignore if left)
