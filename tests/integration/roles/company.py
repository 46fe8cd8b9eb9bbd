"""Four people, two groups and three roles, and what they hold by names."""

from typing import Any

import pytest

from shared import db
from tests.integration.roles import world
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog


@pytest.fixture
async def log(api: Api, database: db.Database) -> DirectoryLog:
    """Ada is in Owners and Staff, Bob in Staff, Cyd in neither, Dan is suspended."""
    log = DirectoryLog()
    for name in ("ada", "bob", "cyd", "dan"):
        log.user(name)
    log.suspend("dan")
    log.group("owners", "Owners")
    log.group("staff", "Staff")
    for user, group in (("ada", "owners"), ("ada", "staff"), ("bob", "staff")):
        log.join(user, group)
    await api.declare("admin", "billing", "viewer")
    await world.apply(database, log.envelopes)
    return log


def default(role: str | None, confirmed_name: str | None = None) -> dict[str, object]:
    return {"default": {"role": role, "confirmedName": confirmed_name}}


async def held(database: db.Database, log: DirectoryLog) -> dict[str, dict[str, set[str]]]:
    """Return what each user holds, by names: user → role → groups and other kinds."""
    users = {user.id: name for name, user in log.users.items()}
    groups = {group.id: name for name, group in log.groups.items()}
    found: dict[str, dict[str, set[str]]] = {}
    for (user, role), through in (await world.stored(database, log)).items():
        found.setdefault(users[user], {})[role] = {groups.get(one, one) for one in through}
    return found


async def feed(database: db.Database, log: DirectoryLog, seen: int) -> None:
    await world.apply(database, log.envelopes[seen:])


async def told(database: db.Database, log: DirectoryLog, after: int = 0) -> list[str]:
    """Return what the events after so many rows of the outbox say, one line each."""
    return [
        _line(row.document)
        for row in (await world.outbox(database, log))[after:]
        if row.document and row.topic == "role.events.v1"
    ]


def _line(event: dict[str, Any]) -> str:
    data, verb = event["data"], event["type"].removeprefix("rollcall.").removesuffix(".v1")
    if "user" not in data:
        return verb
    reason = f" ({data['reason']['kind']})" if "reason" in data else ""
    return f"{verb} {data['user']['userName']} {data['role']['key']}{reason}"
