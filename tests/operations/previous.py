"""The version before this one: the last tag or, in a clone without tags, the last release commit.

A release commit is one that gives the CHANGELOG a heading with a number, `## [0.1.0]`.
"""

import subprocess
import sys
from asyncio import subprocess as children
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.__main__ import ROOT

_LAST_TAG = ("describe", "--tags", "--abbrev=0")
_RELEASED = ("log", "-1", "--format=%H", r"-G^## \[[0-9]", "--", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Previous:
    """A commit, and a copy of its code, which runs with the dependencies of this tree."""

    commit: str
    tree: Path

    async def migrate(self, urls: Mapping[str, str]) -> None:
        """Bring schemas to where this version has them."""
        await _migrate(self.tree, urls)


async def upgrade_schemas(urls: Mapping[str, str]) -> None:
    """Bring schemas to where the version of this tree has them."""
    await _migrate(ROOT, urls)


async def _migrate(tree: Path, urls: Mapping[str, str]) -> None:
    named = {f"ROLLCALL_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    child = await children.create_subprocess_exec(
        sys.executable, "-m", "services", "migrate", cwd=tree, env=named,
        stdout=children.PIPE, stderr=children.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()


def exported(folder: Path) -> Previous:
    """Return the version before, its code in a folder. Fails where git has no history."""
    commit = _git(*_LAST_TAG) or _git(*_RELEASED)
    assert commit, "neither a tag nor a release commit: is this a shallow clone?"
    archive = subprocess.run(
        ["git", "archive", commit, "services", "shared"],  # noqa: S607
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)  # noqa: S607
    return Previous(commit, folder)


def _git(*arguments: str) -> str:
    """Return what git says, nothing if it does not know."""
    told = subprocess.run(
        ["git", *arguments],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return told.stdout.strip()
