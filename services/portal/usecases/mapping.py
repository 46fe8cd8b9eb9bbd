"""Editing the mapping of a directory, and switching it off and on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.portal.clients import Services
from services.portal.domain import mapping
from services.portal.domain.errors import DelayedError, RefusedError
from services.portal.domain.mapping import Form, MappingForm, SwitchForm
from services.portal.usecases import fence
from shared.contracts import management

_AWAY = "The roles service does not answer at the moment. Nothing was saved; try again."


@dataclass(frozen=True, slots=True)
class MappingPage:
    """What the mapping page shows: both forms, and what can be chosen in them."""

    roles: Sequence[management.Role]
    groups: Sequence[management.KnownGroup]
    stored: management.Mapping
    form: MappingForm
    switch: SwitchForm
    waiting: Sequence[management.Fence]

    @property
    def is_used(self) -> bool:
        """Whether anything is mapped, or was before it was switched off."""
        return bool(self.stored.rows or self.stored.default_role or not self.stored.enabled)

    @property
    def deleted(self) -> Sequence[management.MappedGroupRow]:
        """The rows of groups that are gone."""
        return [row for row in self.stored.rows if row.group_deleted]


async def page(services: Services, directory: str, edited: Form | None = None) -> MappingPage:
    """Return the mapping to edit, with what was typed if something was. Raises MissingError."""
    stored = await services.mapping(directory)
    form, switch = mapping.form_of(stored), SwitchForm(stored.version, is_on=not stored.enabled)
    match edited:
        case MappingForm():
            form = edited
        case SwitchForm(is_saved=False):
            switch = edited
        case SwitchForm():
            switch = replace(switch, is_saved=True)
    return MappingPage(
        await services.roles(),
        await services.groups(directory),
        stored,
        form,
        switch,
        await fence.waiting(services, [stored.directory_id]),
    )


async def preview(services: Services, directory: str, form: MappingForm) -> MappingForm:
    """Return the form with what saving it would change, or with what is wrong with it."""
    if problem := mapping.unfinished(form.rows):
        return form.refused(problem)
    form = replace(form, effect=None)
    try:
        return form.previewed(await services.preview_mapping(directory, form.edit))
    except RefusedError as error:
        return _refused(form, error)
    except DelayedError:
        return form.refused(_AWAY)


async def save(services: Services, directory: str, form: MappingForm) -> MappingForm:
    """Save what was typed; what is refused comes back with the reason, and nothing is lost."""
    if problem := mapping.unfinished(form.rows):
        return form.refused(problem)
    try:
        saved = await services.save_mapping(directory, form.edit)
    except RefusedError as error:
        return _refused(form, error)
    except DelayedError:
        return form.refused(_AWAY)
    return mapping.form_of(saved, is_saved=True)


def _refused(form: MappingForm, error: RefusedError) -> MappingForm:
    told = mapping.refusal_of(error)
    return replace(
        form, problem=str(error), differences=told.differences, newer=told.newer, asks=told.losses
    )


async def switch(
    services: Services, directory: str, form: SwitchForm, *, only_shows: bool
) -> SwitchForm:
    """Switch the mapping as typed, or show what that would change; nothing is lost if refused."""
    try:
        stored = await services.mapping(directory)
        if only_shows:
            form = replace(form, effect=None)
            return form.previewed(await services.preview_mapping(directory, form.edit(stored)))
        await services.save_mapping(directory, form.edit(stored))
    except RefusedError as error:
        return replace(form, problem=str(error), asks=mapping.refusal_of(error).losses)
    except DelayedError:
        return form.refused(_AWAY)
    return replace(form, is_saved=True)
