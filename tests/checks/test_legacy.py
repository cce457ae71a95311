"""Classes of the older contract work as they are, found like every trigger."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sentinel import Context
from sentinel.checks import catalog
from sentinel.checks.legacy import AlertOutput, BaseTrigger, adapt
from sentinel.errors import ReadingError, TriggerError

OWN_BASE = """
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class Importance(Enum):
    HIGH = "HIGH"


@dataclass
class AlertOutput:
    triggered: bool
    importance: Importance
    ticker: str | None
    message: str
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime = field(default_factory=lambda: datetime(2026, 1, 1, 12))


class BaseTrigger(ABC):
    @abstractmethod
    def get_name(self): ...
    @abstractmethod
    def get_description(self): ...
    @abstractmethod
    def get_default_params(self): ...
    @abstractmethod
    async def check(self, params): ...
"""

SURGE = '''
import asyncio

from {package}._base import AlertOutput, BaseTrigger, Importance


class SurgeTrigger(BaseTrigger):
    """Prices."""

    def get_name(self):
        return "Price Surge (old)"

    def get_description(self):
        return "Tells when the price of a ticker jumps."

    def get_default_params(self):
        return {{"ticker": "IBM", "threshold": 5, "loud": False}}

    async def check(self, params):
        await asyncio.sleep(0)
        jump = 7.5
        return AlertOutput(
            triggered=jump > params["threshold"],
            importance=Importance.HIGH,
            ticker=params["ticker"],
            message=f"{{params['ticker']}} up {{jump}} percent",
            metadata={{"jump": jump}},
        )
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    package = tmp_path / f"older_{tmp_path.name.replace('-', '_')}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_base.py").write_text(OWN_BASE)
    (package / "surge.py").write_text(SURGE.format(package=package.name))
    yield package
    for name in [n for n in sys.modules if n.split(".")[0] == package.name]:
        del sys.modules[name]


def test_a_class_with_a_base_of_its_own_is_found_and_works(folder: Path):
    found = catalog.load(folder.name)
    assert (list(found.triggers), found.broken) == (["surge"], [])
    trigger = found.get("surge")
    (reading,) = trigger.check().readings
    assert reading.labels == {"ticker": "IBM"}
    assert (reading.firing, reading.severity) == (True, "high")
    assert reading.summary == "IBM up 7.5 percent"
    assert reading.details == {"jump": 7.5}
    assert reading.at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    (other,) = trigger.check(ticker="MSFT", threshold=9.5).readings
    assert (other.labels, other.firing, other.severity) == ({"ticker": "MSFT"}, False, None)


def test_its_parameters_are_a_form(folder: Path):
    trigger = catalog.find("price_surge_old", folder.name)
    assert {p.name: (p.annotation, p.default) for p in trigger.parameters} == {
        "ticker": (str, "IBM"),
        "threshold": (int | float, 5),
        "loud": (bool, False),
    }
    assert trigger.__doc__ == "Tells when the price of a ticker jumps."


def test_it_has_a_flow_like_every_trigger(folder: Path):
    from flows.rules import flow_of

    flow = flow_of(catalog.find("surge", folder.name))
    assert flow.name == "surge"
    schema = flow.parameters.model_dump()["properties"]
    assert set(schema) == {"ticker", "threshold", "loud", "rule"}
    assert schema["threshold"]["default"] == 5


def test_the_name_that_it_had_before_still_finds_it(folder: Path):
    assert catalog.find("price_surge_old", folder.name).name == "surge"


def test_two_classes_in_one_file_have_the_names_that_they_give(folder: Path):
    one = SURGE.format(package=folder.name)
    other = one.replace("SurgeTrigger", "DropTrigger").replace("Price Surge (old)", "Price Drop")
    (folder / "surge.py").write_text(one + other)
    assert sorted(catalog.load(folder.name).triggers) == ["price_drop", "price_surge_old"]


def test_it_loads_with_the_imports_that_users_have(folder: Path):
    text = SURGE.format(package=folder.name).replace(
        f"from {folder.name}._base import AlertOutput, BaseTrigger, Importance",
        "from app.alert_triggers import BaseTrigger\nfrom app.models import AlertOutput",
    )
    text = text.replace("Importance.HIGH", '"high"').replace(
        'metadata={"jump": jump},', "timestamp=datetime(2026, 1, 1, 12, tzinfo=UTC),"
    )
    (folder / "as_it_is.py").write_text(f"from datetime import UTC, datetime\n{text}")
    found = catalog.load(folder.name)
    assert found.broken == []
    (reading,) = found.get("as_it_is").check().readings
    assert (reading.labels, reading.firing, reading.severity) == ({"ticker": "IBM"}, True, "high")
    assert reading.at == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_an_app_of_the_users_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [n for n in sys.modules if n.split(".")[0] == "app"]:
        monkeypatch.delitem(sys.modules, name)
    own = tmp_path / "app"
    own.mkdir()
    (own / "__init__.py").write_text("mine = True")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    assert importlib.import_module("app").mine
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("app.models")
    for name in [n for n in sys.modules if n.split(".")[0] == "app"]:
        del sys.modules[name]


def test_it_may_come_through_an_entry_point(folder: Path, monkeypatch: pytest.MonkeyPatch):
    point = EntryPoint("older", f"{folder.name}.surge:SurgeTrigger", catalog.GROUP)

    def points(group: str) -> list[EntryPoint]:
        return [point]

    monkeypatch.setattr(catalog, "entry_points", points)
    found = catalog.load("no_such_package")
    assert list(found.triggers) == ["surge"]


def test_a_class_that_cannot_be_used_breaks_only_its_file(folder: Path):
    (folder / "needy.py").write_text(
        (folder / "surge.py").read_text().replace("    def get_name", "    def __init__(self, key):"
        "\n        pass\n\n    def get_name")
    )  # fmt: skip
    found = catalog.load(folder.name)
    assert list(found.triggers) == ["surge"]
    (broken,) = found.broken
    assert broken.source == f"{folder.name}.needy"
    assert "SurgeTrigger cannot be made" in broken.error
    assert broken.cure == "Give every argument of its __init__ a default."
    assert (Path(broken.file).name, broken.line) == ("needy.py", 7)


def answering(*answers: Any) -> Callable[..., Any]:
    """A trigger of a class whose checks answer these one after the other."""
    left = list(answers)

    class Answering(BaseTrigger):
        def get_name(self) -> str:
            return "answering"

        def get_description(self) -> str:
            return ""

        def get_default_params(self) -> dict[str, Any]:
            return {}

        async def check(self, params: dict[str, Any]) -> Any:
            return left.pop(0)

    trigger = adapt(Answering)
    state: dict[str, Any] = {}

    def evaluate() -> tuple[dict[str, bool | None], list[str]]:
        seen = trigger.check(ctx=Context(state=state))
        assert seen.state is not None
        state.clear()
        state.update(seen.state)
        return (
            {reading.labels.get("ticker", ""): reading.firing for reading in seen.readings},
            [labels.get("ticker", "") for labels in seen.not_seen],
        )

    return evaluate


def test_what_alerts_and_is_not_spoken_of_keeps_its_state():
    evaluate = answering(
        AlertOutput(True, ticker="IBM"),
        AlertOutput(True, ticker="MSFT"),
        AlertOutput(False, ticker="MSFT"),
        AlertOutput(False),
        AlertOutput(False),
    )
    assert evaluate() == ({"IBM": True}, [])
    assert evaluate() == ({"MSFT": True}, ["IBM"])
    assert evaluate() == ({"MSFT": False}, ["IBM"])
    assert evaluate() == ({"": False}, [])  # all is well: closed-world
    assert evaluate() == ({"": False}, [])


def test_several_outputs_at_once():
    evaluate = answering([AlertOutput(True, ticker="IBM"), AlertOutput(False, ticker="MSFT")])
    assert evaluate() == ({"IBM": True, "MSFT": False}, [])


@pytest.mark.parametrize("nonsense", [None, 5, "text", {"message": "no triggered"}])
def test_an_answer_that_is_none_is_refused(nonsense: Any):
    with pytest.raises(ReadingError, match=r"answering answered .*, not an AlertOutput"):
        answering(nonsense)()


@pytest.mark.parametrize(
    ("method", "value", "said"),
    [
        ("get_name", "123", "no name can be made"),
        ("get_default_params", ["most"], "gives a list"),
        ("get_default_params", {"rule": 1}, "the name 'rule'"),
        ("get_default_params", {"a b": 1}, "the name 'a b'"),
    ],
)
def test_a_name_or_default_that_no_form_can_show_is_explained(
    method: str, value: object, said: str
):
    class Odd:
        def get_name(self) -> object:
            return value if method == "get_name" else "fine"

        def get_description(self) -> str:
            return ""

        def get_default_params(self) -> object:
            return value if method == "get_default_params" else {}

        async def check(self, params: object) -> None:
            pass

    with pytest.raises(TriggerError, match=said):
        adapt(Odd)


def test_the_abstract_base_itself_is_no_trigger():
    module = ModuleType("older")
    module.BaseTrigger = BaseTrigger  # pyright: ignore[reportAttributeAccessIssue] - as an import
    assert not list(catalog._defined_in(module))  # pyright: ignore[reportPrivateUsage]
