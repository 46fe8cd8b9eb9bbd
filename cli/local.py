"""`rollcall local`: everything on this machine."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console


@click.group()
def local() -> None:
    """Run all of Rollcall on this machine, with a real Postgres and a real Kafka."""


@local.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".local"),
    show_default=True,
    help="Where data, logs and run.json are kept.",
)
@click.option(
    "--brokers",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    help="How many brokers Kafka has; with 3, topics have three replicas.",
)
@click.option("--json", "as_json", is_flag=True, help="Print run.json's content when ready.")
def up(data_dir: Path, brokers: int, *, as_json: bool) -> None:
    r"""Start everything, and keep it alive until Ctrl-C.

    What dies is restarted. Data stays in the data directory for the next start.

    \b
    Example: rollcall local up
    """
    from deploy.local.up import up as start  # noqa: PLC0415  # `--help` must be quick

    progress = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(line: str) -> None:
        # A terminal that is gone must not keep us from stopping what we started.
        with suppress(OSError, SystemExit):
            progress.print(line, style="red" if line.startswith("error") else "dim", markup=False)

    def tell(run: Mapping[str, Any]) -> None:
        with suppress(OSError):
            sys.stdout.write(json.dumps(run) + "\n" if as_json else _ready(run))
            sys.stdout.flush()

    sys.exit(asyncio.run(start(data_dir, say, tell, brokers=brokers)))


def _ready(run: Mapping[str, Any]) -> str:
    postgres = run["postgres"]["ingest"].rpartition("@")[2]
    return f"""
Rollcall is ready.

  Sign in      {run["sign_in"]}
  SCIM         {run["scim"]}
  API          {run["ingest"]}/v1 (organizations, directories), {run["roles"]}/v1 (roles, mappings)
  Kafka        {run["kafka"]}
  Postgres     {postgres} (schemas {", ".join(run["postgres"])})

Try, in another terminal:
  .venv/bin/rollcall directories create "Globex OneLogin" --provider onelogin
  .venv/bin/rollcall simulate onelogin --endpoint ENDPOINT --token TOKEN --users 20 --groups 4

Ctrl-C stops everything; data stays.
"""
