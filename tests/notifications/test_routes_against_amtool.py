"""The routing tree against Debian's amtool, on random trees and labels."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.notifications.routing import Route, compiled

AMTOOL = shutil.which("amtool")
NAMES = ("a", "b", "c")
VALUES = ("x", "y", "xy", "ü", "x y")
MATCHERS = (
    '{n}="{v}"', '{n}!="{v}"', '{n}={v}', '{n}=~"x.*"', '{n}=~"x|y"', '{n}!~"x.+"', '{n}=~".*"',
    '{n}=""', '{n}!=""', '{n}=~".+"', '{{{n}="{v}",b!="y"}}', '{n}=~"[xy]"', '{n}!~""',
)  # fmt: skip

pytestmark = pytest.mark.skipif(
    AMTOOL is None, reason="amtool is not installed: apt-get install prometheus-alertmanager"
)


def node(chance: random.Random, depth: int, receivers: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if depth == 0 or chance.random() < 0.8:
        made["receiver"] = f"r{len(receivers)}"
        receivers.append(made["receiver"])
    if depth:
        made["matchers"] = [
            chance.choice(MATCHERS).format(n=chance.choice(NAMES), v=chance.choice(VALUES))
            for _ in range(chance.choice((1, 1, 1, 2)))
        ]
        made["continue"] = chance.random() < 0.35
    if depth < 3:
        below = range(chance.choice((0, 1, 2, 4)) if depth else 4)
        made["routes"] = [node(chance, depth + 1, receivers) for _ in below]
    return made


@pytest.mark.parametrize("seed", range(25))
def test_alerts_go_where_alertmanager_would_send_them(seed: int, tmp_path: Path):
    chance = random.Random(seed)
    receivers: list[str] = []
    route = node(chance, 0, receivers)
    text = yaml.safe_dump({"route": route}, allow_unicode=True)
    config = tmp_path / "alertmanager.yml"
    names = [{"name": name} for name in receivers]
    config.write_text(text + yaml.safe_dump({"receivers": names}), "utf-8")
    tree = compiled(text)
    for _ in range(4):
        some = chance.sample(NAMES, chance.randrange(1, 4))
        labels = {name: chance.choice(VALUES) for name in some}
        given = [f'{name}="{value}"' for name, value in labels.items()]
        command = [str(AMTOOL), "config", "routes", "test", f"--config.file={config}", *given]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        ways = [one for one in tree.ways(labels, own=False) if isinstance(one, Route)]
        assert ",".join(name for one in ways for name in one.receivers) == done.stdout.strip(), (
            text,
            labels,
        )
