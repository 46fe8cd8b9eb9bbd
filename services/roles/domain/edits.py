"""An edit of a mapping, checked: what it grants, and whom it may concern."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.roles.domain.errors import BadMappingError
from services.roles.domain.remapping import Change
from services.roles.domain.rule import GroupMapping, concerned, grouped, is_added_to, is_same
from services.roles.domain.values import Directory
from shared.contracts import management
from shared.contracts.directory_events import GroupRef
from shared.contracts.ids import GroupId, RoleKey
from shared.contracts.management import (
    DefaultRole,
    Held,
    MappedGroupRow,
    MappingEdit,
    MappingRow,
    Role,
)
from shared.contracts.role_events import MappedGroup, RoleRef

Roles = Mapping[RoleKey, Role]


@dataclass(frozen=True, slots=True)
class Edited:
    """A directory as an edit would make it, and the rows with names, each group's together."""

    directory: Directory
    rows: Sequence[MappedGroup]
    before: GroupMapping
    after: GroupMapping
    held: Held | None = None

    @property
    def change(self) -> Change:
        """What it does to each user."""
        switch: Literal["keep", "take_back"] | None = None
        if self.before.is_on and not self.after.is_on and self.held == "keep":
            switch = "keep"
        elif self.after.is_on and not self.before.is_on and self.held == "revoke":
            switch = "take_back"
        return Change(self.after, switch)

    @property
    def is_change(self) -> bool:
        """Whether it says anything new."""
        return not is_same(self.before, self.after)

    @property
    def concerns_everybody(self) -> bool:
        """Whether also those may gain or lose a role who are in none of the groups."""
        return (self.before.default_role, self.before.is_on) != (
            self.after.default_role,
            self.after.is_on,
        )

    @property
    def groups(self) -> set[GroupId]:
        """The groups whose members may gain or lose a role."""
        return concerned(self.before, self.after)

    @property
    def concerned(self) -> frozenset[GroupId] | None:
        """The groups of all who may gain or lose a role; None where everybody may."""
        return None if self.concerns_everybody else frozenset(self.groups)

    @property
    def can_take(self) -> bool:
        """Whether anybody may lose a role by it."""
        return not is_added_to(self.before, self.after)


def check(
    directory: Directory,
    edit: MappingEdit,
    stored: management.Mapping,
    groups: Mapping[GroupId, GroupRef],
    roles: Roles,
) -> Edited:
    """Return what an edit would make of a directory's mapping. Raises BadMappingError."""
    _check_rows(edit.rows, groups, roles)
    _check_switch(edit, stored)
    default = directory.default_role
    if edit.default is not None:
        default = _default(edit.default, directory.default_role, roles)
    after = replace(
        directory,
        mapping_version=directory.mapping_version + 1,
        strategy=edit.strategy or directory.strategy,
        default_role=default,
        is_mapping_on=directory.is_mapping_on if edit.enabled is None else edit.enabled,
    )
    granted = _granted(after, edit.rows)
    rows = _together(edit.rows, granted, groups, roles)
    return Edited(after, rows, _granted(directory, stored.rows), granted, edit.held)


def _check_switch(edit: MappingEdit, stored: management.Mapping) -> None:
    if edit.held or edit.enabled in {None, stored.enabled}:
        return
    if stored.enabled:
        raise BadMappingError(
            "Say what becomes of the roles that are held through the mapping when it is switched "
            "off: keep them, given by hand (`held` is `keep`), or revoke them (`revoke`)."
        )
    if stored.kept:
        raise BadMappingError(
            f"{stored.kept:,} roles were kept by hand when the mapping was switched off. Say what "
            "becomes of them: keep them (`held` is `keep`), or let the mapping alone decide "
            "(`revoke`)."
        )


def as_mapping(
    stored: management.Mapping,
    edit: MappingEdit,
    groups: Mapping[GroupId, GroupRef],
    roles: Roles,
) -> management.Mapping:
    """Return what an edit of another version asks for, to be compared; unchecked."""
    changes: dict[str, object] = {"version": edit.version, "rows": _named(edit, groups, roles)}
    if edit.strategy is not None:
        changes["strategy"] = edit.strategy
    if edit.enabled is not None:
        changes["enabled"] = edit.enabled
    if edit.default is not None:
        key = edit.default.role
        changes["default_role"] = RoleRef(key=RoleKey(key), name=_name(key, roles)) if key else None
    return stored.model_copy(update=changes)


def _named(
    edit: MappingEdit, groups: Mapping[GroupId, GroupRef], roles: Roles
) -> list[MappedGroupRow]:
    names = {key: group.display_name for key, group in groups.items()}
    return [
        MappedGroupRow(
            group_id=row.group_id,
            role=row.role,
            group_name=names.get(row.group_id, row.group_id),
            role_name=_name(row.role, roles),
        )
        for row in edit.rows
    ]


def _name(key: str, roles: Roles) -> str:
    role = roles.get(RoleKey(key))
    return role.name if role else key


def _granted(directory: Directory, rows: Iterable[MappingRow]) -> GroupMapping:
    pairs = ((row.group_id, RoleKey(row.role)) for row in rows)
    return GroupMapping(
        grouped(pairs), directory.strategy, directory.default_role, directory.is_mapping_on
    )


def _together(
    rows: Sequence[MappingRow],
    granted: GroupMapping,
    groups: Mapping[GroupId, GroupRef],
    roles: Roles,
) -> list[MappedGroup]:
    """Return the rows with names, those of a group together: they stand at one place (ADR 0023)."""
    places = {group: place for place, group in enumerate(granted.rows)}
    return [
        MappedGroup(group=groups[row.group_id], role=ref(roles, RoleKey(row.role)))
        for row in sorted(rows, key=lambda row: places[row.group_id])
    ]


def ref(roles: Roles, key: RoleKey) -> RoleRef:
    """Return a declared role as events name it."""
    return RoleRef(key=key, name=roles[key].name)


def _check_rows(
    rows: Sequence[MappingRow], groups: Mapping[GroupId, GroupRef], roles: Roles
) -> None:
    for row in rows:
        if row.group_id not in groups:
            raise BadMappingError(
                f"There is no group {row.group_id} in this directory; choose one of its groups."
            )
        _check_declared(RoleKey(row.role), roles)
    for (group, role), count in Counter((row.group_id, row.role) for row in rows).items():
        if count > 1:
            name = groups[group].display_name
            raise BadMappingError(f"The group {name} is given {role} twice; remove one row.")


def _check_declared(role: RoleKey, roles: Roles) -> None:
    if role not in roles:
        raise BadMappingError(
            f"No role {role} is declared; declare it first: rollcall roles declare."
        )
    if roles[role].leaving:
        raise BadMappingError(
            f"The role {role} is being removed; choose another, or declare it again."
        )


def _default(wanted: DefaultRole, before: RoleKey | None, roles: Roles) -> RoleKey | None:
    """Return the default role that is wanted; who has a privileged one already keeps it."""
    if not wanted.role:
        return None
    key = RoleKey(wanted.role)
    _check_declared(key, roles)
    role = roles[key]
    if role.privileged and key != before and (wanted.confirmed_name or "").strip() != role.name:
        raise BadMappingError(
            f"{role.name} is privileged: as the default role every active user would hold it. "
            f"If that is meant, type its name, {role.name}, to confirm it; or choose another role."
        )
    return key
