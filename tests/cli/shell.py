"""What running `sentinel` gives a test."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Run"]

Run = Callable[..., tuple[int, str, str]]
"""Takes the arguments of `sentinel`; gives exit code, output and errors."""
