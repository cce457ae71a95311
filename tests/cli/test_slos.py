"""`sentinel slo`: SLOs as YAML, how they stand, here and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from sentinel.api import create_app
from sentinel.errors import Conflict
from sentinel.rollout.rule_draft import Draft
from sentinel.rollout.slo_rules import save_slo
from sentinel.settings import Settings
from sentinel.slo.definition import definition_of, from_yaml
from sentinel.store import Store
from sentinel.store.slo.slos import Measurement, Slos
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import sqlite_copy

if TYPE_CHECKING:
    from sentinel.rollout.made_rules import MadeRules

FILE = """slos:
- name: checkout
  team: shop
  objectives:
  - target: 99.0
"""


class Rules:
    """Stands in for the deployments of Prefect; `test_slos` of the API makes real ones."""

    def __init__(self) -> None:
        self.made = list[str]()
        self.trigger = "slo_burn_rate"

    def find(self, name: str, tenant: str) -> str | None:
        return name if name in self.made else None

    def create(self, draft: Any, **_: Any) -> None:
        self.made.append(draft.name)

    def change(self, name: str, _: str, edit: Any, **__: Any) -> None:
        assert name in self.made
        given = {"slo": "old", "ahead_hours": 72}
        changed, _ = edit(Draft(trigger=self.trigger, parameters=given, rule={"name": name}))
        # What people gave the check beside the SLO stays.
        assert {"slo": "checkout", "ahead_hours": 72}.items() <= changed.parameters.items()

    def delete(self, name: str, *_: Any, **__: Any) -> None:
        self.made.remove(name)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Rules:
    rules = Rules()

    @contextmanager
    def made(_: Store) -> Generator[Rules]:
        yield rules

    monkeypatch.setattr("sentinel.cli.slos._made_rules", made)
    return rules


@pytest.fixture
def store(
    run: Run, tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Store]:
    """The database here."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "here.db")
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def there(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Store]:
    """The same, which commands only reach over HTTP."""
    given = {"home": tmp_path / "server", "api_token": TOKEN}
    app = create_app(Settings.model_validate(given), store=store, relay=False)
    with served(app, lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        monkeypatch.setenv("SENTINEL_DATABASE_URL", "sqlite:////nowhere/at/all.db")
        yield store


def measures(store: Store) -> None:
    """98 of 100 events are good, of 99%."""
    Slos(store).save(definition_of({**from_yaml(FILE)[0].model_dump()}), actor="ann")
    at = store.now() - timedelta(hours=1)
    Slos(store).measure("checkout", [Measurement(98, 100, at)])


def told(run: Run, *arguments: str) -> Any:
    code, out, err = run("slo", *arguments)
    assert code == 0, err
    return json.loads(out) if "--json" in arguments else out


def shows_how_it_stands(run: Run) -> None:
    (one,) = told(run, "list", "--json")
    assert (one["rule"], one["status"]["health"]) == ("slo-checkout", "violated")
    assert told(run, "list", "--tenant", "acme", "--json") == []
    row = told(run, "list").splitlines()[1]
    assert row.split() == ["checkout", "default", "shop", "99%", "over", "30", "days", "violated",
                           "98%", "-100.0%", "2"]  # fmt: skip
    (objective,) = told(run, "status", "checkout", "--json")["objectives"]
    assert (objective["bad_events"], objective["burn_rate"]) == (2, pytest.approx(2))
    assert "violated" in told(run, "status", "checkout")
    assert told(run, "show", "checkout") == FILE
    assert told(run, "show", "checkout", "--json")["version"] == 1
    assert "1 SLOs, 1 objectives: 1 violated." in told(run, "report")
    assert "1 violated" in told(run, "report", "--days", "7", "--json")["text"]
    code, _, err = run("slo", "status", "nothing")
    assert (code, "there is no SLO 'nothing'" in err) == (3, True)


def test_slos_and_how_they_stand_are_printed(store: Store, run: Run) -> None:
    assert told(run, "list").startswith("No SLOs.")
    measures(store)
    shows_how_it_stands(run)
    assert "<td>checkout</td>" in told(run, "report", "--html")


def test_over_http_they_are_the_same(there: Store, run: Run, tmp_path: Path) -> None:
    measures(there)
    shows_how_it_stands(run)
    assert "/api/slo/report?format=html" in run("slo", "report", "--html")[2]
    file = tmp_path / "slos.yaml"
    file.write_text(FILE)
    assert told(run, "apply", str(file)) == "unchanged: checkout\n"
    file.write_text(FILE.replace("99.0", "99.5"))
    assert told(run, "apply", str(file), "--dry-run") == "would be changed: checkout\n"
    assert run("slo", "apply", str(file))[0] == 5  # the server has no Prefect
    assert run("slo", "remove", "checkout")[0] == 5
    assert Slos(there).get("checkout").version == 1


def test_files_are_applied_with_their_rules(
    store: Store, rules: Rules, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "slos.yaml"
    file.write_text(FILE)
    assert told(run, "apply", str(file), "--dry-run") == "would be created: checkout\n"
    assert (Slos(store).list(), rules.made) == ([], [])
    assert told(run, "apply", str(file)) == "created: checkout\n"
    assert rules.made == ["slo-checkout"]
    assert Slos(store).get("checkout").saved_by == "ada"
    file.write_text(FILE.replace("shop", "web"))
    assert told(run, "apply", str(file), "--json") == [{"name": "checkout", "change": "changed"}]
    code, _, err = run("slo", "apply", str(file), str(file))
    assert (code, "two SLOs of the files have the name 'checkout'" in err) == (2, True)
    other = tmp_path / "other.yaml"
    other.write_text("slos: [{name: other, objectives: []}]")
    code, _, err = run("slo", "apply", str(file), str(other))
    assert (code, f"{other}: slos.0.objectives: " in err) == (2, True)
    assert "its rule slo-checkout and its events" in told(run, "remove", "checkout")
    assert (Slos(store).list(), rules.made) == ([], [])


def test_files_of_sloth_are_translated(run: Run, tmp_path: Path) -> None:
    file, made = tmp_path / "sloth.yml", tmp_path / "slos.yaml"
    file.write_text(
        "version: prometheus/v1\nservice: shop\nlabels: {a: b}\nslos: [{name: buy, objective: 99, "
        "sli: {events: {error_query: 'sum(bad)', total_query: 'sum(every)'}}}]"
    )
    code, out, err = run("slo", "import", str(file))
    assert (code, from_yaml(out)[0].name) == (0, "shop-buy")
    assert "left out: " in err
    assert "labels a" in err
    assert f"Next: sentinel slo apply {made}" in told(run, "import", str(file), "-o", str(made))
    assert made.read_text() == out
    assert "exists already" in run("slo", "import", str(file), "-o", str(made))[2]
    found = told(run, "import", str(file), "--json")
    assert (found["slos"][0]["name"], found["notes"][0]["kind"]) == ("shop-buy", "left out")


def test_a_save_that_a_crash_cut_short_is_completed_by_the_next(
    store: Store, rules: Rules, monkeypatch: pytest.MonkeyPatch
):
    slo = definition_of({"name": "checkout", "objectives": [{"target": 99.0}]})

    def crashes(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    slos = Slos(store)
    with monkeypatch.context() as crash:
        crash.setattr(Slos, "save", crashes)
        with pytest.raises(KeyboardInterrupt):
            save_slo(store, slos, cast("MadeRules", rules), slo, actor="ann")
    assert (rules.made, slos.list()) == (["slo-checkout"], [])  # its rule says that it has no SLO
    saved = save_slo(store, slos, cast("MadeRules", rules), slo, actor="ann")
    assert (saved.version, rules.made) == (1, ["slo-checkout"])


def test_a_rule_with_another_check_is_not_taken_for_that_of_an_slo(store: Store, rules: Rules):
    slo = definition_of({"name": "checkout", "team": "web", "objectives": [{"target": 99.0}]})
    rules.made, rules.trigger = ["slo-checkout"], "disk_space"
    with pytest.raises(Conflict, match="is not of an SLO: its check is disk_space"):
        save_slo(store, Slos(store), cast("MadeRules", rules), slo, actor="ann")
    assert (Slos(store).list(), rules.made) == ([], ["slo-checkout"])
