"""What is rolled out: a `prefect.yaml`, with or without the demo rules, and whether again.

It stays an ordinary `prefect.yaml`; `prefect deploy --all` alone does the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_loader import read_yaml
from sentinel.printable import counted
from sentinel.settings.private_file import write_private
from sentinel.up.home import Home
from sentinel.up.plan import Options, root_of_code

__all__ = [
    "DEMO", "Rollout", "demo_paused", "demo_to_pause", "deployments_in_words", "find_rules",
]  # fmt: skip

DEMO = "demo"
"""Tag of the deployments that `--no-demo` leaves out."""
_RULES = "flows.rules."
"""The entrypoint of a rule begins with this."""
_DEMO_FILE = "demo-rules.json"
_MOST_NAMED = 5
_CODE = ("sentinel", "flows", "triggers", "blocks")


def find_rules(options: Options) -> Path | None:
    """Find the `prefect.yaml` to roll out: the one asked for, else ours, else the one here.

    Returns:
        The file, or None where there is none.

    Raises:
        ConfigurationError: the one asked for does not exist
    """
    if options.rules is not None:
        if not options.rules.is_file():
            raise ConfigurationError(
                f"there is no file {options.rules}", hint="Give --rules a prefect.yaml."
            )
        return options.rules.resolve()
    for folder in (root_of_code(), Path.cwd()):
        if (folder / "prefect.yaml").is_file():
            return folder / "prefect.yaml"
    return None


class Rollout:
    """A `prefect.yaml` as this start rolls it out.

    Args:
        source: the file
        demo: with the demo rules

    Raises:
        ConfigurationError: it is no such file
    """

    def __init__(self, source: Path, *, demo: bool) -> None:
        self.source = source
        try:
            content: Any = read_yaml(source.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(
                f"{source} cannot be read: {' '.join(str(error).split())}",
                hint="Mend it; until then no rule is rolled out.",
            ) from error
        self._content, entries = _read(content, source)
        # The demo first: its first look is what a newcomer waits for.
        self._kept = [entry for entry in entries if demo and _is_demo(entry)]
        self._kept += [entry for entry in entries if not _is_demo(entry)]

    @property
    def names(self) -> list[str]:
        """Names of the deployments, in the file's order."""
        return [str(entry["name"]) for entry in self._kept]

    @property
    def in_words(self) -> str:
        """The number of rules, and the names of the other deployments."""
        return deployments_in_words(self._kept)

    def digest(self, api: str) -> str:
        """Changes with the rules, with any code that they are made of, and with the server."""
        sum_ = hashlib.sha256(f"{api}\n{self._text()}".encode())
        for package in _CODE:
            for file in sorted((root_of_code() / package).rglob("*.py")):
                sum_.update(str(file).encode())
                sum_.update(file.read_bytes())
        return sum_.hexdigest()

    def write(self, home: Home) -> Path:
        """Write the file that is rolled out, and return its path."""
        path = home.root / "rollout.yaml"
        # Rules may hold what only this user may read.
        write_private(path, f"# Made by `sentinel up` from {self.source}\n{self._text()}")
        return path

    def is_done(self, home: Home, digest: str) -> bool:
        """Return whether exactly this was rolled out before.

        Deploying again would be harmless but for the seconds, and for pauses made in the
        Prefect UI, which it undoes.

        Returns:
            Whether the last rollout had this digest.
        """
        try:
            done = msgspec.json.decode((home.root / "rollout.json").read_bytes(), type=str)
        except (FileNotFoundError, msgspec.DecodeError):
            return False
        return done == digest

    def missing(self, present: Sequence[str]) -> list[str]:
        """Which deployments are not among those `present`."""
        return sorted(set(self.names) - set(present))

    def done(self, home: Home, digest: str) -> None:
        """Keep that this was rolled out."""
        write_private(home.root / "rollout.json", msgspec.json.encode(digest).decode())

    def keep_demo(self, home: Home) -> None:
        """Keep the names of the demo rules that a start has deployed, if it deployed any."""
        names = [str(entry["name"]) for entry in self._kept if _is_demo(entry)]
        if names:
            write_private(home.root / _DEMO_FILE, msgspec.json.encode(names).decode())

    def _text(self) -> str:
        return yaml.safe_dump(
            {**self._content, "deployments": list(self._kept)}, sort_keys=False, allow_unicode=True
        )


def demo_to_pause(home: Home, deployments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the demo rules that an earlier start deployed and that still run.

    A demo rule that somebody deployed otherwise, or after `demo_paused`, is theirs.

    Args:
        home: where starts keep what they deployed
        deployments: those with the tag `DEMO`, as Prefect's API returns them

    Returns:
        The ids, in the order of `deployments`.
    """
    try:
        names = msgspec.json.decode((home.root / _DEMO_FILE).read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError):
        return []
    return [str(one["id"]) for one in deployments if one["name"] in names and not one.get("paused")]


def demo_paused(home: Home) -> None:
    """Forget which demo rules a start deployed, since they are paused."""
    (home.root / _DEMO_FILE).unlink(missing_ok=True)


def deployments_in_words(deployments: Sequence[Mapping[str, Any]]) -> str:
    """Return how many deployments are rules, and which are not.

    Args:
        deployments: entries of a file, or deployments as Prefect's API returns them

    Returns:
        words such as `5 rules, and the deployments notify, retention and sweep`
    """
    rules = [one for one in deployments if str(one.get("entrypoint") or "").startswith(_RULES)]
    others = sorted(str(one["name"]) for one in deployments if one not in rules)
    said = counted(len(rules), "rule")
    if not others:
        return said
    if len(others) > _MOST_NAMED:
        return f"{said}, and {len(others)} other deployments"
    named = " and ".join(filter(None, (", ".join(others[:-1]), others[-1])))
    return f"{said}, and the deployment{'s' if len(others) > 1 else ''} {named}"


def _read(content: object, source: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The whole file and its deployments, where it is one."""
    try:
        whole = msgspec.convert(content, dict[str, Any])
        entries = msgspec.convert(whole.get("deployments"), list[dict[str, Any]])
    except msgspec.ValidationError as error:
        raise _unusable(source) from error
    if not all(entry.get("name") for entry in entries):
        raise _unusable(source)
    return whole, entries


def _unusable(source: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{source} has no list `deployments` of entries with a name",
        hint="Write it as Prefect's documentation of prefect.yaml shows.",
    )


def _is_demo(entry: Mapping[str, Any]) -> bool:
    return DEMO in (entry.get("tags") or [])
