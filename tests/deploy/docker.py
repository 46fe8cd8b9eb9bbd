"""The Docker client as tests use it: one call a line, output or a failure that shows it."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_READ_ONLY = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container or command ended."""

    code: int
    output: str
    errors: str


def is_there() -> bool:
    """Tell whether an engine answers."""
    return shutil.which("docker") is not None and _run("docker", "version").code == 0


def build(dockerfile: Path, tag: str, **arguments: str) -> None:
    """Build an image from this tree. Raises AssertionError with what the build said."""
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    call("build", "--file", str(dockerfile), "--tag", tag, *given, ".")


def call(*arguments: str) -> str:
    """Return what the client prints. Raises AssertionError with all it said."""
    ended = _run("docker", *arguments)
    assert ended.code == 0, ended.output[-4000:] + ended.errors[-4000:]
    return ended.output


def inspect(image: str) -> dict[str, Any]:
    """Return what the engine knows of an image."""
    [found] = json.loads(call("image", "inspect", image))
    return dict(found)


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> Ended:
    """Run a command of the image to its end, with nothing that it could write to."""
    return _run("docker", "run", "--rm", *_READ_ONLY, *options, image, *command)


def _run(*command: str) -> Ended:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)
