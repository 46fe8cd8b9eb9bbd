"""What commands print: tables and sentences for people, JSON for programs, errors with a remedy."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.table import Table

P = ParamSpec("P")
R = TypeVar("R")

console = Console(highlight=False)
progress_console = Console(stderr=True, highlight=False)
# Wider than any terminal: an address that is cut in two cannot be copied.
_wide = Console(highlight=False, width=1000)


class CommandError(click.ClickException):
    """The command cannot be done; the message says what to do. Exit code 1."""


class SettingError(CommandError):
    """A setting is missing or wrong; the message names it. Exit code 2, as of services."""

    exit_code: ClassVar[int] = 2


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json` to a command."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    return option(command)


def print_json(document: Any) -> None:
    """Print one JSON document on one line."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns, or that there are none."""
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    with _wide.capture() as captured:
        _wide.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
