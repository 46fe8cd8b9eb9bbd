"""Running a service; apart from the other commands, so that they start without its drivers."""

import os
import sys


def run_service(name: str, *, json_logs: bool) -> None:
    """Run a service, and end with its exit code."""
    from services.__main__ import main  # noqa: PLC0415  # brings Postgres' driver along

    if json_logs:
        os.environ["ROLLCALL_LOG_FORMAT"] = "json"
    sys.exit(main([name]))
