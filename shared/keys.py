"""Who may call `/v1`: the operator's key opens all of it, others what their scopes say.

    [billing]                                      # its name
    sha256 = "…"                                   # of the key: what is read here opens nothing
    scopes = ["directories:read", "roles:write"]

The file is read again when it has changed, so that a key ends with the next request.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import structlog
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

_log = structlog.get_logger(__name__)
Area: TypeAlias = Literal["directories", "roles", "links", "operations"]
"""What calls are about: ingest's data, who holds what, ways into the portal, running Rollcall."""
SCOPES = frozenset(f"{area}:{right}" for area in get_args(Area) for right in ("read", "write"))
_Scope = Annotated[str, StringConstraints(pattern=f"^({'|'.join(sorted(SCOPES))})$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class BadKeysError(Exception):
    """The file of keys cannot be read."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what it may do."""

    name: str
    scopes: frozenset[str]


OPERATOR = Caller("operator", SCOPES)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: frozenset[_Scope]


_FILE = TypeAdapter(dict[_Name, _Entry])


def digest(key: str) -> str:
    """Return what the file holds of a key; enough for what is random and long."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def read(path: Path) -> dict[str, Caller]:
    """Return the callers of a file by the digests of their keys. Raises BadKeysError."""
    try:
        entries = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise BadKeysError(f"{path}: {place}: {fault['msg']}") from error
    except (OSError, ValueError) as error:
        raise BadKeysError(f"{path} cannot be read: {error}") from error
    return {one.sha256: Caller(name, one.scopes) for name, one in entries.items()}


@dataclass(slots=True)
class Keys:
    """The operator's key, and those in a file if there is one."""

    operator: str
    path: Path | None = None
    _callers: Mapping[str, Caller] = field(default_factory=dict)
    _stamp: tuple[int, ...] = ()

    @classmethod
    def of(cls, operator: str, path: str) -> "Keys":
        """Return the keys as the settings name them; no path, no file. Raises BadKeysError."""
        if not path:
            return cls(operator)
        file = Path(path)
        return cls(operator, file, read(file), _stamp_of(file))

    def caller(self, key: str) -> Caller | None:
        """Return who calls with a key; None for one that opens nothing."""
        if hmac.compare_digest(key.encode(errors="replace"), self.operator.encode()):
            return OPERATOR
        if self.path:
            self._look(self.path)
        return self._callers.get(digest(key))

    def _look(self, path: Path) -> None:
        """Read the file if it is another by now; one that is broken changes nothing."""
        stamp = _stamp_of(path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._callers = read(path)
        except BadKeysError as error:
            _log.error("keys.file_refused", reason=str(error))


def _stamp_of(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
