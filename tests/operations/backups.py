"""Base backups and an archive of WAL of a real Postgres, and the way back to a moment in it.

The commands and settings are those of docs/how-to/back-up-and-restore.md.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from deploy.local import ports
from deploy.local.postgres import Postgres, binaries
from tests.chaos.ground import Ground
from tests.support.waiting import eventually

_ARCHIVED = "select last_archived_wal >= $1 from pg_stat_archiver"
_SWITCHED = "select pg_walfile_name(pg_switch_wal())"


@dataclass(frozen=True, slots=True)
class Backups:
    """What is kept outside the server's data: `base`, and `wal` with each segment."""

    ground: Ground

    @property
    def base(self) -> Path:
        return self.ground.folder / "backups" / "base"

    @property
    def wal(self) -> Path:
        return self.ground.folder / "backups" / "wal"

    @property
    def _data(self) -> Path:
        return self.ground.folder / "postgres"

    async def begin(self) -> None:
        """Let the server archive its WAL from now on."""
        self.wal.mkdir(parents=True)
        _hand_over(self.wal, like=self._data)
        archive = f"test ! -f {self.wal}/%f && cp %p {self.wal}/%f"
        await self.ask("alter system set archive_mode = 'on'")
        await self.ask(f"alter system set archive_command = '{archive}'")
        await self.ground.end("postgres", signal.SIGINT)
        await self.ground.begin("postgres")

    async def take(self) -> None:
        """Copy the server while it runs, in place of the copy before."""
        shutil.rmtree(self.base, ignore_errors=True)
        target = f"--pgdata={self.base}"
        await _run("pg_basebackup", f"--dbname={self.ground.servers.postgres}", target,
                   "--checkpoint=fast", "--wal-method=none")  # fmt: skip

    async def moment(self) -> datetime:
        """Return the server's time."""
        found: datetime = await self.ask("select clock_timestamp()")
        return found

    async def archived(self) -> None:
        """Wait until everything written so far is in the archive."""
        last = await self.ask(_SWITCHED)

        async def is_there() -> bool:
            return bool(await self.ask(_ARCHIVED, last))

        await eventually(is_there, within_s=30)

    async def restore(self, to: datetime) -> None:
        """Put the copy where the server's data was, and let it catch up to a time."""
        shutil.rmtree(self._data)
        self._copy_base(self._data, to)
        await self.ground.begin("postgres")
        await eventually(lambda: _takes_writes(self.ground.servers.postgres), within_s=60)

    @asynccontextmanager
    async def restored_beside(self, to: datetime) -> AsyncIterator[str]:
        """Run the copy, as it was at a time, beside the server; yield its superuser's address."""
        url = urlsplit(self.ground.servers.postgres)
        made = Postgres(
            self.ground.folder / "beside", ports.choose(), url.password or "",
            self.ground.folder / "logs" / "beside.log",
        )  # fmt: skip
        self._copy_base(made.data, to)
        self.ground.supervisor.start(replace(made.command(), name="beside"))
        try:
            await eventually(lambda: _takes_writes(made.dsn()), within_s=60)
            yield made.dsn()
        finally:
            await self.ground.end("beside", signal.SIGQUIT)
            shutil.rmtree(made.data)

    def _copy_base(self, data: Path, to: datetime) -> None:
        shutil.copytree(self.base, data)
        (data / "recovery.signal").touch()
        with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"restore_command = 'cp {self.wal}/%f %p'\n")
            settings.write(f"recovery_target_time = '{to.isoformat()}'\n")
            settings.write("recovery_target_action = 'promote'\n")
        data.chmod(0o700)
        _hand_over(data, like=self.wal)

    async def bring_back(self, database: str, schema: str, beside: str) -> None:
        """Let a schema be what it is in the server beside."""
        await ask(_at(self.ground.servers.postgres, database), f"drop schema {schema} cascade")
        dump = self.ground.folder / f"{schema}.sql"
        await _run("pg_dump", f"--schema={schema}", f"--file={dump}", _at(beside, database))
        await _run("psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}",
                   _at(self.ground.servers.postgres, database))  # fmt: skip

    async def ask(self, sql: str, *arguments: object) -> Any:
        """Return the one value that a superuser's statement comes to."""
        return await ask(self.ground.servers.postgres, sql, *arguments)


async def ask(url: str, sql: str, *arguments: object) -> Any:
    """Return the one value that a statement comes to in a database."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


async def _takes_writes(url: str) -> bool:
    """Tell whether a server answers and is not catching up any more."""
    try:
        return not await ask(url, "select pg_is_in_recovery()")
    except (OSError, asyncpg.PostgresError):
        return False


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def _hand_over(folder: Path, *, like: Path) -> None:
    """Give a folder to whom the server runs as, who is not root."""
    owner = like.stat()
    for each in (folder, *folder.rglob("*")):
        os.chown(each, owner.st_uid, owner.st_gid)


async def _run(program: str, *arguments: str) -> None:
    command = [str(binaries() / program), *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
