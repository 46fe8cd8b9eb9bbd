"""The body of a PATCH, however a provider spells it (RFC 7644 §3.5.2)."""

from collections.abc import Mapping

from services.ingest.scim import limits
from services.ingest.scim.errors import InvalidSyntax, PayloadTooLarge
from services.ingest.scim.messages import Op, Operation
from services.ingest.scim.schema import is_unassigned

_OPS: Mapping[str, Op] = {"add": "add", "remove": "remove", "replace": "replace"}


def operations(raw: object) -> tuple[Operation, ...]:
    """Return the operations of a decoded PATCH body, in order (RFC 7644 §3.5.2).

    `schemas` is not required (authentik leaves it out). Raises InvalidSyntax,
    PayloadTooLarge.
    """
    if not isinstance(raw, dict):
        raise InvalidSyntax("it must be a JSON object with Operations")
    body = {key.lower(): value for key, value in raw.items()}
    listed = body.get("operations")
    if listed is None and "members" in body:
        # SCIM 1.1: {"members": [{"value": …, "operation": "delete"}]}, sent by the v1.1 connectors.
        raise InvalidSyntax(
            "it is a SCIM 1.1 change of members; in OneLogin use the connector"
            ' "SCIM Provisioner with SAML (SCIM v2 Enterprise)" or "(SCIM v2 Core)"'
        )
    if not isinstance(listed, list) or not listed:
        raise InvalidSyntax("Operations must be a list with at least one operation")
    if len(listed) > limits.MAX_OPERATIONS:
        raise PayloadTooLarge(f"{limits.MAX_OPERATIONS} operations")
    return tuple(_operation(index, each) for index, each in enumerate(listed, 1))


def _operation(index: int, raw: object) -> Operation:
    if not isinstance(raw, dict):
        raise InvalidSyntax(f"operation {index} must be a JSON object")
    body = {key.lower(): value for key, value in raw.items()}
    op = _OPS.get(str(body.get("op")).lower())  # Entra capitalises: "Add"
    path = body.get("path")
    if op is None:
        raise InvalidSyntax(f"the op of operation {index} must be add, remove or replace")
    if op != "remove" and "value" not in body:
        raise InvalidSyntax(f"operation {index} ({op}) needs a value")
    if path is not None and not isinstance(path, str):
        raise InvalidSyntax(f"the path of operation {index} must be text")
    return Operation(op, None if is_unassigned(path) else path, body.get("value"))
