"""Reads the files of `deployments/` by the tools that would start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sentinel.settings import Settings

__all__ = ["COMPOSE", "KUBERNETES", "ROOT", "compose", "rendered", "unknown_settings"]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deployments" / "compose"
KUBERNETES = ROOT / "deployments" / "kubernetes"
_TOOLS = Path(sys.executable).parent
_OTHERS = ("SENTINEL_TELEMETRY_PASSWORD", "SENTINEL_TELEMETRY_READ_PASSWORD")
"""Variables of the telemetry store's process, which are no settings."""


@cache
def compose(*files: str) -> dict[str, Any]:
    """What Docker Compose itself makes of some files."""
    named = [part for name in files for part in ("-f", str(COMPOSE / name))]
    done = subprocess.run(
        [_TOOLS / "docker-compose", *named, "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "variable is not set" not in done.stderr, done.stderr
    return json.loads(done.stdout)


@cache
def rendered(folder: Path) -> list[dict[str, Any]]:
    """The objects that `kubectl apply -k` of a folder would send."""
    done = subprocess.run(
        [_TOOLS / "kubectl", "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def unknown_settings(names: set[str]) -> set[str]:
    """Return the variables `SENTINEL_…` that no setting has."""
    own = {name.removesuffix("_FILE") for name in names if name.startswith("SENTINEL_")}
    worker = {name for name in own if name.startswith("SENTINEL_WORKER_")}
    fields = {f"SENTINEL_{name.upper()}" for name in Settings.model_fields}
    return own - fields - worker - set(_OTHERS)
