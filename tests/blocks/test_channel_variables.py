"""Variables of other systems that define channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.channel_variables import AlertVariables


def test_a_recipient_may_have_a_name_with_a_comma(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALERT_EMAIL_TO", '"Doe, Jane" <jane@x.org>, ops@x.org')
    assert AlertVariables().recipients == ['"Doe, Jane" <jane@x.org>', "ops@x.org"]
