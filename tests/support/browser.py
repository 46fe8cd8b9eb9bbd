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
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, _DEBIAN), _playwrights()]
    return next((path for path in candidates if path and Path(path).exists()), None)


def _playwrights() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def install() -> None:
    """Install Debian's package as root, else Playwright's browser."""
    apt_get = shutil.which("apt-get")
    if os.geteuid() == 0 and apt_get:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run([apt_get, *arguments], check=True, env=environment)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def main() -> int:
    """Make sure that there is a Chromium; say so if there cannot be one."""
    if find() is None:
        sys.stdout.write("no Chromium found; installing one for the browser tests\n")
        install()
    if find() is None:
        sys.stderr.write("no Chromium; set CHROMIUM to one\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
