"""Each checker names the row in which two sides differ; equal sides leave no finding."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cli.verify import checks, rows
from cli.verify.cuts import Model, Roles, Source, Standing
from cli.verify.fold import DirectoryFold
from cli.verify.report import Report
from cli.verify.role_fold import RoleFold, State, effective
from cli.verify.rows import Holding, Options
from shared.contracts.envelope import Envelope
from tests.support.directory_log import DirectoryLog
from tests.support.role_log import RoleLog


@dataclass
class Company:
    """Two users in a group that grants a role; one is suspended, one was deleted."""

    log: DirectoryLog = field(default_factory=DirectoryLog)
    fold: DirectoryFold = field(default_factory=DirectoryFold)

    def __post_init__(self) -> None:
        for name in ("ada", "bob", "cyd"):
            self.log.user(name)
        self.admins = self.log.group("admins")
        for name in ("ada", "bob", "cyd"):
            self.log.join(name, "admins")
        self.ada = self.log.users["ada"]
        self.bob = self.log.users["bob"]
        self.log.suspend("bob")
        self.log.delete_user("cyd")
        for event in self.log.envelopes:
            self.fold.apply(event)

    def source(self) -> Source:
        present = {key: one for key, one in self.fold.users.items() if not one.is_deleted}
        groups = {key: one.content for key, one in self.fold.groups.items()}
        return Source(
            (1, 1), None, {key: one.content for key, one in present.items()},
            self.fold.active_users(), groups, set(self.fold.edges),
        )  # fmt: skip

    def model(self) -> Model:
        found = Model(Standing(), Standing(), self.fold.description)
        found.users = {key: one.row for key, one in self.fold.users.items()}
        found.groups = {key: one.row for key, one in self.fold.groups.items()}
        found.edges = {edge: one.since for edge, one in self.fold.edges.items()}
        found.member_counts = self.fold.member_counts()
        return found

    def roles(self) -> Roles:
        found = Roles(Standing())
        found.users = {k: one.ref for k, one in self.fold.users.items() if not one.is_deleted}
        found.groups = {k: (one.ref, one.is_deleted) for k, one in self.fold.groups.items()}
        found.edges = set(self.fold.edges)
        found.mapping = [(self.admins, "admin")]
        cause = rows.digest("cause")
        found.held = {
            (self.ada.id, "admin"): Holding((self.admins,), self.log.envelopes[0].time, cause)
        }
        return found


@pytest.fixture
def company() -> Company:
    return Company()


@pytest.fixture
def report() -> Report:
    return Report()


def words(report: Report, check: str) -> str:
    found = report.first(check)
    return found.words if found else ""


def test_tables_that_follow_from_the_log_have_no_fault(company: Company, report: Report) -> None:
    checks.source(report, "d", company.fold, company.source())
    checks.model(report, "d", company.fold, company.model())
    checks.inputs(report, "d", company.fold, company.roles())
    checks.assignments(
        report, "d", company.fold.active_users(), company.fold.edges, company.roles()
    )

    assert report.exit_code == 0
    assert report.counts["C4"]["rows"] == 5


def test_a_row_that_ingest_changed_without_an_event_is_named(
    company: Company, report: Report
) -> None:
    stored = company.source()
    stored.users[company.ada.id] = rows.digest("another title")

    checks.source(report, "d", company.fold, stored)

    assert words(report, "C4") == (
        f"users: row {company.ada.id} differs between ingest and the log"
    )
    assert report.exit_code == 1


def lose_a_user(model: Model, company: Company) -> None:
    del model.users[company.ada.id]


def keep_a_membership(model: Model, company: Company) -> None:
    model.edges[company.admins, "nobody"] = company.log.envelopes[0].time


def miscount(model: Model, company: Company) -> None:
    model.member_counts[company.admins] = 7


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lose_a_user, "users: row .* is missing in the read model, present in the log"),
        (keep_a_membership, "memberships: row .*nobody is in the read model, but not in the log"),
        (miscount, "member_counts: row .* differs between the read model and the log"),
    ],
)
def test_a_read_model_that_is_no_rebuild_is_named(
    company: Company, report: Report, tamper: Callable[[Model, Company], None], expected: str
) -> None:
    stored = company.model()
    tamper(stored, company)

    checks.model(report, "d", company.fold, stored)

    assert re.search(expected, words(report, "C7"))


def test_a_role_that_nothing_grants_is_named(company: Company, report: Report) -> None:
    stored = company.roles()
    stored.held[company.bob.id, "admin"] = stored.held[company.ada.id, "admin"]

    checks.assignments(report, "d", company.fold.active_users(), company.fold.edges, stored)

    assert words(report, "C5") == (
        f"assignments: row {company.bob.id}/admin is in roles, but not in the recomputation"
    )


def test_a_role_given_by_hand_is_held_by_who_is_active(company: Company, report: Report) -> None:
    stored = company.roles()
    held = stored.held[company.ada.id, "admin"]
    stored.by_hand = {(company.ada.id, "admin"), (company.bob.id, "owner")}
    through = (*held.through, "manual")
    stored.held[company.ada.id, "admin"] = held._replace(through=through)

    checks.assignments(report, "d", company.fold.active_users(), company.fold.edges, stored)

    assert report.exit_code == 0


def test_what_nobody_gave_by_hand_is_named(company: Company, report: Report) -> None:
    stored = company.roles()
    stored.held = {}
    stored.by_hand = {(company.bob.id, "owner")}

    checks.told(report, "d", RoleFold(mapping=stored.mapping), stored)

    assert words(report, "C6").startswith(f"manual_assignments: row {company.bob.id}/owner is in")


def fold(events: list[Envelope]) -> RoleFold:
    found = RoleFold()
    for event in events:
        found.apply(event)
    return found


def test_role_events_alternate_or_are_named(company: Company) -> None:
    log = RoleLog(company.log.id, company.log.organization)
    log.assign(company.ada, "admin")
    log.revoke(company.ada, "admin")
    assigned, revoked = log.envelopes

    assert fold([assigned, revoked]).broken == []
    assert fold([assigned, assigned]).broken[0][1].endswith("which it holds already")
    assert fold([revoked]).broken == [
        (2, f"user {company.ada.id} is revoked admin, which it does not hold")
    ]


def test_assignments_that_no_event_told_are_named(company: Company, report: Report) -> None:
    stored = company.roles()

    checks.told(report, "d", RoleFold(mapping=stored.mapping), stored)

    assert "is in roles, but not in the role events" in words(report, "C6")


def test_the_compacted_topic_is_compared_without_who_is_on_the_move(
    company: Company, report: Report
) -> None:
    stored = company.roles()
    later = State({"admin": ()}, position=(1, 9))
    caused_later = State({"admin": ()}, position=(1, 0), caused_by=(1, 99))

    for found, changed in (({}, {company.ada.id}), ({company.ada.id: later}, set()),
                           ({company.ada.id: caused_later}, set())):  # fmt: skip
        checks.states(report, "d", found, stored, changed)
    assert report.exit_code == 0

    checks.states(report, "d", {company.ada.id: State()}, stored, set())
    assert words(report, "C6").startswith(f"users: row {company.ada.id} is missing in role.state")


def test_an_id_of_another_directory_is_a_stranger() -> None:
    log = DirectoryLog()
    log.user("ada")
    log.group("admins")
    log.join("ada", "admins")
    found = DirectoryFold()

    for event in (log.envelopes[0], *log.envelopes[2:]):
        found.apply(event)

    assert found.strangers == [log.users["ada"].id]


EDGES = [("g1", "ada"), ("g2", "ada"), ("g1", "bob"), ("g3", "cyd")]


def test_a_role_needs_an_active_user_and_a_group_that_grants_it() -> None:
    mapping = [("g1", "admin"), ("g2", "admin"), ("g4", "owner")]

    found = effective({"ada", "cyd"}, EDGES, mapping, Options())

    assert found == {("ada", "admin"): ("g1", "g2")}


def test_under_first_match_one_group_decides_and_the_default_is_everybody_elses() -> None:
    mapping = [("g2", "admin"), ("g1", "viewer"), ("g2", "owner")]

    found = effective({"ada", "cyd"}, EDGES, mapping, Options("first_match", "viewer"))

    assert found == {
        ("ada", "admin"): ("g2",),
        ("ada", "owner"): ("g2",),
        ("cyd", "viewer"): ("default",),
    }


def test_under_union_the_default_role_comes_on_top() -> None:
    found = effective({"ada", "cyd"}, EDGES, [("g1", "viewer")], Options("union", "viewer"))

    assert found == {("ada", "viewer"): ("g1", "default"), ("cyd", "viewer"): ("default",)}


def test_who_is_being_deleted_keeps_its_roles_until_the_last_event_of_it(
    company: Company, report: Report
) -> None:
    stored = company.roles()
    before = len(company.log.records)
    company.log.delete_user("ada")
    removed, deleted = company.log.envelopes[before:]
    company.fold.apply(removed)
    active, edges = company.fold.active_users(), company.fold.edges

    checks.assignments(report, "d", active, edges, stored, leaving=company.fold.leaving)
    company.fold.apply(deleted)

    assert report.exit_code == 0
    assert not company.fold.leaving


def test_what_is_off_grants_nothing_and_hands_go_on() -> None:
    options = Options("union", "viewer", is_on=False)

    found = effective({"ada"}, EDGES, [("g1", "admin")], options, {("ada", "owner")})

    assert found == {("ada", "owner"): ("manual",)}


def test_an_order_that_no_save_made_is_a_fault(company: Company, report: Report) -> None:
    stored = company.roles()
    stored.held = {}
    stored.options = Options("first_match")
    stored.mapping = [("g1", "admin"), ("g2", "viewer")]
    saved = RoleFold(mapping=stored.mapping[::-1], options=stored.options)

    checks.told(report, "d", saved, stored)

    assert words(report, "C6").startswith("the mapping's order")
