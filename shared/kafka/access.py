"""How brokers are reached: their addresses, and what opens them (TLS, a user and a password)."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiokafka.conn import create_conn
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from shared.kafka.records import KafkaRefusedError
from shared.settings import KafkaSettings

PLAINTEXT, SSL, SASL_SSL = PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
# The fields of Access, by the variables that hold them.
VARIABLES: Mapping[str, str] = {
    "servers": "ROLLCALL_KAFKA_SERVERS",
    "protocol": "ROLLCALL_KAFKA_SECURITY_PROTOCOL",
    "authorities": "ROLLCALL_KAFKA_CA",
    "mechanism": "ROLLCALL_KAFKA_SASL_MECHANISM",
    "username": "ROLLCALL_KAFKA_USERNAME",
    "password": "ROLLCALL_KAFKA_PASSWORD",
}
_PROBE_TIMEOUT_MS = 5_000
# What would be the same however often we asked.
_REFUSALS: Mapping[type[Exception], tuple[str, str]] = {
    ssl.SSLCertVerificationError: (
        "authorities",
        "Kafka shows a certificate that these authorities do not vouch for, or of another host",
    ),
    SaslAuthenticationFailed: (
        "password",
        "Kafka refuses it, or ROLLCALL_KAFKA_USERNAME",
    ),
    UnsupportedSaslMechanismError: ("mechanism", "Kafka does not take it at this address"),
}


@dataclass(frozen=True, slots=True)
class Access:
    """Addresses, `host:port,host:port`, and what opens them, in Kafka's own words.

    `authorities` are certificates as PEM, the system's if there are none.
    """

    servers: str
    protocol: str = PLAINTEXT
    authorities: str = ""
    mechanism: str = MECHANISMS[0]
    username: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raise KafkaRefusedError, naming the variable, for what no broker has to see."""
        _expect_one_of("protocol", self.protocol, PROTOCOLS)
        _expect_one_of("mechanism", self.mechanism, MECHANISMS)
        if self.protocol == SASL_SSL:
            for name in ("username", "password"):
                if not getattr(self, name):
                    raise _refused(name, f"is not set, and {SASL_SSL} needs it")
        if self.protocol != PLAINTEXT:
            self._tls()

    def options(self) -> dict[str, Any]:
        """Return what a client of aiokafka is given to connect."""
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol != PLAINTEXT:
            found |= {"ssl_context": self._tls()}
        if self.protocol == SASL_SSL:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return found

    def _tls(self) -> ssl.SSLContext:
        """Return how TLS is spoken: the certificate and its host are looked at, always."""
        try:
            return ssl.create_default_context(cadata=self.authorities or None)
        except (ssl.SSLError, ValueError) as error:
            raise _refused("authorities", "holds no certificates in PEM") from error


Servers: TypeAlias = str | Access
"""Addresses alone reach brokers that ask for nothing."""


def access(settings: KafkaSettings) -> Access:
    """Return how a service reaches Kafka. Raises KafkaRefusedError."""
    return Access(
        settings.kafka_servers,
        settings.kafka_security_protocol,
        settings.kafka_ca,
        settings.kafka_sasl_mechanism,
        settings.kafka_username,
        settings.kafka_password,
    )


def client_options(servers: Servers) -> dict[str, Any]:
    """Return what each client of aiokafka is given: where brokers are, and how they open."""
    found = servers if isinstance(servers, Access) else Access(servers)
    return {"bootstrap_servers": found.servers, "request_timeout_ms": 10_000, **found.options()}


async def refusal(servers: Servers) -> KafkaRefusedError | None:
    """Return why brokers will never let us in, if that is so.

    Asked before a client of aiokafka starts, which would log it and go on.
    """
    if not isinstance(servers, Access) or servers.protocol == PLAINTEXT:
        return None
    for host, port in _addresses(servers.servers):
        try:
            connection = await create_conn(
                host, port, request_timeout_ms=_PROBE_TIMEOUT_MS, **servers.options()
            )
        except tuple(_REFUSALS) as error:
            [said] = [words for kind, words in _REFUSALS.items() if isinstance(error, kind)]
            return _refused(*said)
        except (KafkaError, OSError):
            continue
        connection.close()
    return None


def _addresses(servers: str) -> Iterator[tuple[str, int]]:
    for one in servers.split(","):
        host, _, port = one.rpartition(":")
        yield host.strip("[]"), int(port)


def _expect_one_of(name: str, text: str, known: tuple[str, ...]) -> None:
    if text not in known:
        raise _refused(name, f"is none of {', '.join(known)}")


def _refused(name: str, words: str) -> KafkaRefusedError:
    return KafkaRefusedError(f"{VARIABLES[name]}: {words}")
