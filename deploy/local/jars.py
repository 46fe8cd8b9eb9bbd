"""Kafka's jars: resolved once into `jgo.lock.toml`, fetched by exact version, checked by SHA-256.

`python -m deploy.local.jars fetch CACHE` downloads what the cache lacks (a process of its own, so
that it can be stopped at any time), `… lock` resolves anew and writes the lock file.
"""

import asyncio
import hashlib
import os
import ssl
import sys
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from deploy.local import process
from deploy.local.errors import JarError
from deploy.local.process import Command

_SPEC = "jgo.toml"
_LOCK = "jgo.lock.toml"
_PARALLEL_DOWNLOADS = 6
_TRIES = 3
_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Jar:
    """A locked artifact."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where a Maven repository keeps it."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        folder = Path(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}{suffix}.jar"


def _here(name: str) -> Traversable:
    return files("deploy.local").joinpath(name)


def locked() -> list[Jar]:
    """Return the jars of the lock file, in class path order."""
    document = tomllib.loads(_here(_LOCK).read_text(encoding="utf-8"))
    return [
        Jar(
            entry["groupId"],
            entry["artifactId"],
            entry["version"],
            entry.get("classifier", ""),
            entry["sha256"],
        )
        for entry in document["dependencies"]
        if entry["packaging"] == "jar"
    ]


async def class_path(cache: Path, log: Path, say: Callable[[str], None]) -> str:
    """Return the class path, fetching what the cache lacks and checking every jar.

    Raises JarError, StartError.
    """
    jars = locked()
    if missing := _missing(jars, cache):
        say(f"fetching {len(missing)} jars of Kafka (45 MiB the first time)")
        await _fetch_apart(jars, cache, log, say)
    for jar in jars:
        _check(jar, cache / jar.path)
        await asyncio.sleep(0)
    return ":".join(str(cache / jar.path) for jar in jars)


async def _fetch_apart(jars: list[Jar], cache: Path, log: Path, say: Callable[[str], None]) -> None:
    arguments = [sys.executable, "-P", "-m", "deploy.local.jars", "fetch", str(cache)]
    command = Command("the download of Kafka's jars", arguments, log)
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(jars, cache, say))
        await process.run(command)
        telling.cancel()


async def _tell(jars: list[Jar], cache: Path, say: Callable[[str], None]) -> None:
    told = -1
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        here = len(jars) - len(_missing(jars, cache))
        if here != told:
            say(f"Kafka's jars: {here} of {len(jars)}")
        told = here


def _missing(jars: list[Jar], cache: Path) -> list[Jar]:
    return [jar for jar in jars if not (cache / jar.path).exists()]


def _check(jar: Jar, file: Path) -> None:
    actual = hashlib.sha256(file.read_bytes()).hexdigest()
    if actual != jar.sha256:
        raise JarError(
            f"{file} is not the jar that was locked: its SHA-256 is {actual}, expected "
            f"{jar.sha256}. Remove it and start again; if it comes back, do not trust its source"
        )


def fetch(cache: Path) -> None:
    """Download what the cache lacks; only jars with the right checksum enter it. Raises JarError.

    Several processes may do this at once: each has a folder of its own until a jar is checked.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".fetching-", dir=cache) as folder,
        ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool,
    ):
        for _ in pool.map(lambda jar: _fetch(jar, cache, Path(folder)), _missing(locked(), cache)):
            pass


def _fetch(jar: Jar, cache: Path, folder: Path) -> None:
    for left in reversed(range(_TRIES)):
        try:
            fetched = _download(jar, folder)
            break
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            (folder / jar.path).unlink(missing_ok=True)
            if not left:
                raise JarError(
                    f"{jar.path.name} could not be fetched from Maven Central: {error}. "
                    "Check the network (HTTPS_PROXY is heeded) and start again"
                ) from error
    _check(jar, fetched)
    (cache / jar.path).parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(cache / jar.path)


def _download(jar: Jar, folder: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415  # slow to import, needed once

    context = MavenContext(repo_cache=folder, local_repos=[], timeout=60)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    return Path(component.artifact(classifier=jar.classifier).resolve())


def lock(cache: Path) -> None:
    """Resolve `jgo.toml` and write the lock file: names, versions, checksums, no addresses."""
    import tomli_w  # noqa: PLC0415  # only the lock needs these
    from jgo.env import EnvironmentBuilder, EnvironmentSpec  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    builder = EnvironmentBuilder(context=MavenContext(repo_cache=cache), cache_dir=cache)
    resolved = builder.resolve_lockfile(EnvironmentSpec.load(Path(str(_here(_SPEC)))))
    entries = [_entry(dependency) for dependency in resolved.dependencies]
    lock_file = Path(str(_here(_LOCK)))
    lock_file.write_text(tomli_w.dumps({"dependencies": entries}), encoding="utf-8")


def _entry(dependency: object) -> dict[str, str]:
    names = ("groupId", "artifactId", "version", "packaging", "classifier", "sha256")
    return {name: value for name in names if (value := getattr(dependency, name))}


def _trust_the_system() -> None:
    """Let `requests` trust what this machine trusts; its own list knows no company's proxy."""
    trusted = ssl.get_default_verify_paths().cafile
    if trusted:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", trusted)


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for; return the exit code."""
    try:
        match arguments:
            case ["fetch", cache]:
                _trust_the_system()
                fetch(Path(cache))
            case ["lock"]:
                _trust_the_system()
                with tempfile.TemporaryDirectory() as folder:
                    lock(Path(folder))
            case _:
                sys.stderr.write("usage: python -m deploy.local.jars fetch CACHE | lock\n")
                return 2
    except JarError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
