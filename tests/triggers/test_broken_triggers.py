"""broken_triggers says which files cannot be loaded, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.checks import catalog
from triggers import broken_triggers as module
from triggers.broken_triggers import broken_triggers


def test_all_that_is_shipped_can_be_loaded():
    (reading,) = broken_triggers.check().readings
    assert (reading.value, reading.firing) == (0, False)


def test_a_broken_file_is_an_alert_with_its_line_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    package = tmp_path / "dropped_in"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "half.py").write_text("x = 1\ndef half(:\n")
    (package / "lacks.py").write_text("import no_such_library\n")
    monkeypatch.setattr(module, "load", lambda: catalog.load("dropped_in"))
    whole, half, lacks = broken_triggers.check().readings
    assert (whole.value, whole.firing) == (2, False)
    assert half.labels == {"source": "dropped_in.half"}
    assert half.summary is not None
    assert half.summary.endswith("half.py, line 2). Correct that line.")
    assert lacks.details is not None
    assert lacks.details["cure"] == (
        "Install what provides 'no_such_library' where the workers run, or correct the import."
    )
    assert broken_triggers.closed_world
