"""How far each stage is, from the positions of all."""

from datetime import UTC, datetime, timedelta

from services.portal.domain import health
from services.portal.domain.health import Positions, Stage
from services.portal.domain.rows import Delay, HopDelay, HopDelays
from shared.contracts.management import Outgoing, Reached, RolesPosition

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(sequence: int, generation: int = 1) -> Reached:
    return Reached(generation=generation, sequence=sequence)


def positions(
    stored: int = 40, published: int = 40, applied: int = 40, told: int = 12, seen: int = 40
) -> Positions:
    return Positions(
        Outgoing(stored=at(stored), published=at(published), delayed_s=3.0),
        RolesPosition(applied=at(applied), told=Outgoing(stored=at(12), published=at(told))),
        {"directory.events.v1": at(seen), "role.events.v1": at(told)},
    )


def stages(found: Positions) -> dict[str, Stage]:
    return {stage.title: stage for stage in health.stages(found)}


def states(found: Positions) -> list[tuple[str, int | None]]:
    return [(stage.state, stage.behind) for stage in health.stages(found)]


def test_where_everything_has_arrived_every_stage_is_good() -> None:
    assert states(positions()) == [("good", 0)] * 6


def test_each_stage_is_held_against_the_one_before_it() -> None:
    found = stages(positions(stored=50, published=40, applied=35, told=10, seen=38))

    assert found["Published"].behind == 10
    assert found["Published"].delayed_s == 3.0
    assert found["Roles applied"].behind == 5
    assert found["Roles published"].behind == 2
    assert found["Users and groups visible here"].behind == 2
    assert found["Roles visible here"].state == "good"


def test_who_was_asked_later_may_be_further() -> None:
    assert stages(positions(applied=44))["Roles applied"].behind == 0


def test_before_the_first_event_nothing_is_behind() -> None:
    found = Positions(
        Outgoing(stored=at(0)), RolesPosition(applied=at(0), told=Outgoing(stored=at(0))), {}
    )

    assert states(found) == [("good", 0)] * 6


def test_roles_that_does_not_answer_is_not_known() -> None:
    found = Positions(Outgoing(stored=at(4), published=at(4)), None,
                      {"directory.events.v1": at(4), "role.events.v1": at(9)})  # fmt: skip

    by_title = stages(found)
    assert by_title["Roles applied"].state == by_title["Roles published"].state == "unknown"
    assert by_title["Roles visible here"].behind is None


def test_a_history_that_starts_anew_is_counted_from_there() -> None:
    found = Positions(
        Outgoing(stored=at(3, generation=2), published=at(3, generation=2)),
        RolesPosition(applied=at(900), told=Outgoing(stored=at(0))),
        {"directory.events.v1": at(3, generation=2)},
    )

    by_title = stages(found)
    assert (by_title["Roles applied"].state, by_title["Roles applied"].behind) == ("behind", None)
    assert by_title["Users and groups visible here"].state == "good"


def test_a_read_model_that_stopped_says_since_when() -> None:
    since = NOW - timedelta(minutes=5)
    found = Positions(
        Outgoing(stored=at(4), published=at(4)), None, {"directory.events.v1": at(1)},
        delays=[Delay("users and groups", since, "directory.events.v1")],
    )  # fmt: skip

    stage = stages(found)["Users and groups visible here"]
    assert (stage.state, stage.since, stage.behind) == ("stopped", since, 3)
    assert stages(found)["Roles visible here"].since is None


def test_the_parts_of_the_way_are_those_that_were_measured() -> None:
    told, seen = HopDelay.of([0.01, 0.2]), HopDelay.of([-0.001, 0.4])
    measured = HopDelays(200, told, seen)

    assert health.hops(None, None) == []
    assert [hop.delay for hop in health.hops(measured, None)] == [told, seen]
    assert seen.typical == timedelta()
    assert len(health.hops(measured, measured)) == 4
