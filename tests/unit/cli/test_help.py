"""Every command says what it does, with an example, and has a form for programs."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.__main__ import rollcall


def every(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every(command, (*path, name))
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield (*path, name)


@pytest.mark.parametrize("command", list(every(rollcall)), ids=" ".join)
def test_each_command_has_help_with_an_example_and_a_json_form(command: tuple[str, ...]) -> None:
    outcome = CliRunner().invoke(rollcall, [*command, "--help"])

    assert outcome.exit_code == 0
    assert "Example: rollcall" in outcome.output
    assert "--json" in outcome.output


def test_a_command_that_does_not_exist_is_named() -> None:
    outcome = CliRunner().invoke(rollcall, ["provision"])

    assert outcome.exit_code == 2
    assert "No such command 'provision'" in outcome.output
