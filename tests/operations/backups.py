"""Base backups and an archive of WAL of a real Postgres, and the way back to a moment in it.

The commands and settings are those of docs/how-to/back-up-and-restore.md.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from deploy.local.postgres import binaries
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
        """Copy the server while it runs."""
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
        """Put the copy where the server's data was, which is lost, and let it catch up to a time."""
        shutil.rmtree(self._data)
        shutil.copytree(self.base, self._data)
        (self._data / "recovery.signal").touch()
        with (self._data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"restore_command = 'cp {self.wal}/%f %p'\n")
            settings.write(f"recovery_target_time = '{to.isoformat()}'\n")
            settings.write("recovery_target_action = 'promote'\n")
        self._data.chmod(0o700)
        _hand_over(self._data, like=self.wal)
        await self.ground.begin("postgres")

        async def takes_writes() -> bool:
            return not await self.ask("select pg_is_in_recovery()")

        await eventually(takes_writes, within_s=60)

    async def ask(self, sql: str, *arguments: object) -> object:
        """Return the one value that a superuser's statement comes to."""
        connection = await asyncpg.connect(self.ground.servers.postgres)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()


def _hand_over(folder: Path, *, like: Path) -> None:
    """Give a folder to whom the server runs as, who is not root."""
    owner = like.stat()
    for each in (folder, *folder.rglob("*")):
        os.chown(each, owner.st_uid, owner.st_gid)


async def _run(program: str, *arguments: str) -> None:
    command: Sequence[str] = (str(binaries() / program), *arguments)
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
