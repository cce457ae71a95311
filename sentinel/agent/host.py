"""Metrics of the host, by psutil, under OpenTelemetry's names for them.

The names: https://opentelemetry.io/docs/specs/semconv/system/system-metrics/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
import psutil

__all__ = ["METRICS", "body_of_samples", "host_samples"]

METRICS = "/api/v1/alerts/metrics"
"""The path of the API that takes samples."""
_NO_DISK = frozenset({"squashfs", "overlay", "tmpfs", "devtmpfs", "iso9660", "erofs"})

Sample = tuple[str, str, float, Mapping[str, str]]
"""Name, unit, value and labels."""


def host_samples() -> Iterator[Sample]:
    """Read the metrics of this host.

    Yields:
        Shares between 0 and 1, bytes, counts since the start of the host, seconds.
    """
    yield "system.cpu.utilization", "1", psutil.cpu_percent() / 100, {}
    yield "system.cpu.logical.count", "{cpu}", float(psutil.cpu_count() or 1), {}
    for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield f"system.cpu.load_average.{minutes}m", "{thread}", load, {}
    memory = psutil.virtual_memory()
    yield "system.memory.utilization", "1", memory.percent / 100, {}
    yield "system.memory.available", "By", float(memory.available), {}
    yield "system.paging.utilization", "1", psutil.swap_memory().percent / 100, {}
    yield "system.uptime", "s", _uptime(), {}
    yield from _filesystems()
    yield from _counters()


def _uptime() -> float:
    try:
        with open("/proc/uptime", encoding="ascii") as file:  # noqa: PTH123 - of the kernel
            return float(file.read().split()[0])
    except OSError:
        import time

        return max(0.0, time.time() - psutil.boot_time())


def _filesystems() -> Iterator[Sample]:
    for part in psutil.disk_partitions():
        if part.fstype in _NO_DISK or "ro" in part.opts.split(","):
            continue
        labels = {"system.filesystem.mountpoint": part.mountpoint}
        try:
            used, inodes = psutil.disk_usage(part.mountpoint), os.statvfs(part.mountpoint)
        except OSError:  # gone meanwhile, or not ours to look at
            continue
        yield "system.filesystem.utilization", "1", used.percent / 100, labels
        yield "system.filesystem.free", "By", float(used.free), labels
        if inodes.f_files:
            share = 1 - inodes.f_favail / inodes.f_files
            yield "system.filesystem.inodes.utilization", "1", share, labels


def _counters() -> Iterator[Sample]:
    for device, found in psutil.net_io_counters(pernic=True).items():
        if device == "lo":
            continue
        for direction, number in (("receive", found.bytes_recv), ("transmit", found.bytes_sent)):
            labels = {"network.interface.name": device, "network.io.direction": direction}
            yield "system.network.io", "By", float(number), labels
        for direction, number in (("receive", found.errin), ("transmit", found.errout)):
            labels = {"network.interface.name": device, "network.io.direction": direction}
            yield "system.network.errors", "{error}", float(number), labels
    disks: Any = psutil.disk_io_counters(perdisk=True) or {}
    for device, found in disks.items():
        for direction, number in (("read", found.read_bytes), ("write", found.write_bytes)):
            labels = {"system.device": device, "disk.io.direction": direction}
            yield "system.disk.io", "By", float(number), labels


def body_of_samples(samples: Iterator[Sample], host: str, now: datetime) -> tuple[bytes, int]:
    """Return samples as the API takes them, each with its time, so that one that repeats is known.

    Args:
        samples: of this host
        host: its name, for `host.name`
        now: when they were read

    Returns:
        A JSON list, and how many they are.
    """
    at = now.isoformat()
    made = [
        {"name": name, "unit": unit, "value": value, "timestamp": at,
         "labels": {"host.name": host, **labels}}
        for name, unit, value, labels in samples
    ]  # fmt: skip
    return orjson.dumps(made), len(made)
