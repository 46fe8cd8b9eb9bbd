"""A company and its life from a seed: who is hired, moves, leaves; same seed, same steps."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

_GIVEN = ("Ada", "Mira", "Tom", "Noor", "Lena", "Kofi", "Ines", "Jonas", "Yuki", "Priya", "Sam",
          "Elif", "Marta", "Omar", "Zoë", "Bruno", "Chidi", "Freya", "Hana", "Igor")  # fmt: skip
_FAMILY = ("Kovac", "Reyes", "Okafor", "Lindqvist", "Tanaka", "Moreau", "Novak", "Silva", "Haddad",
           "O'Brien", "Müller", "Larsen", "Rossi", "Iyer", "Costa", "Demir")  # fmt: skip
_GROUPS = ("Admins", "Night shift", "Engineering", "Finance", "Support", "Sales", "Editors",
           "Auditors", "Contractors", "Managers")  # fmt: skip
_DEPARTMENTS = ("Finance", "Engineering", "Support", "Sales", "Operations")
_TITLES = ("Analyst", "Engineer", "Lead", "Manager", "Specialist")
_GROUPS_A_PERSON = 3


@dataclass(frozen=True, slots=True)
class Person:
    """What OneLogin knows of somebody."""

    user_name: str
    given: str
    family: str
    title: str
    department: str


@dataclass(frozen=True, slots=True)
class Provision:
    """Somebody is assigned to the app, is updated, or comes back, with these groups."""

    person: Person
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody leaves one group and joins another."""

    person: Person
    leaves: str
    joins: str


@dataclass(frozen=True, slots=True)
class Deprovision:
    """Somebody loses the app: is suspended, or deleted, after leaving all groups."""

    person: Person
    groups: tuple[str, ...]
    action: Literal["suspend", "delete"]


Step: TypeAlias = Provision | Move | Deprovision


@dataclass(slots=True)
class _Company:
    """Where everybody is while the plan is made."""

    dice: random.Random
    group_names: list[str]
    staff: dict[Person, tuple[str, ...]] = field(default_factory=dict)
    suspended: dict[Person, tuple[str, ...]] = field(default_factory=dict)
    hired: int = 0

    def hire(self) -> Step:
        person = somebody(self.dice, self.hired)
        self.hired += 1
        count = self.dice.randint(1, min(_GROUPS_A_PERSON, len(self.group_names)))
        self.staff[person] = tuple(self.dice.sample(self.group_names, count))
        return Provision(person, self.staff[person])

    def move(self) -> Step | None:
        person = self._somebody(self.staff)
        if person is None:
            return None
        elsewhere = [name for name in self.group_names if name not in self.staff[person]]
        if not elsewhere:
            return None
        leaves, joins = self.dice.choice(self.staff[person]), self.dice.choice(elsewhere)
        kept = (name for name in self.staff[person] if name != leaves)
        self.staff[person] = (*kept, joins)
        return Move(person, leaves, joins)

    def suspend(self) -> Step | None:
        return self._let_go("suspend")

    def delete(self) -> Step | None:
        return self._let_go("delete")

    def reactivate(self) -> Step | None:
        person = self._somebody(self.suspended)
        if person is None:
            return None
        self.staff[person] = self.suspended.pop(person)
        return Provision(person, self.staff[person])

    def _let_go(self, action: Literal["suspend", "delete"]) -> Step | None:
        person = self._somebody(self.staff)
        if person is None:
            return None
        groups = self.staff.pop(person)
        if action == "suspend":
            self.suspended[person] = groups
        return Deprovision(person, groups, action)

    def _somebody(self, people: dict[Person, tuple[str, ...]]) -> Person | None:
        return self.dice.choice(list(people)) if people else None


def group_names(count: int) -> list[str]:
    """Return so many group names; after the first ones they are numbered."""
    rounds = range(count // len(_GROUPS) + 1)
    return [name if not n else f"{name} {n + 1}" for n in rounds for name in _GROUPS][:count]


def plan(*, users: int, groups: int, days: int, seed: int) -> list[Step]:
    """Return the steps: everybody is hired, then `days` of later life, a few steps each."""
    company = _Company(random.Random(seed), group_names(groups))  # noqa: S311  # a simulation
    hired = [company.hire() for _ in range(users)]
    return [*hired, *(step for _ in range(days) for step in _day(company))]


def _day(company: _Company) -> Iterator[Step]:
    acts = (company.hire, company.move, company.move, company.suspend, company.reactivate,
            company.delete)  # fmt: skip
    for act in acts:
        step = act()
        if step is not None:
            yield step


def somebody(dice: random.Random, number: int) -> Person:
    """Return a person; the number keeps the user name unique."""
    given, family = dice.choice(_GIVEN), dice.choice(_FAMILY)
    plain = "".join(char for char in f"{given}.{family}".lower() if char.isascii() and char != "'")
    return Person(
        user_name=f"{plain}.{number}@globex.test",
        given=given,
        family=family,
        title=dice.choice(_TITLES),
        department=dice.choice(_DEPARTMENTS),
    )
