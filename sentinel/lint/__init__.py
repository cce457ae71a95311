"""Checks a `prefect.yaml` before it is rolled out: `python -m sentinel.lint prefect.yaml`."""

from sentinel.lint.deployment_file import lint_entries, lint_file, lint_files

__all__ = ["lint_entries", "lint_file", "lint_files"]
