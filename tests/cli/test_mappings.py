"""`sentinel mapping …`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import Run

MINE = "name: mine\neach: body\nlabels: {check: item.name}\ntitle: item.name\n"


def test_mappings_are_listed_and_shown(run: Run):
    code, out, _ = run("mapping", "list")
    assert code == 0
    assert "github" in out
    assert "cloudevents" in out
    code, out, _ = run("mapping", "show", "github")
    assert "X-Hub-Signature-256" in out
    code, out, _ = run("mapping", "show", "github", "--json")
    assert json.loads(out)["authentication"]["signature"]["prefix"] == "sha256="
    code, _, err = run("mapping", "show", "nothing")
    assert code == 3
    assert "github" in err


def test_a_mapping_is_tried_on_a_sample(run: Run, tmp_path: Path):
    mine, sample = tmp_path / "mine.yaml", tmp_path / "sample.json"
    mine.write_text(MINE)
    sample.write_text('[{"name": "disk"}, {"x": 1}]')
    code, out, err = run("mapping", "test", str(mine), str(sample), "--json")
    made = json.loads(out)
    assert (code, made["alerts"][0]["labels"]) == (1, {"check": "disk"})
    assert "item 1: labels" in err
    sample.write_text('{"object_kind": "push"}')
    code, out, _ = run("mapping", "test", "gitlab", str(sample), "-H", "X-Gitlab-Event: Push Hook")
    assert (code, out) == (0, "ignored: the mapping ignores such messages\n")


@pytest.mark.parametrize(
    ("text", "words"), [("name: mine", "labels"), (MINE + "when: bdy.x\n", "when")]
)
def test_a_mapping_that_is_wrong_is_explained(run: Run, tmp_path: Path, text: str, words: str):
    mine, sample = tmp_path / "mine.yaml", tmp_path / "sample.json"
    mine.write_text(text)
    sample.write_text("{}")
    code, _, err = run("mapping", "test", str(mine), str(sample))
    assert code == 2
    assert words in err
    assert run("mapping", "test", str(tmp_path / "none.yaml"), str(sample))[0] == 2


def test_a_file_of_the_folder_that_is_wrong_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "broken.yaml").write_text("name: [")
    monkeypatch.setenv("SENTINEL_MAPPINGS", str(tmp_path))
    code, out, err = run("mapping", "list")
    assert code == 2
    assert "github" in out
    assert "broken.yaml" in err
