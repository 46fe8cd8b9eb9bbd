"""Postgres and Kafka together, started at the same time: what every way to run locally needs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import jars
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers keep data, jars and logs, where they listen, and the superuser's password.

    `ports` has `postgres`, `kafka` and `kafka_controller`.
    """

    folder: Path
    jars: Path
    ports: Mapping[str, int]
    password: str

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.folder / "logs" / f"{name}.log"


@dataclass(frozen=True, slots=True)
class Servers:
    """A Postgres and a Kafka that answer."""

    postgres: Postgres
    kafka: Kafka


async def start(places: Places, supervisor: Supervisor) -> Servers:
    """Start both under the supervisor; return once both answer.

    Raises LocalError, in a group.
    """
    async with asyncio.TaskGroup() as group:
        postgres = group.create_task(_postgres(places, supervisor))
        kafka = group.create_task(_kafka(places, supervisor))
    return Servers(postgres.result(), kafka.result())


async def _postgres(places: Places, supervisor: Supervisor) -> Postgres:
    data = places.folder / "postgres"
    postgres = Postgres(data, places.ports["postgres"], places.password, places.log("postgres"))
    supervisor.say("starting Postgres" if data.exists() else "making a Postgres cluster")
    await postgres.initialise()
    supervisor.start(postgres.command())
    await supervisor.ready("postgres", postgres.answers)
    supervisor.say(f"Postgres answers at 127.0.0.1:{postgres.port}")
    return postgres


async def _kafka(places: Places, supervisor: Supervisor) -> Kafka:
    kafka = Kafka(
        places.folder / "kafka",
        places.ports["kafka"],
        places.ports["kafka_controller"],
        await jars.class_path(places.jars, places.log("jars"), supervisor.say),
        places.log("kafka"),
    )
    supervisor.say("starting Kafka")
    await kafka.initialise()
    supervisor.start(kafka.command())
    await supervisor.ready("kafka", kafka.answers)
    supervisor.say(f"Kafka answers at {kafka.address}")
    return kafka
