"""Role events and state records go into the outbox, in the transaction of what they tell."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.roles.domain.errors import BadMappingError
from services.roles.domain.values import Directory, Moment, Told
from services.roles.domain.working import Working
from services.roles.store import history
from shared import db, outbox
from shared.contracts import envelope, role_events
from shared.contracts.envelope import Origin
from shared.contracts.ids import UserId
from shared.contracts.role_events import AssignmentEvent, MappingSaved
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


async def append(tx: db.Connection, told: Sequence[tuple[Working, Sequence[Told]]]) -> None:
    """Append the role events of directories, and the state of each user that it says new.

    What the events say goes into the history of assignments as well.
    """
    entries = {part.directory.id: list(_entries(part, events)) for part, events in told}
    reached = await outbox.append_all(tx, entries)
    chapters = [
        history.Chapter(part.directory.id, reached[part.directory.id], events)
        for part, events in told
        if events
    ]
    await history.append(tx, chapters)


def _entries(working: Working, told: Sequence[Told]) -> Iterator[outbox.Entry]:
    """Yield each user's state just before the last event that leads to it, under its number.

    Who has read the state up to a number has missed nothing up to there (ADR 0021).
    """
    stated = dict(working.stated)
    last = {one.event.user.id: one for one in told if isinstance(one.event, AssignmentEvent)}
    for one in told:
        user, origin = one.event.user.id, _origin(working.directory, one.moment)
        since = stated.pop(user, None) if last.get(user) is one else None
        if since:
            # As of its own moment: what came behind the event is in the state too.
            yield _state(working, user, _origin(working.directory, since))
        yield _event(one.event, origin, numbered=since is None)
    for user, moment in stated.items():
        yield replace(_state(working, user, _origin(working.directory, moment)), numbered=False)


def _origin(directory: Directory, moment: Moment) -> Origin:
    return Origin(
        directory.id,
        directory.organization,
        moment.time,
        moment.traceparent,
        moment.causation_id,
    )


def _event(event: role_events.RoleEvent, origin: Origin, *, numbered: bool = True) -> outbox.Entry:
    tail = envelope.tail(event.type, event.subject, origin, event, role_events.SCOPE)
    return outbox.Entry(ROLE_EVENTS.name, origin.directory, tail, numbered)


def _state(working: Working, user: UserId, origin: Origin) -> outbox.Entry:
    state = working.state_of(user)
    tail = None
    if state:
        subject = f"users/{user}"
        tail = envelope.tail(state.type, subject, origin, state, role_events.STATE_SCOPE)
    return outbox.Entry(ROLE_STATE.name, f"{origin.directory}/{user}", tail)
