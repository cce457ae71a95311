"""The modules that files of the older contract import: `app.alert_triggers` and `app.models`.

They are found only where no other `app` is: Python asks this finder last. So a file with
`from app.alert_triggers import BaseTrigger` loads as it is, and an `app` of the user's own wins.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

from sentinel.checks.legacy import AlertOutput, BaseTrigger

__all__ = ["install"]

_HOLDS: dict[str, dict[str, object]] = {
    "app": {},
    "app.alert_triggers": {"BaseTrigger": BaseTrigger, "AlertOutput": AlertOutput},
    "app.models": {"AlertOutput": AlertOutput},
}


class _Older(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _HOLDS or (path is not None and list(path)):
            return None  # `path` is empty for the parts of our own `app` only
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "app")

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_HOLDS[module.__name__])


_older = _Older()


def install() -> None:
    """Have Python find the modules of the older contract; again is the same as once."""
    if _older not in sys.meta_path:
        sys.meta_path.append(_older)
