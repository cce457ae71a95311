"""What runs a command: its exit code, and what it printed and complained."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
