"""The Postgres that needs no installation, where it is hardest to start."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local import ports, process
from deploy.local.errors import LocalError
from deploy.local.postgres import Postgres, binaries
from deploy.local.process import Command
from deploy.local.supervisor import Supervisor


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory with a space, closed to all but its owner, as a home often is."""
    folder = tmp_path / "a home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor(say=lambda _line: None, started=lambda _pids: None)
    yield made
    await made.stop(hurried=asyncio.Event())


@pytest.fixture
async def postgres(closed: Path) -> Postgres:
    """A cluster that was just made."""
    made = server(closed)
    await made.initialise()
    return made


def server(folder: Path) -> Postgres:
    return Postgres(folder / "postgres", ports.choose(), "secret", folder / "postgres.log")


def install(folder: Path) -> Path:
    """Copy the binaries with the libraries that they find beside them; return their folder."""
    package = binaries().parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    installed = folder / package.name / binaries().parent.name
    shutil.copytree(binaries().parent, installed)
    return installed / "bin"


async def test_binaries_and_data_may_both_lie_in_a_closed_directory(
    closed: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BIN", str(install(closed)))
    postgres = server(closed)

    await postgres.initialise()
    supervisor.start(postgres.command())
    await supervisor.ready("postgres", postgres.answers)

    connection = await asyncpg.connect(postgres.dsn())
    assert await connection.fetchval("show fsync") == "on"
    await connection.close()


async def test_data_of_another_password_is_an_error_that_says_so(
    postgres: Postgres, supervisor: Supervisor
) -> None:
    other = Postgres(postgres.data, postgres.port, "another", postgres.log)
    supervisor.start(other.command())

    with pytest.raises(LocalError, match=r"secrets\.json"):
        await supervisor.ready("postgres", other.answers)


async def test_a_pid_file_whose_number_is_another_program_by_now_does_not_matter(
    postgres: Postgres, supervisor: Supervisor
) -> None:
    supervisor.start(postgres.command())
    await supervisor.ready("postgres", postgres.answers)
    process.kill(supervisor.kept["postgres"].child)
    supervisor.start(Command("stranger", ["sleep", "600"], postgres.log))
    pid_file = postgres.data / "postmaster.pid"
    pids = supervisor.pids
    stale = pid_file.read_text().replace(str(pids["postgres"]), str(pids["stranger"]), 1)
    pid_file.write_text(stale)

    supervisor.start(postgres.command())

    await supervisor.ready("postgres", postgres.answers)


async def test_a_start_that_was_cut_short_is_begun_anew(closed: Path) -> None:
    postgres = server(closed)
    half = closed / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    await postgres.initialise()

    assert (postgres.data / "global" / "pg_control").exists()
    assert not half.exists()
