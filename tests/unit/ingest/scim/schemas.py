"""Strategies: any schema that a directory may declare, as JSON, and the resource type with it."""

from hypothesis import strategies as st

from services.ingest.scim import declaration
from services.ingest.scim.definitions import USER
from services.ingest.scim.schema import ResourceType
from shared.contracts.schemas import NewSchema

URN = "urn:acme:params:scim:schemas:extension:any:2.0:User"
_SIMPLE = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"]
_NAMES = st.sampled_from(["value", "type", "primary", "color", "Z", "a-b", "c_$1", "id", "schemas"])
_LABELS = st.lists(st.sampled_from(["a", "b", "user"]), max_size=2, unique=True)
# What may stand together: writeOnly is returned never, and not required.
_KEPT = st.tuples(
    st.sampled_from(["readWrite", "immutable"]),
    st.sampled_from(["always", "never", "default", "request"]),
    st.booleans(),
)
_DROPPED = st.sampled_from([("readOnly", "default", False), ("writeOnly", "never", False)])


@st.composite
def _characteristics(draw, name: str, kinds: list[str], mutabilities: list[str]) -> dict:
    mutability, returned, required = draw(
        (_KEPT | _DROPPED).filter(lambda each: each[0] in mutabilities)
    )
    listed = {"canonicalValues": draw(_LABELS), "referenceTypes": draw(_LABELS)}
    return {
        "name": name,
        "type": draw(st.sampled_from(kinds)),
        "multiValued": draw(st.booleans()),
        "description": draw(st.sampled_from(["", "What it is."])),
        "required": required,
        "caseExact": draw(st.booleans()),
        "mutability": mutability,
        "returned": returned,
        "uniqueness": "none",
        **{key: each for key, each in listed.items() if each},
    }


def _unique_names(largest: int) -> st.SearchStrategy:
    return st.lists(_NAMES, min_size=1, max_size=largest, unique_by=str.lower)


_ANY = ["readWrite", "immutable", "readOnly", "writeOnly"]


@st.composite
def _attributes(draw) -> list[dict]:
    found = []
    for name in draw(_unique_names(4)):
        one = draw(_characteristics(name, [*_SIMPLE, "complex"], _ANY))
        if one["type"] == "complex":
            inside = [each for each in _ANY if each != "immutable" or not one["multiValued"]]
            one["subAttributes"] = [
                draw(_characteristics(part, _SIMPLE, inside)) for part in draw(_unique_names(2))
            ]
        found.append(one)
    return found


described = _attributes().map(
    lambda attributes: {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": URN,
        "name": "Any",
        "description": "Anything.",
        "attributes": attributes,
    }
)
"""A Schema resource without `meta`."""


def extended(raw: dict) -> ResourceType:
    """Return the User type with a declared schema, by the way that a request takes."""
    wanted = NewSchema.model_validate(raw).model_dump(by_alias=True)
    return declaration.extended(USER, [declaration.schema(wanted)])


types = described.map(extended)
