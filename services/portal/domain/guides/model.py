"""What a guide consists of, and the step that all of them end with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Milestone = Literal["reached", "accepted", "user", "group", "mapping", "role"]
"""What the checklist watches for; a step is done when it was seen."""


@dataclass(frozen=True, slots=True)
class Stall:
    """What somebody sees when a step does not get on, and what to do."""

    sees: str
    does: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the provider's own screens; `done_by` is what shows that it is done."""

    title: str
    acts: Sequence[str]
    done_by: Milestone
    stalls: Sequence[Stall] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """The steps of a provider, and the short advice that the checklist gives at each milestone."""

    steps: Sequence[Step]
    token_field: str
    enable: str
    no_users: str
    no_groups: str
    no_members: str


MAP = Step(
    "Map groups to roles, then verify a user",
    (
        "In *Roles*, choose the role that each group grants, look at the *Preview*, and save.",
        "In *Verify*, type the e-mail address of your test user: you see the roles and why.",
    ),
    "role",
    (
        Stall(
            "the user is there and has no role",
            "look at the user's groups in *Verify*: one of them must have a row under *Roles*, and "
            "the user must be active.",
        ),
    ),
)
