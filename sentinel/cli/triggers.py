"""`sentinel trigger …`: list triggers, show one, create one, and run one on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, fields, json_out, print_table, say

if TYPE_CHECKING:
    from sentinel.checks.trigger import Trigger

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Kinds of check: list them, create one, run one on this machine."
)

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the trigger.", show_default=False, autocompletion=completion.triggers
    ),
]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List all triggers. Exits with 1 if a file cannot be loaded.

    Example:
        sentinel trigger list --json

    Raises:
        Exit: with 1 if a file cannot be loaded
    """
    from sentinel.checks.catalog import load
    from sentinel.cli.exit_codes import Exit

    catalog = load()
    found = [catalog.triggers[name] for name in sorted(catalog.triggers)]
    if json:
        json_out({"items": [_short(one) for one in found], "broken": catalog.broken})
    else:
        print_table(
            ["TRIGGER", "CATEGORY", "CONDITION", "DESCRIPTION"],
            [
                (row["name"], row["category"], row["when"] or "of the rule", row["summary"])
                for row in map(_short, found)
            ],
            empty="There are no triggers.",
        )
        for broken in catalog.broken:
            say(f"Not loaded: {broken}. {broken.cure}".rstrip())
    if catalog.broken:
        raise typer.Exit(Exit.FAILED)


@commands.command()
def show(name: Name, json: AsJson = False) -> None:
    """Show one trigger: its description, parameters and an example rule.

    Example:
        sentinel trigger show disk_space
    """
    from sentinel.checks.form import form_of, summary_of
    from sentinel.cli.trigger_lookup import find_trigger

    trigger = find_trigger(name)
    schema: dict[str, Any] = form_of(trigger).model_json_schema()
    parameters: dict[str, dict[str, Any]] = schema.get("properties", {})
    needed: list[str] = schema.get("required", [])
    if json:
        json_out({**_short(trigger), "description": summary_of(trigger), "parameters": schema})
        return
    say(summary_of(trigger))
    say("")
    fields(
        {
            "category": trigger.category,
            "unit": trigger.unit,
            "condition": _when(trigger) or "of the rule",
            "series without a reading": "resolve" if trigger.closed_world else "",
            "acts on the world": "" if trigger.backtest else "yes",
            "module": trigger.module,
        }
    )
    say("")
    print_table(
        ["PARAMETER", "TYPE", "DEFAULT", "HELP"],
        [
            (
                parameter,
                _kind(about),
                "required" if parameter in needed else _shown(about.get("default")),
                about.get("description", ""),
            )
            for parameter, about in parameters.items()
        ],
        empty="It takes no parameters.",
    )
    say("")
    say("Example of a rule in prefect.yaml:")
    say("")
    say(_example(trigger, needed))


@commands.command()
def new(
    name: Annotated[
        str, typer.Argument(help="Lower-case letters, digits and _.", show_default=False)
    ],
    folder: Annotated[Path, typer.Option("--into", help="Folder of the triggers.")] = Path(
        "triggers"
    ),
    tests: Annotated[Path, typer.Option("--tests", help="Folder of their tests.")] = Path(
        "tests/triggers"
    ),
    json: AsJson = False,
) -> None:
    """Create a working trigger and its test from a template, to be edited.

    Example:
        sentinel trigger new queue_length
    """
    from sentinel.cli.trigger_template import write

    made = write(name, folder, tests)
    if json:
        json_out({"name": name, "file": str(made.file), "test": str(made.test)})
        return
    say(f"Created {made.file} and {made.test}.")
    say(f"Run it:  sentinel trigger run {name}")
    say(f"Test it: python -m pytest {made.test}")


@commands.command()
def run(
    name: Name,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            help="A parameter as name=value; repeat the same name for a list.",
            show_default=False,
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(help="Fires if the value is greater than this.", show_default=False),
    ] = None,
    below: Annotated[
        float | None, typer.Option(help="Fires if the value is less than this.", show_default=False)
    ] = None,
    when: Annotated[
        str, typer.Option(help="A whole condition, as in a rule's `when`.", show_default=False)
    ] = "",
    rule_file: Annotated[
        Path | None,
        typer.Option(
            help="Use a rule of this file: a prefect.yaml, or a file with one rule.",
            show_default=False,
        ),
    ] = None,
    rule: Annotated[str, typer.Option(help="Name of the rule, if the file has several.")] = "",
    act: Annotated[
        bool, typer.Option("--act", help="Run a trigger that acts on the world.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Run a trigger once on this machine, without a server: readings, verdicts and alert texts.

    Nothing is stored and nobody is notified. Exits with 1 if the check fails.

    Examples:
        sentinel trigger run disk_space

        sentinel trigger run disk_space --set paths=/ --set paths=/var --above 80

        sentinel trigger run cpu_usage --when '{levels: {high: 80, critical: 95}}' --json

        sentinel trigger run disk_space --rule-file prefect.yaml --rule disk-full

    Raises:
        Exit: with 1 if the check failed
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.cli.trigger_lookup import find_trigger
    from sentinel.cli.trigger_run import RunOptions, preview, print_preview

    trigger = find_trigger(name)
    asked = RunOptions(
        settings=tuple(set_ or ()), above=above, below=below, when=when, file=rule_file, rule=rule,
        act=act,
    )  # fmt: skip
    seen = preview(trigger, asked)
    if json:
        json_out(seen)
    else:
        print_preview(seen)
    if seen.error:
        raise typer.Exit(Exit.FAILED)


def _short(trigger: Trigger[..., Any]) -> dict[str, Any]:
    from sentinel.checks.form import summary_of

    lines = summary_of(trigger).splitlines()
    return {
        "name": trigger.name,
        "category": trigger.category,
        "unit": trigger.unit,
        "when": _when(trigger),
        "summary": lines[0] if lines else "",
        "module": trigger.module,
    }


def _when(trigger: Trigger[..., Any]) -> str:
    from sentinel.cli.trigger_run import condition_text

    return condition_text(trigger.when, trigger.unit) if trigger.when else ""


def _kind(about: dict[str, Any]) -> str:
    """Return a parameter's type and bounds in words: `number, 0 to 30`."""
    choices: list[dict[str, Any]] = about.get("anyOf", [])
    kinds = [str(one.get("type", "object")) for one in choices]
    kind = about.get("type") or " or ".join(one for one in kinds if one != "null") or "any"
    if kind == "array":
        kind = f"list of {about.get('items', {}).get('type', 'any')}"
    if "enum" in about:
        kind = " or ".join(map(str, about["enum"]))
    least = about.get("minimum", about.get("exclusiveMinimum"))
    most = about.get("maximum", about.get("exclusiveMaximum"))
    if least is not None and most is not None:
        return f"{kind}, {least:g} to {most:g}"
    if least is not None:
        return f"{kind}, at least {least:g}"
    return f"{kind}, at most {most:g}" if most is not None else str(kind)


def _shown(value: Any) -> str:
    import msgspec

    return "" if value in (None, "") else msgspec.json.encode(value).decode()


def _example(trigger: Trigger[..., Any], needed: list[str]) -> str:
    import yaml

    name = trigger.name.replace("_", "-")
    entry: dict[str, Any] = {
        "name": name,
        "entrypoint": f"flows.rules.{trigger.name}",
        "parameters": {
            **dict.fromkeys(needed, "…"),
            "rule": {
                "name": name,
                "every": "60s",
                **({} if trigger.when else {"when": {"above": 0}}),
            },
        },
    }
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True).rstrip()
