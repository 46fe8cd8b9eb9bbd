"""Finds a Chromium for the browser tests; `python -m tests.support.browser` installs one.

Order: the environment variable CHROMIUM, Debian's, Playwright's own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

_DEBIAN = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    if given := os.environ.get("CHROMIUM"):
        return given
    candidates = [*map(shutil.which, _DEBIAN), _playwrights()]
    return next((path for path in candidates if path and Path(path).exists()), None)


def _playwrights() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def install() -> None:
    """Install Debian's package as root; Playwright's browser otherwise, or where that fails."""
    if os.geteuid() == 0 and shutil.which("apt-get") and _install_debians():
        return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def _install_debians() -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    steps = ([*apt, "update"], [*apt, "install", "--yes", "chromium"])
    return all(
        subprocess.run(step, check=False, env=environment, stdout=subprocess.DEVNULL).returncode
        == 0
        for step in steps
    )


def fault(path: str | None) -> str:
    """Return why a Chromium cannot be used; nothing when it can."""
    if path is None:
        return "no Chromium; set CHROMIUM to one"
    try:
        done = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)
    except OSError as error:
        return f"{path} does not run: {error.strerror}; set CHROMIUM to another"
    return f"{path} does not run: {done.stderr.strip()}" if done.returncode else ""


def main() -> int:
    """Make sure that there is a Chromium; say so if there cannot be one."""
    if find() is None:
        sys.stdout.write("no Chromium found; installing one for the browser tests\n")
        sys.stdout.flush()
        install()
    if problem := fault(find()):
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
