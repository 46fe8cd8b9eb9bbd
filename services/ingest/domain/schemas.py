"""Which extension schemas a directory may declare beside those it has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from services.ingest.domain.directories import SchemaConflictError, UnclearSchemaError
from services.ingest.scim import declaration
from services.ingest.scim.definitions import TYPES
from services.ingest.scim.schema import Schema

MOST = 10


@dataclass(frozen=True, slots=True)
class DeclaredSchema:
    """An extension schema, and the name of the resource type that it extends."""

    resource_type: str
    schema: Schema

    @property
    def key(self) -> str:
        """The form in which URNs compare."""
        return self.schema.id.lower()


def find(declared: Iterable[DeclaredSchema], urn: str) -> DeclaredSchema | None:
    """Return the schema with that URN, in any case, or None."""
    return next((each for each in declared if each.key == urn.lower()), None)


def declare(
    declared: Sequence[DeclaredSchema], wanted: Schema, resource_type: str | None
) -> DeclaredSchema:
    """Return a schema as it is to be stored beside those declared already, or instead of one.

    The URN keeps the case of its first declaration: stored documents hold it.
    Raises UnclearSchemaError, SchemaConflictError.
    """
    before = find(declared, wanted.id)
    others = [each for each in declared if each is not before]
    if len(others) >= MOST:
        raise SchemaConflictError(f"A directory declares {MOST} schemas at most; remove one first.")
    types = {
        name: declaration.extended(
            kind, [each.schema for each in others if each.resource_type == name]
        )
        for name, kind in TYPES.items()
    }
    if reason := declaration.clash(wanted, types):
        raise SchemaConflictError(f"The schema cannot be declared: {reason}. Choose another.")
    extended = resource_type or (before.resource_type if before else _named_by(wanted.id))
    return DeclaredSchema(extended, replace(wanted, id=before.schema.id) if before else wanted)


def _named_by(urn: str) -> str:
    """Return the resource type that a URN ends in, as is the custom."""
    end = urn.rpartition(":")[2].lower()
    for name in TYPES:
        if name.lower() == end:
            return name
    raise UnclearSchemaError(
        f"The URN {urn} does not end in :User or :Group; say what the schema extends: "
        'add "resourceType": "User", or "Group".'
    )
