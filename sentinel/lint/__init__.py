"""Checks a `prefect.yaml` before it is rolled out: `python -m sentinel.lint prefect.yaml`."""
