"""What a page quotes from a command is what the command prints."""

from __future__ import annotations

import pytest

from sentinel.cli import deploy
from sentinel.rollout.diff import Difference
from sentinel.rollout.plan import Step
from tests.docs.pages import DOCS, blocks


def test_the_drift_of_a_rule_is_printed_as_the_page_shows_it(capsys: pytest.CaptureFixture[str]):
    step = Step(
        kind="changed",
        name="disk-space",
        file="prefect.yaml",
        differences=[Difference(place="rule.when.above", there=90, here=95)],
        drift=True,
    )
    deploy._say([step], dry_run=True, seconds=1, nothing="")  # pyright: ignore[reportPrivateUsage]  # the printing
    printed = capsys.readouterr().out
    (quoted,) = [
        block.text for block in blocks(DOCS / "how-to/roll-out-rules.md") if not block.language
    ]
    assert printed.startswith(quoted)
