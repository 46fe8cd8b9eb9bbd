"""Postgres and Kafka together, started at the same time: what every way to run locally needs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local import jars, ports
from deploy.local.kafka import Broker, Kafka, name_of
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers keep data, jars and logs, where they listen, and the superuser's password.

    `ports` has one for each of `port_names(brokers)`.
    """

    folder: Path
    jars: Path
    ports: Mapping[str, int]
    password: str
    brokers: int = 1

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.folder / "logs" / f"{name}.log"

    def broker(self, number: int) -> Broker:
        """Return a broker of Kafka, numbered from 1 on."""
        name = name_of(number)
        port, controller = self.ports[name], self.ports[f"{name}_controller"]
        return Broker(number, self.folder / name, port, controller, self.log(name))


def port_names(brokers: int) -> list[str]:
    """Return what needs a port: Postgres, and each broker two."""
    names = [name_of(number) for number in range(1, brokers + 1)]
    return ["postgres", *names, *(f"{name}_controller" for name in names)]


def any_ports(brokers: int = 1) -> dict[str, int]:
    """Return a free port for each of `port_names`. Raises NoFreePortError."""
    chosen: dict[str, int] = {}
    for name in port_names(brokers):
        chosen[name] = ports.choose(taken=chosen.values())
    return chosen


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
        tuple(places.broker(number) for number in range(1, places.brokers + 1)),
        await jars.class_path(places.jars, places.log("jars"), supervisor.say),
    )
    supervisor.say("starting Kafka")
    await kafka.initialise()
    for broker in kafka.brokers:
        supervisor.start(kafka.command(broker))
    async with asyncio.TaskGroup() as group:
        for broker in kafka.brokers:
            group.create_task(supervisor.ready(broker.name, partial(kafka.answers, broker)))
    supervisor.say(f"Kafka answers at {kafka.address}")
    return kafka
