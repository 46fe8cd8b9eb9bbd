"""Acts, reasons and attributes in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from services.portal.domain.rows import EventRow, RoleRow
from shared.contracts.management import MappingPreview

PROVIDERS: Mapping[str, str] = {
    "onelogin": "OneLogin",
    "okta": "Okta",
    "entra": "Microsoft Entra ID",
    "jumpcloud": "JumpCloud",
    "ping": "Ping",
    "generic": "Another provider (SCIM 2.0)",
}


def called(provider: str) -> str:
    """Return what to call a provider within a sentence."""
    return "your provider" if provider == "generic" else PROVIDERS.get(provider, provider)


def sentence(text: str) -> str:
    """Return text as a sentence begins."""
    return text[:1].upper() + text[1:]


def reason_in_words(role: RoleRow, provider: str) -> str:
    """Say why a user holds a role: through what, and by which act."""
    kinds = [str(role.reason.get("kind")), *role.reason.get("also", ())]
    groups = [group["displayName"] for group in role.reason.get("groups", ())]
    through = f"through {'groups' if len(groups) > 1 else 'group'} {listed(groups)}"
    words = {
        "group": through,
        "default": "as the default role of this directory",
        "manual": "given by hand",
    }
    because = listed([words[kind] for kind in kinds if kind in words]) or "held"
    return f"{because[0].upper()}{because[1:]}, by {cause_in_words(role.cause, provider)}"


def cause_in_words(cause: Mapping[str, Any], provider: str) -> str:
    """Say which act something follows from."""
    kinds = {
        "scim": f"a request from {called(provider)}",
        "mapping": "a saved mapping",
        "administrator": f"{cause.get('actor') or 'an administrator'}",
        "resync": "a resync",
    }
    return kinds.get(str(cause.get("kind")), "an unknown act")


def event_in_words(event: EventRow, of: Literal["user", "group"] = "user") -> str:
    """Say what happened, for the timeline of a user or a group."""
    data = event.data
    group = (data.get("group") or {}).get("displayName", "a group")
    user = (data.get("user") or {}).get("userName", "A user")
    role = (data.get("role") or {}).get("name", "a role")
    reason = data.get("reason") or {}
    through = listed([one["displayName"] for one in reason.get("groups", ())])
    changed = ", ".join(data.get("changed") or [])
    words = {
        "directory.created": "The directory was connected",
        "directory.paused": f"Paused by {_actor(data)}",
        "directory.resumed": f"Resumed by {_actor(data)}",
        "directory.deleted": f"Deleted by {_actor(data)}",
        "snapshot.begin": "Everything is told again from here on",
        "snapshot.item": "Told again",
        "snapshot.end": "Everything was told again",
        "mapping.saved": f"Mapping saved, version {data.get('version')}",
        "user.created": "Created",
        "user.updated": f"Changed: {changed}",
        "user.activated": "Activated",
        "user.deactivated": "Deactivated",
        "user.deleted": "Deleted",
        "group.created": "Created",
        "group.updated": f"Changed: {changed}",
        "group.deleted": "Deleted",
        "membership.added": f"Joined {group}" if of == "user" else f"{user} joined",
        "membership.removed": f"Left {group}" if of == "user" else f"{user} left",
        "role.assigned": f"Was given {role}{_why_given(str(reason.get('kind')), through)}",
        "manual.assigned": f"Was given {role} by hand",
        "manual.unassigned": f"Is given {role} by hand no longer",
        "role.revoked": f"Lost {role}: {_why_lost(str(reason.get('kind')), through)}",
    }
    name = event.type.removeprefix("rollcall.").removesuffix(".v1")
    return words.get(name, name)


def _actor(data: Mapping[str, Any]) -> str:
    return str((data.get("cause") or {}).get("actor") or "somebody")


def told_in_words(event: EventRow) -> str:
    """Say of whom an event tells what, where it stands by itself."""
    data = event.data
    known = data.get("user") or data.get("resource") or {}
    who = known.get("userName") or known.get("displayName")
    return f"{who}: {event_in_words(event)}" if who else event_in_words(event)


def _why_given(kind: str, through: str) -> str:
    if through:
        return f" through {through}"
    return {"default": " as the default role"}.get(kind, "")


def _why_lost(kind: str, through: str) -> str:
    return {
        "inactive": "the user was deactivated",
        "deleted": "the user was deleted",
        "mapping": f"a saved mapping no longer grants it through {through or 'a group'}",
        "manual": "it was taken back by hand",
        "default": "it is the default role of others now",
    }.get(kind, f"no longer through {through}" if through else "no group grants it")


def preview_in_words(preview: MappingPreview) -> str:
    """Say how many users a mapping would give and take roles."""
    kinds = (
        (preview.gaining, "user gains roles", "users gain roles"),
        (preview.losing, "user loses roles", "users lose roles"),
        (preview.changing, "user gains some and loses others", "users gain some and lose others"),
        (preview.keeping, "user keeps roles by hand", "users keep roles by hand"),
    )
    told = [f"{count:,} {one if count == 1 else many}" for count, one, many in kinds if count]
    return f"{listed(told) if told else 'Nobody gains or loses a role'}. Nothing is saved yet."


def users_in_words(count: int) -> str:
    """Say how many users there are."""
    return f"{count:,} user{'' if count == 1 else 's'}"


def attributes(resource: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return the attributes of a SCIM resource as paths and text, in reading order."""
    lines: list[tuple[str, str]] = []
    for name, value in sorted(resource.items(), key=_reading_order):
        if name in {"schemas", "meta", "groups", "members"}:
            continue
        path = f"{prefix}{name.rpartition(':')[2] if name.startswith('urn:') else name}"
        if name.startswith("urn:"):
            lines += attributes(value)
        elif isinstance(value, Mapping):
            lines += attributes(value, f"{path}.")
        elif isinstance(value, list):
            lines += [(path, _element(element)) for element in value]
        else:
            lines.append((path, _text(value)))
    return lines


_FIRST = ("userName", "displayName", "active", "name", "emails", "externalId", "id")


def _reading_order(item: tuple[str, Any]) -> tuple[bool, int, str]:
    name = item[0]
    return name.startswith("urn:"), _FIRST.index(name) if name in _FIRST else len(_FIRST), name


def _element(element: object) -> str:
    if not isinstance(element, Mapping):
        return _text(element)
    label = element.get("type")
    value = element.get("value") or element.get("formatted") or element.get("display") or ""
    return f"{value} ({label})" if label else str(value)


def _text(value: object) -> str:
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def listed(names: Sequence[str]) -> str:
    """Return names as one reads them out."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago something was."""
    seconds = max(int((now - moment).total_seconds()), 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "a moment ago"
