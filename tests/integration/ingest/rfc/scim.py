"""Words for requests that several of these tests send."""

from typing import Any

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOBODY = "00000000-0000-4000-8000-000000000000"


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def op(name: str, path: str | None = None, **value: Any) -> dict[str, Any]:
    """Return an operation; pass its value as `value=`."""
    return {"op": name, **({} if path is None else {"path": path}), **value}


def replacing(**attributes: Any) -> dict[str, Any]:
    return patch(op("replace", value=attributes))
