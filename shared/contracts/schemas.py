"""Schemas that a directory declares, in the JSON of /Schemas (RFC 7643 §7), with its rules.

What GET /Schemas answers may be sent to `PUT /v1/directories/{id}/schemas/{urn}` as it is.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.base import Contract

MAX_ATTRIBUTES = 100
"""Of one schema, sub-attributes included."""
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"

_NAMESPACE = r"[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]"

# What filters and paths can name (RFC 8141 §2, RFC 7644 §3.4.2.2).
Urn = Annotated[
    str,
    StringConstraints(max_length=200, pattern=rf"^urn:{_NAMESPACE}:[A-Za-z0-9_.:-]*[A-Za-z0-9]$"),
]
AttributeName = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^(\$ref|[A-Za-z][A-Za-z0-9$_-]*)$")
]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$"),
]
Labels = Annotated[tuple[Label, ...], Field(max_length=100, exclude_if=lambda labels: not labels)]
ResourceTypeName = Literal["User", "Group"]


class _Described(Contract):
    """The characteristics that an attribute and a sub-attribute share (RFC 7643 §2.2, §7)."""

    name: AttributeName
    multi_valued: bool = False
    description: Text = ""
    required: bool = False
    case_exact: bool = False
    mutability: Literal["readOnly", "readWrite", "immutable", "writeOnly"] = "readWrite"
    returned: Literal["always", "never", "default", "request"] = "default"
    uniqueness: Literal["none", "server", "global"] = "none"
    canonical_values: Labels = ()
    reference_types: Labels = ()

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.uniqueness != "none":
            raise ValueError("uniqueness can only be none: no other is enforced in an extension")
        if self.required and self.mutability in {"readOnly", "writeOnly"}:
            raise ValueError("what is readOnly or writeOnly is not stored, so cannot be required")
        if self.mutability == "writeOnly" and self.returned != "never":
            raise ValueError("what is writeOnly must be returned never (RFC 7643 section 7)")
        return self


class SchemaSubAttribute(_Described):
    """A part of a complex attribute."""

    type: Literal["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"] = (
        "string"
    )


class SchemaAttribute(_Described):
    """An attribute of an extension."""

    type: Literal[
        "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"
    ] = "string"
    sub_attributes: Annotated[
        tuple[SchemaSubAttribute, ...], Field(exclude_if=lambda parts: not parts)
    ] = ()

    @model_validator(mode="after")
    def _has_its_parts(self) -> Self:
        if (self.type == "complex") != bool(self.sub_attributes):
            raise ValueError("complex attributes, and no others, have subAttributes")
        if self.multi_valued and any(
            each.mutability == "immutable" for each in self.sub_attributes
        ):
            raise ValueError("in a multiValued attribute no part can be immutable; make it whole")
        _refuse_twice(self.sub_attributes)
        return self


class NewSchema(Contract):
    """Body of `PUT /v1/directories/{id}/schemas/{urn}`: a Schema resource.

    Without `resourceType` it stays as it was declared, or is what the URN ends in (`…:User`).
    """

    schemas: tuple[str, ...] = (_SCHEMA,)
    id: Urn
    name: Label
    description: Text = ""
    attributes: Annotated[tuple[SchemaAttribute, ...], Field(min_length=1)]
    resource_type: ResourceTypeName | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        _refuse_twice(self.attributes)
        count = len(self.attributes) + sum(len(each.sub_attributes) for each in self.attributes)
        if count > MAX_ATTRIBUTES:
            raise ValueError(f"it has {count} attributes and parts; {MAX_ATTRIBUTES} at most")
        return self


class SchemaRemoval(Contract):
    """Query of `DELETE /v1/directories/{id}/schemas/{urn}`; `force`: although there are values."""

    force: bool = False


class DeclaredSchema(NewSchema):
    """A schema that a directory declares, and what it extends."""

    resource_type: ResourceTypeName


def _refuse_twice(attributes: Iterable[_Described]) -> None:
    names = [each.name for each in attributes]
    twice = sorted(set(_repeated(names)))
    if twice:
        raise ValueError(f"these names stand more than once, case aside: {', '.join(twice)}")


def _repeated(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield name
        seen.add(name.lower())
