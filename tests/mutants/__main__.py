"""`make mutants`: plants one fault at a time in a copy of the tree; the tests must notice each.

The faults are data beside this file, `AREA.toml`: where (a file, or a pattern that one file fits),
the text that stands there once, what takes its place, and the tests that should fail. Killed means
that tests ran and failed; a fault that breaks the import, or does not apply, counts as survived.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.servers import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
COPIED = ("services", "shared", "cli", "deploy", "tests", "pyproject.toml")
PASSED, FAILED = 0, 1


class DoesNotApplyError(Exception):
    """The text is not there, or more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: `old` stands once in the one file that fits `file`, and becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def place(self, tree: Path) -> Path:
        """Return the one file that holds the text, once. Raises DoesNotApplyError."""
        found = [each for each in tree.glob(self.file) if self.old in each.read_text("utf-8")]
        times = [each.read_text("utf-8").count(self.old) for each in found]
        if times != [1]:
            raise DoesNotApplyError(f"the text stands {sum(times)} times in {len(found)} files")
        return found[0]

    @contextmanager
    def planted(self, tree: Path) -> "Iterator[None]":
        """Change the tree, and change it back. Raises DoesNotApplyError."""
        file = self.place(tree)
        text = file.read_text("utf-8")
        file.write_text(text.replace(self.old, self.new), "utf-8")
        try:
            yield
        finally:
            file.write_text(text, "utf-8")


def mutants(wanted: str) -> list[Mutant]:
    """Return the mutants whose name or area holds the word; all for an empty one."""
    return [
        Mutant(f"{file.stem}: {each['name']}", each["file"], each["old"], each["new"],
               tuple(each["tests"]))
        for file in sorted(Path(__file__).parent.glob("*.toml"))
        for each in tomllib.loads(file.read_text("utf-8"))["mutant"]
        if wanted in f"{file.stem}: {each['name']}"
    ]  # fmt: skip


def run(tree: Path, tests: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Run tests in the tree until one fails; return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    return done.returncode


def verdict(mutant: Mutant, tree: Path, environment: Mapping[str, str]) -> str:
    """Return "killed", or why not."""
    try:
        with mutant.planted(tree):
            code = run(tree, mutant.tests, environment)
    except DoesNotApplyError as error:
        return f"DOES NOT APPLY: {error}"
    if code == FAILED:
        return "killed"
    return "SURVIVED" if code == PASSED else f"BROKEN: pytest ended with {code}"


async def main(wanted: str) -> int:
    """Plant all mutants; return 1 if one survived."""
    chosen = mutants(wanted)
    async with servers() as found:
        environment = {
            **os.environ,
            "ROLLCALL_TEST_POSTGRES_URL": found.postgres,
            "ROLLCALL_TEST_KAFKA": found.kafka,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return await asyncio.to_thread(_plant_all, chosen, environment)


def _plant_all(chosen: list[Mutant], environment: Mapping[str, str]) -> int:
    with tempfile.TemporaryDirectory(prefix="rollcall-mutants-") as folder:
        tree = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        every_test = tuple(dict.fromkeys(test for each in chosen for test in each.tests))
        if run(tree, every_test, environment) != PASSED:
            _say("the tests fail without a fault; nothing can be said")
            return 1
        verdicts = {}
        for each in chosen:
            verdicts[each.name] = verdict(each, tree, environment)
            _say(f"{verdicts[each.name]:9} {each.name}")
    killed = sum(each == "killed" for each in verdicts.values())
    _say(f"{killed} of {len(verdicts)} killed")
    return 0 if 0 < killed == len(verdicts) else 1


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # who waits wants to see


if __name__ == "__main__":
    sys.exit(asyncio.run(main(os.environ.get("ONLY", ""))))
