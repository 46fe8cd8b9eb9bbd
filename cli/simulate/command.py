"""`rollcall simulate`: play a provider against an endpoint, with progress and a summary."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.output import console, json_option, print_json, print_table, progress_console
from cli.simulate import people
from cli.simulate.connection import Connection
from cli.simulate.onelogin import OneLogin, Template
from cli.simulate.people import Step


@click.group()
def simulate() -> None:
    """Play an identity provider."""


@simulate.command()
@click.option("--endpoint", required=True, help="The Endpoint URL of the directory.")
@click.option("--token", required=True, help="Its Bearer Token.")
@click.option("--users", type=click.IntRange(0), default=20, show_default=True)
@click.option("--groups", type=click.IntRange(1), default=4, show_default=True)
@click.option("--days", type=click.IntRange(0), default=0, show_default=True,
              help="Later life: joins, moves, suspensions, returns, deletions.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same company.")
@click.option("--template", type=click.Choice(["stock", "rfc"]), default="stock",
              show_default=True, help="The app's SCIM JSON template.")  # fmt: skip
@json_option
def onelogin(  # one option each
    endpoint: str,
    token: str,
    users: int,
    groups: int,
    days: int,
    seed: int,
    template: Template,
    *,
    as_json: bool,
) -> None:
    r"""Send what OneLogin sends, request for request, for a company made from the seed.

    Run it again with the same seed and it adopts who is there, as OneLogin does. Exit code 1 when
    something was refused.

    \b
    Example: rollcall simulate onelogin --endpoint URL --token TOKEN --users 20 --groups 4 --days 5
    """
    if urlsplit(endpoint).scheme not in {"http", "https"}:
        raise click.BadParameter("give the whole address, http(s)://…/scim/v2/…")
    steps = people.plan(users=users, groups=groups, days=days, seed=seed)
    summary = {"seed": seed, **play(Connection(endpoint, token), template, steps)}
    _tell(summary, as_json=as_json)
    if summary["refusals"]:
        raise SystemExit(1)


def play(connection: Connection, template: Template, steps: Sequence[Step]) -> dict[str, Any]:
    """Send what OneLogin sends for these steps; return what was sent and what was refused."""
    started = time.monotonic()
    app = OneLogin(connection.send, template)
    if app.enable():
        with _progress() as progress:
            for step in progress.track(steps, description="provisioning"):
                app.take(step)
    connection.close()
    return {
        "steps": len(steps),
        "requests": dict(connection.sent),
        "groups": sorted(app.groups),
        "refusals": connection.refusals,
        "refused": connection.refused,
        "duration_s": round(time.monotonic() - started, 2),
    }


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    return Progress(*columns, console=progress_console)


def _tell(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    rows = [(kind, str(count)) for kind, count in sorted(summary["requests"].items())]
    print_table("Requests", ("kind", "count"), rows)
    console.print(f"\nGroups: {', '.join(summary['groups']) or 'none'}", soft_wrap=True)
    for one in summary["refused"]:
        console.print(f"refused: {one['request']}, {one['status']}: {one['detail']}", markup=False)
    total = sum(summary["requests"].values())
    console.print(
        f"{total} requests in {summary['duration_s']} s, {summary['refusals']} refused,"
        f" seed {summary['seed']}"
    )
