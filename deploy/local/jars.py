"""Kafka's jars: resolved once into `jgo.lock.toml`, fetched by exact version, checked by SHA-256.

`python -m deploy.local.jars` resolves anew and writes the lock file.
"""

import hashlib
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_SPEC = _HERE / "jgo.toml"
_LOCK = _HERE / "jgo.lock.toml"
_PARALLEL_DOWNLOADS = 8


class JarError(Exception):
    """A jar could not be fetched, or is not the one that was locked."""


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


def locked() -> list[Jar]:
    """Return the jars of the lock file, in class path order."""
    document = tomllib.loads(_LOCK.read_text(encoding="utf-8"))
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


def fetch(cache: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> str:
    """Return the class path, downloading what the cache lacks and checking every checksum.

    Raises JarError.
    """
    jars = locked()
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        paths = []
        for path in pool.map(lambda jar: _fetch(jar, cache), jars):
            paths.append(str(path))
            progress(len(paths), len(jars))
    return ":".join(paths)


def _fetch(jar: Jar, cache: Path) -> Path:
    path = cache / jar.path
    if not path.exists():
        _download(jar, cache)
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != jar.sha256:
        path.unlink()
        raise JarError(
            f"{jar.path.name} has checksum {actual}, {jar.sha256} is locked; it was removed, "
            "start again, and if it happens again do not trust the source of the jars"
        )
    return path


def _download(jar: Jar, cache: Path) -> None:
    from jgo.maven import MavenContext  # noqa: PLC0415  # slow to import, needed once

    context = MavenContext(repo_cache=cache, timeout=60)
    project = context.project(jar.group, jar.artifact)
    try:
        project.at_version(jar.version).artifact(classifier=jar.classifier).resolve()
    except Exception as error:
        raise JarError(f"{jar.path.name} could not be fetched: {error}") from error


def lock(cache: Path) -> None:
    """Resolve `jgo.toml` and write the lock file: names, versions, checksums, no addresses."""
    import tomli_w  # noqa: PLC0415  # only the lock needs these
    from jgo.env import EnvironmentBuilder, EnvironmentSpec  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    builder = EnvironmentBuilder(context=MavenContext(repo_cache=cache), cache_dir=cache)
    resolved = builder.resolve_lockfile(EnvironmentSpec.load(_SPEC))
    entries = [_entry(dependency) for dependency in resolved.dependencies]
    _LOCK.write_text(tomli_w.dumps({"dependencies": entries}), encoding="utf-8")


def _entry(dependency: object) -> dict[str, str]:
    names = ("groupId", "artifactId", "version", "packaging", "classifier", "sha256")
    return {name: value for name in names if (value := getattr(dependency, name))}


if __name__ == "__main__":
    lock(Path(".local/cache/jars"))
