"""Many operations in one request (RFC 7644 §3.7): each as if it had come alone, in a good order."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from services.ingest.domain.preconditions import Precondition
from services.ingest.domain.resources import Act, Resource
from services.ingest.scim import bulk
from services.ingest.scim.bulk import Job, Operation
from services.ingest.scim.errors import ScimError, Unresolved
from services.ingest.usecases.writing import BY_TYPE, UseCases
from shared import db
from shared.outbox import EventTooLargeError

Ids: TypeAlias = Mapping[str, str]
"""The ids that stand behind bulkIds."""

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation: the resource (None when deleted), or an error.

    `key` is the id of the resource; None for a POST that failed, or where the path means none.
    """

    operation: Operation
    key: str | None = None
    resource: Resource | None = None
    error: Exception | None = None


async def perform(
    database: db.Database, act: Act, job: Job, has_time: Callable[[], bool]
) -> list[Outcome]:
    """Execute the operations until there are too many errors; return what was executed, as sent.

    Operations that refer to each other in a circle stand or fall together (ADR 0013). When there
    is no more time, the outcome of the rest is a TimeoutError: they may be sent again.
    """
    ids: dict[str, str] = {}
    outcomes: dict[int, Outcome] = {}
    errors = 0
    for step in bulk.steps(job.operations):
        made = (
            await _step(database, act, step, ids)
            if has_time()
            else [_failed(each, ids, TimeoutError()) for each in step]
        )
        outcomes |= {each.operation.place: each for each in made}
        ids |= _ids(made)
        errors += sum(each.error is not None for each in made)
        if job.fail_on_errors and errors >= job.fail_on_errors:
            break
    return [outcomes[place] for place in sorted(outcomes)]


def _ids(outcomes: list[Outcome]) -> dict[str, str]:
    return {
        each.operation.bulk_id: each.resource.id
        for each in outcomes
        if each.operation.method == "POST" and each.operation.bulk_id and each.resource
    }


async def _step(
    database: db.Database, act: Act, step: tuple[Operation, ...], ids: Ids
) -> list[Outcome]:
    if any(each.bulk_id in each.refers_to for each in step) or len(step) > 1:
        return await _circle(database, act, step, ids)
    [operation] = step
    return [await _alone(database, act, operation, ids)]


async def _alone(database: db.Database, act: Act, operation: Operation, ids: Ids) -> Outcome:
    try:
        return await db.repeated(partial(_done, database, act, operation, ids))
    except Exception as error:
        if not _is_answerable(error):
            raise
        return _failed(operation, ids, error)


async def _circle(
    database: db.Database, act: Act, circle: tuple[Operation, ...], ids: Ids
) -> list[Outcome]:
    """Execute POSTs that refer to each other: all or none, with ids issued beforehand."""
    issued: Ids = {str(each.bulk_id): str(uuid.uuid4()) for each in circle}
    expected = {**ids, **issued}
    for _ in range(_ROUNDS):
        try:
            return await db.repeated(partial(_together, database, act, circle, expected, issued))
        except _OtherIdsError as found:
            expected |= found.ids
            issued = dict(issued.items() & found.ids.items())
        except _PartFailedError as part:
            return [_failed(each, ids, part.of(each)) for each in circle]
        except Exception as error:
            if not _is_answerable(error):
                raise
            return [_failed(each, ids, error) for each in circle]
    return [_failed(each, ids, Unresolved(str(each.bulk_id))) for each in circle]


async def _together(
    database: db.Database, act: Act, circle: tuple[Operation, ...], ids: Ids, issued: Ids
) -> list[Outcome]:
    made: list[Outcome] = []
    async with database.together() as joint:
        for operation in circle:
            try:
                new_id = issued.get(str(operation.bulk_id))
                made.append(await _done(joint, act, operation, ids, new_id))
            except (ScimError, EventTooLargeError) as error:
                raise _PartFailedError(operation, error) from error
        if not _ids(made).items() <= ids.items():
            raise _OtherIdsError(_ids(made))
    return made


def _is_answerable(error: Exception) -> bool:
    """Whether an error concerns the operation that met it, and no other."""
    return isinstance(error, ScimError | EventTooLargeError) or db.is_transient(error)


@dataclass(eq=False)
class _OtherIdsError(Exception):
    """A user came back (ADR 0011) and has an id already: once more, with that one."""

    ids: Ids


@dataclass(eq=False)
class _PartFailedError(Exception):
    """One operation of a circle cannot be executed, and so none."""

    operation: Operation
    error: Exception

    def of(self, operation: Operation) -> Exception:
        """Return what befell an operation: its own error, or that of a reference."""
        if operation is self.operation:
            return self.error
        return Unresolved(str(self.operation.bulk_id))


async def _done(
    database: db.Database, act: Act, operation: Operation, ids: Ids, new_id: str | None = None
) -> Outcome:
    if operation.fault:
        raise operation.fault
    key, raw = bulk.resolved([operation.key, operation.data], ids)
    call = _Call(database, act, key, raw, new_id, Precondition(only=operation.when))
    resource = await _METHODS[operation.method](call, BY_TYPE[operation.kind])
    return Outcome(operation, resource.id if resource else key, resource)


@dataclass(frozen=True, slots=True)
class _Call:
    """An operation with its references resolved."""

    database: db.Database
    act: Act
    key: str
    raw: Any
    new_id: str | None
    when: Precondition


async def _post(call: _Call, use_cases: UseCases) -> Resource:
    return await use_cases.create(call.database, call.act, call.raw, call.new_id)


async def _put(call: _Call, use_cases: UseCases) -> Resource:
    return await use_cases.replace(call.database, call.act, call.key, call.raw, call.when)


async def _patch(call: _Call, use_cases: UseCases) -> Resource:
    return await use_cases.patched(call.database, call.act, call.key, call.raw, call.when)


async def _delete(call: _Call, use_cases: UseCases) -> None:
    await use_cases.delete(call.database, call.act, call.key, call.when)


_METHODS: Mapping[str, Callable[[_Call, UseCases], Awaitable[Resource | None]]] = {
    "POST": _post,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}


def _failed(operation: Operation, ids: Ids, error: Exception) -> Outcome:
    try:
        key = bulk.resolved(operation.key, ids)
    except Unresolved:
        key = None
    return Outcome(operation, key, error=error)
