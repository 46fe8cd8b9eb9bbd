"""`python -m deploy.local DIRECTORY` runs Postgres and Kafka alone, for work on a service."""

import asyncio
import signal
import sys
from pathlib import Path

from deploy.local import jars, ports
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres, new_password


async def main(folder: Path) -> None:
    """Start both servers, print their addresses, stop them at Ctrl-C."""
    secret = folder / "password"
    folder.mkdir(parents=True, exist_ok=True)
    if not secret.exists():
        secret.write_text(new_password(), encoding="ascii")
    password = secret.read_text(encoding="ascii")
    postgres = Postgres(
        folder / "postgres", ports.choose(5432), password, folder / "logs" / "postgres.log"
    )
    class_path = jars.fetch(folder / "cache" / "jars")
    kafka = Kafka(
        folder / "kafka",
        ports.choose(9092),
        ports.choose(9093),
        class_path,
        folder / "logs" / "kafka.log",
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    postgres.initialise()
    kafka.initialise()
    commands = [postgres.command(), kafka.command()]
    children = [command.start() for command in commands]
    try:
        await asyncio.gather(postgres.ready(), kafka.ready())
        sys.stdout.write(f"postgres {postgres.dsn()}\nkafka {kafka.address}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        for command, child in zip(reversed(commands), reversed(children), strict=True):
            command.stop(child)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
