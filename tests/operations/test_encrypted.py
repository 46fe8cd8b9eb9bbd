"""TLS and SCRAM to Kafka, TLS to Postgres: the whole way, and what is said when one is wrong."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from deploy.local import ports
from services.__main__ import SERVICES
from shared import kafka
from tests.operations import encrypted
from tests.operations.encrypted import Encrypted
from tests.support.service import Service

# Two servers and four services are started, on whatever machine this is.
pytestmark = pytest.mark.timeout(300)
KAFKA = {
    "ROLLCALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "ROLLCALL_KAFKA_USERNAME": encrypted.USER,
}
OTHER = encrypted.authority().pem


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    output: str
    errors: str


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Encrypted]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PG_BIN", str(encrypted.postgres_with_tls()))
        async with encrypted.running(tmp_path_factory.mktemp("encrypted")) as found:
            yield found


@pytest.fixture
def secrets(servers: Encrypted, tmp_path: Path) -> Path:
    """A folder with each secret in its file, as containers have it."""
    (tmp_path / "POSTGRES_CA").write_text(servers.authority.pem, encoding="ascii")
    texts = {
        **{variable(name): verified(url, tmp_path) for name, url in servers.databases.items()},
        "ROLLCALL_KAFKA_CA": servers.authority.pem,
        "ROLLCALL_KAFKA_PASSWORD": servers.password,
        "ROLLCALL_API_KEY": "a key of the tests",
        "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
        "ROLLCALL_PORTAL_SECRET": "a secret of the tests",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def variable(service: str) -> str:
    return f"ROLLCALL_{service.upper()}_DATABASE_URL"


def verified(url: str, folder: Path) -> str:
    return f"{url}?sslmode=verify-full&sslrootcert={folder}/POSTGRES_CA"


def environment(servers: Encrypted, secrets: Path, **given: str) -> dict[str, str]:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("ROLLCALL_")}
    where = {"ROLLCALL_KAFKA_SERVERS": servers.kafka, "ROLLCALL_SECRETS_DIR": str(secrets)}
    return {**bare, **KAFKA, **where, **given}


async def run(environment: Mapping[str, str], *arguments: str, within_s: float = 60) -> Ended:
    """Run the command line, services included, to its end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "cli", *arguments, env=environment,
        cwd=environment["ROLLCALL_SECRETS_DIR"],
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(within_s):
        output, errors = await child.communicate()
    return Ended(child.returncode or 0, output.decode(), errors.decode())


async def test_everything_from_the_migrations_to_the_role_event_goes_by_tls_alone(
    servers: Encrypted, secrets: Path
) -> None:
    chosen: dict[str, int] = {}
    for name in SERVICES:
        chosen[name] = ports.choose(taken=chosen.values())
    urls = {name: f"http://127.0.0.1:{port}" for name, port in chosen.items()}
    given = environment(
        servers,
        secrets,
        **{f"ROLLCALL_{name.upper()}_PORT": str(port) for name, port in chosen.items()},
        **{f"ROLLCALL_{name.upper()}_URL": url for name, url in urls.items()},
        ROLLCALL_ROLES_INGEST_URL=urls["ingest"],
        ROLLCALL_PROJECTOR_INGEST_URL=urls["ingest"],
        ROLLCALL_LOG_LEVEL="ERROR",
    )
    prepared = [await run(given, *words) for words in (["migrate"], ["topics", "ensure"])]
    async with AsyncExitStack() as stack:
        for name, url in urls.items():
            await stack.enter_async_context(Service(name, given, url).running())

        synced = await run(given, "first-sync", "--users=3", "--groups=2", "--json", within_s=150)

    assert [(one.code, one.errors) for one in prepared] == [(0, "")] * 2
    assert synced.code == 0, synced.errors
    assert orjson.loads(synced.output)["holders"] > 0


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_a_user_gets_in_by_each_scram_and_an_unknown_one_by_none(
    servers: Encrypted, mechanism: str
) -> None:
    def access(user: str) -> kafka.Access:
        pem = servers.authority.pem
        return kafka.Access(servers.kafka, "SASL_SSL", pem, mechanism, user, servers.password)

    await kafka.wait_for_broker(access(encrypted.USER))
    with pytest.raises(kafka.KafkaRefusedError, match="ROLLCALL_KAFKA_USERNAME"):
        await kafka.wait_for_broker(access("somebody"))


WRONG = [
    ("roles", "ROLLCALL_KAFKA_CA", OTHER, "do not vouch"),
    ("roles", "ROLLCALL_KAFKA_CA", "secret", "holds no certificates"),
    ("ingest", "ROLLCALL_KAFKA_PASSWORD", "secret", "Kafka refuses it"),
    ("projector", "ROLLCALL_KAFKA_PASSWORD", "", "is not set"),
    ("roles", "ROLLCALL_KAFKA_SASL_MECHANISM", "PLAIN", "does not take it"),
    ("topics ensure", "ROLLCALL_KAFKA_CA", OTHER, "do not vouch"),
    ("topics ensure", "ROLLCALL_KAFKA_PASSWORD", "secret", "Kafka refuses it"),
    ("topics ensure", "ROLLCALL_KAFKA_SECURITY_PROTOCOL", "secret", "is none of PLAINTEXT, SSL"),
]


@pytest.mark.parametrize(("words", "name", "text", "expected"), WRONG)
async def test_what_kafka_will_never_take_is_named_in_one_line(
    servers: Encrypted, secrets: Path, words: str, name: str, text: str, expected: str
) -> None:
    given = environment(servers, secrets, **{name: text})
    await run(given, "migrate")

    ended = await run(given, *words.split())

    assert_named(ended, name, expected)


@pytest.mark.parametrize("words", ["portal", "migrate"])
@pytest.mark.parametrize(
    ("pattern", "wrong", "expected"),
    [
        ("POSTGRES_CA", "OTHER_CA", "does not vouch for"),
        ("127.0.0.1", "localhost", "or of another host"),
        ("POSTGRES_CA", "NO_CA", "NO_CA, which cannot be read"),
        ("sslmode=verify-full", "sslmode=disable", "who comes without TLS"),
    ],
)
async def test_what_postgres_will_never_take_is_named_in_one_line(
    servers: Encrypted, secrets: Path, words: str, pattern: str, wrong: str, expected: str
) -> None:
    (secrets / "OTHER_CA").write_text(OTHER, encoding="ascii")
    name = variable("portal")
    url = (secrets / name).read_text(encoding="ascii").replace(pattern, wrong)

    ended = await run(environment(servers, secrets, **{name: url}), words)

    assert_named(ended, name, expected)


def assert_named(ended: Ended, name: str, expected: str) -> None:
    [line] = ended.errors.splitlines() or ended.output.splitlines()
    assert ended.code == 2
    assert name in line
    assert expected in line
    assert "secret" not in line
