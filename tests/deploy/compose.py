"""An installation by Compose in a fresh copy of this tree, as the how-to page says it is made."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import ports
from tests.deploy import docker

PAGE = Path("docs/how-to/deploy-with-compose.md")
_FILE = ("-f", "deploy/compose.yaml")


def commands() -> list[list[str]]:
    """Return the commands of the page's first block."""
    [block] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def kinds() -> list[str]:
    """Return the ways to call Compose here: version 2 is a plugin, version 1 a program."""
    plugin = subprocess.run(
        ["docker", "compose", "version"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    has_program = shutil.which("docker-compose") is not None
    return [*["docker compose"] * (plugin.returncode == 0), *["docker-compose"] * has_program]


@dataclass(slots=True)
class Stack:
    """A project of Compose: where its tree is, how Compose is called, where it listens."""

    tree: Path
    compose: list[str]
    project: str
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the shell of an operator would hold."""
        return {
            **{name: v for name, v in os.environ.items() if not name.startswith("ROLLCALL_")},
            "COMPOSE_PROJECT_NAME": self.project,
            **{f"ROLLCALL_PUBLISH_{name.upper()}": str(p) for name, p in self.ports.items()},
            **{f"ROLLCALL_{name.upper()}_PUBLIC_URL": self.url(name) for name in self.ports},
        }

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def do(self, command: list[str], *more: str) -> str:
        """Run a command of the page; return what it prints. Fails with all that it said."""
        if command[:2] == ["docker", "compose"]:
            command = [*self.compose, *command[2:]]
        done = subprocess.run(
            [*command, *more],
            cwd=self.tree,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def call(self, *arguments: str) -> str:
        """Call Compose with its file."""
        return self.do(["docker", "compose", *_FILE, *arguments])

    def rollcall(self, *arguments: str) -> Any:
        """Run the command line in a container; return its JSON."""
        return json.loads(self.call("run", "--rm", "-T", "rollcall", *arguments, "--json"))

    def container(self, service: str) -> str:
        """Return the id of a service's container, also of one that ended."""
        return docker.call("ps", "--all", "--quiet", *self._labels(), *_label("service", service),
                           *_label("oneoff", "False")).strip()  # fmt: skip

    def inspect(self, service: str) -> dict[str, Any]:
        [found] = json.loads(docker.call("inspect", self.container(service)))
        return dict(found)

    def is_healthy(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def secrets(self) -> dict[str, str]:
        """Return every secret by name."""
        folder = self.tree / "deploy" / "secrets"
        return {path.name: path.read_text("utf-8").strip() for path in folder.iterdir()}

    def leftovers(self) -> str:
        """Return the containers, volumes and networks of the project."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return "".join(docker.call(*kind, "--quiet", *self._labels()) for kind in kinds)

    def _labels(self) -> tuple[str, ...]:
        return _label("project", self.project)


def _label(key: str, value: str) -> tuple[str, ...]:
    return ("--filter", f"label=com.docker.compose.{key}={value}")


@contextmanager
def copied(folder: Path, compose: str) -> Iterator[Stack]:
    """Yield a stack in a copy of what git knows of this tree; it is taken down at the end."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and Path(name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)
    chosen: dict[str, int] = {}
    for name in ("ingest", "portal"):
        chosen[name] = ports.choose(taken=chosen.values())
    stack = Stack(folder, shlex.split(compose), f"rollcall-test-{chosen['ingest']}", chosen)
    try:
        yield stack
    finally:
        stack.call("down", "--volumes", "--timeout", "30")
