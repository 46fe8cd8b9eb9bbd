"""Pausing, resuming and deleting a directory: what each means for users and roles. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.portal.domain.words import called, sentence, users_in_words
from shared.contracts.management import Directory

Turn = Literal["pause", "resume", "delete"]


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done with a directory, and what that means, in sentences with `{provider}`.

    What takes something away is done only by whoever `types` the name of the directory.
    """

    key: Turn
    title: str
    means: Sequence[str]
    button: str
    types: bool = True


ACTS: Mapping[str, Act] = {
    "pause": Act(
        "pause",
        "Pause",
        (
            "Whatever {provider} sends is refused within 5 seconds, to be sent again later.",
            "*Users keep the roles they hold*, also those who leave meanwhile.",
            "Nothing is deleted. The mapping can still be changed, and roles given by hand.",
        ),
        "Pause syncing",
    ),
    "resume": Act(
        "resume",
        "Resume",
        (
            "What {provider} sends is taken again within 5 seconds.",
            "What was refused meanwhile has to be sent again; most providers do so by themselves.",
        ),
        "Resume syncing",
        types=False,
    ),
    "delete": Act(
        "delete",
        "Delete",
        (
            "*Everybody loses the roles of this directory*, within moments.",
            "So do those who hold them by hand, or whose losses wait behind the fence.",
            "Users and groups are deleted here; in {provider} nothing changes.",
            "Its tokens end. To connect {provider} again, make a new directory.",
            "It cannot be undone.",
        ),
        "Delete for good",
    ),
}


def offered(directory: Directory) -> list[Act]:
    """Return what can be done with a directory as it is."""
    keys = {"live": ("pause",), "paused": ("resume", "delete"), "deleted": ()}
    return [ACTS[key] for key in keys[directory.state]]


def meaning(act: Act, directory: Directory) -> list[str]:
    """Return what an act means for a directory; `*…*` is emphasised."""
    provider = called(directory.provider)
    return [sentence(each.format(provider=provider)) for each in act.means]


def at_stake(users: int, groups: int) -> str:
    """Say how much is deleted with a directory."""
    return f"{users_in_words(users)} and {groups:,} group{'' if groups == 1 else 's'}"


def is_typed(directory: Directory, typed: str) -> bool:
    """Tell whether the name of a directory was typed, in any case."""
    return typed.strip().casefold() == directory.name.strip().casefold()
