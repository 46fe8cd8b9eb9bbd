"""Role events and state records go into the outbox, in the transaction of what they tell."""

from collections.abc import Iterable

from services.roles.domain import BadMappingError, Directory, Moment, Told, Working
from shared import db, outbox
from shared.contracts import envelope, role_events
from shared.contracts.envelope import Origin
from shared.contracts.ids import UserId
from shared.contracts.role_events import MappingSaved
from shared.contracts.topics import ROLE_EVENTS, ROLE_STATE


async def append_saved(
    tx: db.Connection, directory: Directory, saved: MappingSaved, moment: Moment
) -> None:
    """Append that a mapping was saved; its transitions follow. Raises BadMappingError."""
    entry = _event(saved, _origin(directory, moment))
    try:
        await outbox.append(tx, directory.id, [entry])
    except outbox.EventTooLargeError as error:
        raise BadMappingError(
            "The mapping has too many rows to be told in one event; map fewer groups."
        ) from error


async def append(tx: db.Connection, working: Working, told: Iterable[Told]) -> None:
    """Append role events, then the state of each user of whom it says something new."""
    directory = working.directory
    entries = [_event(one.event, _origin(directory, one.moment)) for one in told]
    entries += [
        _state(working, user, _origin(directory, moment)) for user, moment in working.stated.items()
    ]
    await outbox.append(tx, directory.id, entries)


def _origin(directory: Directory, moment: Moment) -> Origin:
    return Origin(
        directory.id,
        directory.organization,
        moment.time,
        causation_id=moment.causation_id,
    )


def _event(event: role_events.RoleEvent, origin: Origin) -> outbox.Entry:
    tail = envelope.tail(event.type, event.subject, origin, event, role_events.SCOPE)
    return outbox.Entry(ROLE_EVENTS.name, origin.directory, tail)


def _state(working: Working, user: UserId, origin: Origin) -> outbox.Entry:
    state = working.state_of(user)
    tail = None
    if state:
        subject = f"users/{user}"
        tail = envelope.tail(state.type, subject, origin, state, role_events.STATE_SCOPE)
    return outbox.Entry(ROLE_STATE.name, f"{origin.directory}/{user}", tail, numbered=False)
