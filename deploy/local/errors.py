"""What can stand in the way of a local system; each message says what to do.

LocalError
├── AlreadyRunningError   another process runs a system on this data directory
├── BrokerCountError      the data directory holds a Kafka of another number of brokers
├── JarError              a jar could not be fetched, or is not the locked one
├── MissingPartError      a program is not there: Postgres, Java, setpriv
├── NoFreePortError       every port that was tried is taken
└── StartError            a process ended early or did not get ready in time
"""

from pathlib import Path

_LINES = 15


class LocalError(Exception):
    """A local system could not be started."""


class AlreadyRunningError(LocalError):
    """Another process runs a system on this data directory."""


class BrokerCountError(LocalError):
    """The data directory holds a Kafka of another number of brokers."""

    def __init__(self, data: Path, found: int, wanted: int) -> None:
        super().__init__(
            f"{data} belongs to a Kafka of {found} brokers, not of {wanted}; start it with "
            f"--brokers {found}, or choose another directory with --data-dir"
        )


class JarError(LocalError):
    """A jar could not be fetched, or is not the one that was locked."""


class MissingPartError(LocalError):
    """A program that we start is not on this machine."""


class NoFreePortError(LocalError):
    """No port could be found to listen on."""


class StartError(LocalError):
    """A process ended early or did not get ready in time; shows the end of its log."""

    def __init__(self, name: str, fault: str, log: Path) -> None:
        super().__init__(f"{name} {fault}. The end of its log, {log}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    if not log.exists():
        return "(nothing)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:])
