"""Runs Postgres and Kafka alone, for work on a service or its tests.

    python -m deploy.local servers --data-dir DIR [--brokers 3]

prints the superuser's DSN and Kafka's address as the variables that the tests read, and keeps
all alive until Ctrl-C. Data stays in DIR.
"""

import asyncio
import sys
from pathlib import Path

import click

from deploy.local import leftovers, servers
from deploy.local.errors import LocalError
from deploy.local.signals import Signals
from deploy.local.state import State
from deploy.local.supervisor import Supervisor


@click.group()
def main() -> None:
    """Real servers without Docker."""


@main.command("servers")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--brokers", type=click.IntRange(1, 5), default=1, show_default=True)
def _servers(data_dir: Path, brokers: int) -> None:
    """Run Postgres and Kafka until Ctrl-C."""
    try:
        asyncio.run(_run(State(data_dir.resolve()), brokers))
    except* LocalError as group:
        sys.exit(f"error: {group.exceptions[0]}")


async def _run(state: State, brokers: int) -> None:
    signals = Signals()
    signals.listen()
    supervisor = Supervisor(lambda line: click.echo(line, err=True), state.note_pids)
    with state.locked():
        state.begin()
        await leftovers.end(state.pids_file)
        ports = state.ports(servers.port_names(brokers))
        password = state.secrets()["superuser"]
        places = servers.Places(state.folder, state.jars, ports, password, brokers)
        try:
            found = await signals.unless_stopped(servers.start(places, supervisor))
            if found is not None:
                click.echo(f"ROLLCALL_TEST_POSTGRES_URL={found.postgres.dsn()}")
                click.echo(f"ROLLCALL_TEST_KAFKA={found.kafka.address}")
                await supervisor.watch(signals.stopping)
        finally:
            await supervisor.stop(signals.hurried)


if __name__ == "__main__":
    main(prog_name="python -m deploy.local")
