"""What operators do with versions of the read models: rebuild, switch, switch back, drop."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict

import structlog

from services.projector.domain import versions as rules
from services.projector.domain.versions import ReadModel, State
from services.projector.store import checksums
from services.projector.store import versions as store
from shared import audit, db, kafka
from shared.contracts import management
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

_log = structlog.get_logger(__name__)
REGISTRY = "services.projector.migrations.registry"
_TOPICS = (DIRECTORY_EVENTS.name, ROLE_EVENTS.name)
_SWITCH_ATTEMPTS = 20
_OF_EACH_VERSION = ("shared", "services.projector")

Bounds = dict[kafka.Place, tuple[int, int]]


async def migrate(dsn: str) -> list[str]:
    """Bring registry and all versions up to date; make the first; return what was applied.

    Raises db.DatabaseUnavailableError, db.MigrationError.
    """
    async with db.connect(dsn, "projector", max_size=1) as database:
        applied = await db.migrate(database, [REGISTRY])
        async with database.transaction() as tx:
            await store.lock(tx)
            if not await store.every(tx):
                await store.add(tx, State.CURRENT, "migration")
            models = await store.every(tx)
        for model in models:
            applied += [f"{model.schema}: {step}" for step in await _migrate(database, dsn, model)]
        if applied:
            async with database.transaction() as tx:
                await store.show_first(tx, models[0].version)
    return applied


async def _migrate(database: db.Database, dsn: str, model: ReadModel) -> list[str]:
    if model.indexes:
        # A migration may name an index that was set aside.
        async with database.transaction() as tx:
            await store.put_indexes_back(tx, model)
    async with db.connect(dsn, model.schema, max_size=1) as its:
        return await db.migrate(its, _OF_EACH_VERSION)


async def prepare(database: db.Database, dsn: str, model: ReadModel) -> None:
    """Make the tables of a new version, without the indexes that only readers need."""
    await _migrate(database, dsn, model)
    async with database.transaction() as tx:
        taken, leader = await store.take(tx, model), await store.live(tx)
        if taken and leader is not None:
            await store.copy_given_up(tx, taken, leader)
            await store.set_indexes_aside(tx, taken)
            await store.set_state(tx, model.version, State.FILLING)


async def bounds(servers: kafka.Servers) -> Bounds:
    """Return the first and the next offset of each partition of the log."""
    places = await kafka.places(servers, _TOPICS)
    async with kafka.reader(servers, [], past=True) as reader:
        return await reader.log_bounds(places)


async def every(database: db.Database) -> list[management.ReadModel]:
    """Return all versions that are not dropped."""
    async with database.connection() as connection:
        return [_told(one) for one in await store.every(connection)]


async def current(database: db.Database) -> management.ReadModel:
    """Return the version that was rebuilt last. Raises UnknownVersionError."""
    async with database.connection() as connection:
        return _told(await store.newest(connection))


async def start(
    database: db.Database, servers: kafka.Servers, wanted: management.NewRebuild
) -> management.ReadModel:
    """Begin a new version; it is filled by whoever runs consumers. Raises RefusedError."""
    found = await bounds(servers)
    async with database.transaction() as tx:
        await store.lock(tx)
        cut = sum(first for first, _ in found.values())
        rules.refuse_start(await store.every(tx), cut, accepts_loss=wanted.accept_loss)
        version = await store.add(
            tx,
            State.PREPARING,
            wanted.actor,
            switches=wanted.switch,
            accepts_loss=wanted.accept_loss,
            total=sum(end - first for first, end in found.values()),
        )
        facts = {"version": version, "switch": wanted.switch, "cut": cut}
        await audit.record(tx, wanted.actor, "rebuild.started", None, facts)
        model = await store.one(tx, version)
    _log.info("rebuild.started", count=version)
    return _told(model)


async def switch(
    database: db.Database, version: int, wanted: management.Switch
) -> management.ReadModel:
    """Make a version the live one. Raises UnknownVersionError, RefusedError.

    Readers hold the views for moments only; while they do, we stand back and try again.
    """
    for _ in range(_SWITCH_ATTEMPTS - 1):
        try:
            return await _switch(database, version, wanted)
        except Exception as error:
            if not db.is_transient(error):
                raise
        await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # jitter, no secret
    return await _switch(database, version, wanted)


async def _switch(
    database: db.Database, version: int, wanted: management.Switch
) -> management.ReadModel:
    async with database.transaction() as tx:
        await store.lock(tx)
        model, leader = await store.one(tx, version), await store.live(tx)
        if leader == version or leader is None:
            return _told(model)
        behind = await store.behind(tx, version, leader)
        stopped = await store.stopped_alone(tx, version, leader)
        rules.refuse_switch(model, behind, stopped, insists=wanted.force)
        await store.show(tx, version)
        if model.state is not State.CURRENT:
            await store.set_state(tx, version, State.CURRENT, model.reason)
        facts = {"version": version, "before": leader, "behind": behind, "force": wanted.force}
        await audit.record(tx, wanted.actor, "read_model.switched", None, facts)
        after = await store.one(tx, version)
    _log.info("read_model.switched", count=version)
    return _told(after)


async def drop(database: db.Database, version: int, actor: str) -> None:
    """Give a version up; its tables go a few seconds later, once nobody writes to them.

    Raises UnknownVersionError, RefusedError.
    """
    async with database.transaction() as tx:
        await store.lock(tx)
        model = await store.one(tx, version)
        rules.refuse_drop(model)
        await store.set_state(tx, version, State.DROPPED)
        await checksums.forget(tx, version)
        facts = {"version": version, "state": model.state}
        await audit.record(tx, actor, "read_model.dropped", None, facts)
    _log.info("read_model.dropped", count=version)


async def consumed(database: db.Database) -> list[ReadModel]:
    """Return the versions that are kept up to date."""
    async with database.connection() as connection:
        models: Sequence[ReadModel] = await store.every(connection)
    return [one for one in models if one.state in rules.CONSUMED]


def is_final(error: Exception) -> bool:
    """Tell whether trying again would end the same; Kafka and Postgres come back."""
    return not (
        db.is_transient(error) or isinstance(error, kafka.Error | kafka.KafkaUnavailableError)
    )


async def give_up(database: db.Database, version: int, error: Exception) -> bool:
    """Mark a version as failed; False for the live one, whose failure is everybody's."""
    async with database.transaction() as tx:
        await store.lock(tx)
        if await store.live(tx) == version:
            return False
        await store.set_state(tx, version, State.FAILED, str(error))
    return True


def _told(model: ReadModel) -> management.ReadModel:
    return management.ReadModel.model_validate(asdict(model))
