"""Installs what a lock file pins and counts along; pip alone would say nothing or 400 lines.

`make setup` runs it with a virtual environment that is still empty: standard library only.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_EACH_TELLS = ("Collecting ", "Ignoring ", "Requirement already satisfied: ")
_LAST_TELLS = "Installing collected packages"
_LINES_OF_A_FAILURE = 12
_EVERY = 20


def pinned(lock: str) -> int:
    """Return how many packages a lock file names."""
    return sum("==" in line and line[:1].isalnum() for line in lock.splitlines())


def follow(output: Iterable[str], total: int, say: Callable[[str], None]) -> list[str]:
    """Tell how far pip is by the lines that it writes; return the lines."""
    seen = 0
    lines = []
    for line in output:
        lines.append(line)
        if line.startswith(_EACH_TELLS):
            seen += 1
            say(f"{seen} of {total} packages")
        elif line.startswith(_LAST_TELLS):
            say("unpacking them; this takes a moment")
    return lines


def main(lock: Path, python: str = sys.executable) -> int:
    """Install into the environment of `python`; return pip's exit code."""
    # Not compiled: half of what is installed is never imported, the rest is compiled when it is.
    arguments = ["--no-compile", "--require-hashes", "--progress-bar=off", "--no-input",
                 "--disable-pip-version-check", "-r", str(lock)]  # fmt: skip
    total = pinned(lock.read_text(encoding="utf-8"))
    with subprocess.Popen(
        [python, "-m", "pip", "install", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as pip:
        lines = follow(pip.stdout or (), total, _teller(total))
    if pip.returncode:
        sys.stderr.writelines(["\n", *lines[-_LINES_OF_A_FAILURE:]])
        sys.stderr.write("The packages could not be installed; see above, then start again.\n")
    return pip.returncode


def _teller(total: int) -> Callable[[str], None]:
    """Return what rewrites one line of a terminal, or adds a line now and then to a log."""

    def rewrite(text: str) -> None:
        sys.stdout.write(f"\r  {text}\033[K")
        sys.stdout.flush()

    def add(text: str) -> None:
        count = text.partition(" ")[0]
        if not count.isdigit() or int(count) % _EVERY == 0 or int(count) == total:
            sys.stdout.write(f"  {text}\n")
            sys.stdout.flush()

    return rewrite if sys.stdout.isatty() else add


if __name__ == "__main__":
    try:
        code = main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        code = 130
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.exit(code)
