"""The configuration of the agent, and that the agent is small."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sentinel.agent.config import config_of
from sentinel.cli.agent import commands
from sentinel.errors import ConfigurationError

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "run-the-agent.md"
LEAST = "url: https://sentinel.example.com:8400\ntoken_file: /t\nstate: /s\n"
ALL = f"""{LEAST}host: web-1
buffer: 2MB
metrics: {{every: 30s}}
heartbeat: {{}}
syslog: {{port: 5514}}
files:
  - {{path: "/var/log/*.log", service: nginx, format: json, start: beginning}}
"""


def test_a_whole_configuration_is_read():
    found = config_of(ALL, "agent.yaml")
    assert (found.most_bytes, found.host) == (2_000_000, "web-1")
    assert found.files[0].format == "json"
    assert found.heartbeat is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("url: [", "agent.yaml: no YAML"),
        (LEAST, "files: there is nothing to send"),
        ("url: https://a\nstate: /s\nmetrics: {}\n", "missing required field `token_file`"),
        (LEAST + "metrics: {}\nmetric: {}\n", "unknown field `metric`"),
        (LEAST.replace("https://", "https://me:pass@") + "metrics: {}\n", "url: .* no address"),
        (LEAST.replace("8400", "x") + "metrics: {}\n", "url: .* no address"),
        (LEAST.replace("sentinel.", "sen tinel.") + "metrics: {}\n", "url: .* no address"),
        (LEAST.replace("sentinel.", "sentinel..") + "metrics: {}\n", "url: .* no address"),
        (LEAST.replace("sentinel.", "s" * 64 + ".") + "metrics: {}\n", "url: .* no address"),
        (LEAST + "metrics: {every: 1s}\n", "metrics.every: 1s is shorter than 5s"),
        (LEAST + "metrics: {every: soon}\n", "metrics.every: "),
        (LEAST + "files: [{path: logs/*.log}]\n", r"files\[0\].path: .* does not begin with /"),
        (LEAST + "files: [{path: /a, format: xml}]\n", r"files\[0\].format: Invalid enum"),
        (LEAST + "buffer: 10KB\nmetrics: {}\n", "buffer: .10KB. is no size of 1MB or more"),
        (LEAST + "syslog: {port: 70000}\n", "syslog.port: 70000 is no port"),
        (LEAST + "heartbeat: {job: 'a b'}\n", "heartbeat.job: 'a b' is no name"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        config_of(text, "agent.yaml")


def test_the_configuration_of_the_how_to_and_of_the_help_are_read():
    (shown,) = re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(), re.S)
    found = config_of(textwrap.dedent(shown), "the how-to")
    assert [one.service for one in found.files] == ["nginx", "shop"]
    in_help = str(commands.info.help).partition("left out:\n")[2]
    assert config_of(textwrap.dedent(in_help), "the help").syslog is not None


def test_it_imports_no_part_of_the_product_that_is_large():
    """A host without a worker has little memory to spare."""
    code = (
        "import sentinel.agent.run, sentinel.agent.check, sentinel.cli.agent, sys;"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'prefect', 'streamlit', "
        "'fastapi', 'starlette', 'sqlalchemy', 'pandas', 'numpy', 'pyarrow'})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
