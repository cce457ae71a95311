"""The routing tree against Debian's amtool, on random trees and labels.

`amtool_answers.json` holds answers of amtool 0.25 for where it is not installed; run
`python -m tests.notifications.test_routes_against_amtool` to write them anew.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.notifications.routing import Route, compiled

AMTOOL = shutil.which("amtool")
ANSWERS = Path(__file__).with_name("amtool_answers.json")
NAMES = ("a", "b", "c")
VALUES = ("x", "y", "xy", "ü", "x y")
MATCHERS = (
    '{n}="{v}"', '{n}!="{v}"', '{n}={v}', '{n}=~"x.*"', '{n}=~"x|y"', '{n}!~"x.+"', '{n}=~".*"',
    '{n}=""', '{n}!=""', '{n}=~".+"', '{{{n}="{v}",b!="y"}}', '{n}=~"[xy]"', '{n}!~""',
)  # fmt: skip


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


def cases(seed: int, folder: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    """A random tree, labels, and the receivers that amtool names for them."""
    chance = random.Random(seed)
    receivers: list[str] = []
    route = node(chance, 0, receivers)
    text = yaml.safe_dump({"route": route}, allow_unicode=True)
    config = folder / "alertmanager.yml"
    names = [{"name": name} for name in receivers]
    config.write_text(text + yaml.safe_dump({"receivers": names}), "utf-8")
    for _ in range(4):
        some = chance.sample(NAMES, chance.randrange(1, 4))
        labels = {name: chance.choice(VALUES) for name in some}
        given = [f'{name}="{value}"' for name, value in labels.items()]
        command = [str(AMTOOL), "config", "routes", "test", f"--config.file={config}", *given]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        yield text, labels, done.stdout.strip()


def ours(text: str, labels: dict[str, str]) -> str:
    ways = compiled(text).ways(labels, own=False)
    return ",".join(name for one in ways if isinstance(one, Route) for name in one.receivers)


@pytest.mark.skipif(
    AMTOOL is None, reason="amtool is not installed: apt-get install prometheus-alertmanager"
)
@pytest.mark.parametrize("seed", range(25))
def test_alerts_go_where_alertmanager_would_send_them(seed: int, tmp_path: Path):
    for text, labels, answer in cases(seed, tmp_path):
        assert ours(text, labels) == answer, (text, labels)


def test_alerts_go_where_alertmanager_once_said():
    given = json.loads(ANSWERS.read_text("utf-8"))
    assert sum(len(answers) for answers in given.values()) == 60
    for text, answers in given.items():
        assert [ours(text, labels) for labels, _ in answers] == [answer for _, answer in answers]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        written: dict[str, list[Any]] = {}
        for seed in range(100, 115):
            for text, labels, answer in cases(seed, Path(folder)):
                written.setdefault(text, []).append([labels, answer])
    ANSWERS.write_text(json.dumps(written, ensure_ascii=False) + "\n", "utf-8")
