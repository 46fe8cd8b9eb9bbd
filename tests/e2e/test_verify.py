"""`rollcall verify` on the running system: silent when all is well, precise when it is not."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from tests.support.system import Outcome, System
from tests.support.world import Directory, World

_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True)
class Tampering:
    """What somebody does to a database behind the services' backs, and how to undo it."""

    service: str
    do: str
    undo: str
    check: str
    words: str


TAMPERINGS = {
    "ingest changes a user without an event": Tampering(
        "ingest",
        """update users set document = document || '{"title": "Boss"}' where directory_id = $1""",
        "update users set document = document - 'title' where directory_id = $1",
        "C4",
        "users: row .* differs between ingest and the log",
    ),
    "ingest counts an event that nobody wrote": Tampering(
        "ingest",
        "update directory_sequences set sequence = sequence + 1 where directory_id = $1",
        "update directory_sequences set sequence = sequence - 1 where directory_id = $1",
        "C2",
        "ingest committed it, and it is neither in Kafka nor in the outbox",
    ),
    "roles suspends a user by itself": Tampering(
        "roles",
        "update users set active = false where directory_id = $1",
        "update users set active = true where directory_id = $1",
        "C5",
        "users: row .* differs between roles and the log",
    ),
    "roles remembers another cause": Tampering(
        "roles",
        "update assignments set since = since - interval '1 s' where directory_id = $1",
        "update assignments set since = since + interval '1 s' where directory_id = $1",
        "C6",
        "assignments: row .*/admin differs between roles and the role events",
    ),
    "roles maps the group to nothing": Tampering(
        "roles",
        "update mappings set group_id = directory_id where directory_id = $1",
        """update mappings set group_id = (select id from groups where directory_id = $1)
        where directory_id = $1""",
        "C5",
        "assignments: row .*/admin is in roles, but not in the recomputation",
    ),
    "the read model shows another name": Tampering(
        "projector",
        "update users set display_name = display_name || '!' where directory_id = $1",
        "update users set display_name = rtrim(display_name, '!') where directory_id = $1",
        "C7",
        "users: row .* differs between the read model and the log",
    ),
    "the read model miscounts": Tampering(
        "projector",
        "update member_counts set members = members + 1 where directory_id = $1",
        "update member_counts set members = members - 1 where directory_id = $1",
        "C7",
        "member_counts: row .* differs between the read model and the log",
    ),
    "the projector parked the directory": Tampering(
        "projector",
        """update directory_positions set state = 'parked', reason = 'boom'
        where directory_id = $1""",
        "update directory_positions set state = 'live', reason = null where directory_id = $1",
        "C8",
        "projector parked it in .*: boom",
    ),
    "the projector passed over an event": Tampering(
        "projector",
        "update directory_positions set sequence = sequence - 1 where directory_id = $1",
        "update directory_positions set sequence = sequence + 1 where directory_id = $1",
        "C2",
        "projector read past it in .* without applying it",
    ),
}


async def settled(world: World) -> Directory:
    """Return a directory, settled: one user holds a role, of another nobody said `active`."""
    acme = await world.directory(mapping={"Admins": "admin"})
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})
    bob = await acme.provision("bob")
    without = [{"op": "remove", "path": "active"}]
    await acme.call("PATCH", f"/Users/{bob.id}?", {"schemas": [_PATCH_OP], "Operations": without})
    return acme


async def execute(system: System, service: str, sql: str, directory: str) -> None:
    connection = await asyncpg.connect(
        system.run["postgres"][service], server_settings={"search_path": service}
    )
    try:
        await connection.execute(sql, directory)
    finally:
        await connection.close()


def findings(outcome: Outcome, check: str) -> list[dict[str, Any]]:
    return [one for one in outcome.json["checks"][check]["findings"] if one["verdict"] == "fault"]


async def test_the_whole_system_holds_while_it_is_written_to(system: System, world: World) -> None:
    acme = await settled(world)
    played = system.rollcall(
        "simulate", "onelogin", "--endpoint", acme.endpoint, "--token", acme.token,
        "--users", "30", "--groups", "3", "--days", "5", "--json",
    )  # fmt: skip

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(played)
        during = [await system.rollcall("verify", "--json") for _ in range(2)]
    after = await system.rollcall("verify")

    assert writing.result().code == 0
    assert [outcome.code for outcome in during] == [0, 0], during[0].output + during[1].output
    assert after.code == 0, after.output
    assert [line.split()[:2] for line in after.output.splitlines() if line.startswith("C")] == [
        ["C1", "not"], *([f"C{n}", "holds"] for n in range(2, 9)),
    ]  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_what_somebody_tampered_with_is_named(
    system: System, world: World, name: str
) -> None:
    acme, tampering = await settled(world), TAMPERINGS[name]

    await execute(system, tampering.service, tampering.do, acme.id)
    try:
        outcome = await system.rollcall("verify", "--directory", acme.id, "--within", "1", "--json")
    finally:
        await execute(system, tampering.service, tampering.undo, acme.id)

    found = findings(outcome, tampering.check)
    assert outcome.code == 1
    assert any(
        one["directory"] == acme.id and re.search(tampering.words, one["detail"]) for one in found
    ), outcome.output


async def test_what_is_on_its_way_is_not_settled_and_no_fault(system: System, world: World) -> None:
    acme = await settled(world)
    behind = """
    with one as (update directory_sequences set sequence = sequence + 1 where directory_id = $1
                 returning lane, directory_id, generation, sequence)
    insert into outbox (lane, topic, key, directory_id, generation, sequence)
    select -1, 'directory.events.v1', directory_id, directory_id, generation, sequence from one
    """
    undo = """
    with one as (update directory_sequences set sequence = sequence - 1 where directory_id = $1)
    delete from outbox where directory_id = $1
    """

    await execute(system, "ingest", behind, acme.id)
    try:
        outcome = await system.rollcall("verify", "--directory", acme.id, "--within", "1")
    finally:
        await execute(system, "ingest", undo, acme.id)

    assert outcome.code == 3
    assert "it waits in the outbox of ingest" in outcome.output


async def test_a_snapshot_changes_nothing_of_what_holds(system: System, world: World) -> None:
    acme = await settled(world)

    told = await system.rollcall("snapshot", acme.id)
    outcome = await system.rollcall("verify", "--directory", acme.id, "--json")

    assert told.code == 0
    assert outcome.code == 0, outcome.output
    events = await acme.world.records("directory.events.v1")
    assert "rollcall.snapshot.end.v1" in {
        event["type"] for key, event in events if event and key == acme.id
    }


async def test_a_journal_is_compared_with_the_log(
    system: System, world: World, tmp_path: Path
) -> None:
    acme = await settled(world)
    lost = {"directory": acme.id, "request": "r-1", "outcome": "ok", "changes": ["users/9"]}
    path = tmp_path / "journal.jsonl"
    path.write_bytes(orjson.dumps(lost) + b"\n")

    outcome = await system.rollcall(
        "verify", "--directory", acme.id, "--journal", str(path), "--json"
    )

    assert outcome.code == 1
    [found] = findings(outcome, "C1")
    assert found["detail"] == "request r-1 changed users/9, and left 0 events of it"


async def test_what_cannot_be_looked_at_is_no_verdict(system: System, tmp_path: Path) -> None:
    nowhere = await System(tmp_path).rollcall("verify")
    unknown = await system.rollcall("verify", "--directory", "00000000-0000-0000-0000-000000000000")

    assert nowhere.code == 3
    assert "make run" in nowhere.errors
    assert unknown.code == 3
    assert "directories list" in unknown.errors
