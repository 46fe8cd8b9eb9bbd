"""scim2-models as oracle: an independent reading of RFC 7643 and 7644 parses every SCIM answer."""

from typing import Any

from pydantic import ValidationError
from scim2_models import (
    BulkResponse,
    Context,
    EnterpriseUser,
    Group,
    ListResponse,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    User,
)

from tests.integration.ingest.scim_errors import ERROR, faults

PERSON = User[EnterpriseUser]
RESOURCES = PERSON, Group, Schema, ResourceType, ServiceProviderConfig
MODELS = {model.__schema__: model for model in (*RESOURCES, BulkResponse[PERSON])}
LIST_RESPONSE = ListResponse.__schema__
# Where any text will do (rows D10, D23): no strict addresses, relative URIs, base64 for addresses.
FREE_TEXTS = {
    ("emails", "value"),
    ("photos", "value"),
    ("profileUrl", "profileUrl"),
    ("x509Certificates", "value"),
}
CONTEXTS = {
    "POST": Context.RESOURCE_CREATION_RESPONSE,
    "PUT": Context.RESOURCE_REPLACEMENT_RESPONSE,
    "PATCH": Context.RESOURCE_PATCH_RESPONSE,
}


def doubts(method: str, status: int, body: Any) -> list[str]:
    """Return what the oracle holds against an answer."""
    if body is None:
        return [] if status in {204, 304} or method == "HEAD" else [f"{status} without a body"]
    if not isinstance(body, dict) or not body.get("schemas"):
        return ["a body without schemas"]
    if status >= 400 or ERROR in body["schemas"]:
        return faults(status, body) if status < 500 else []
    if LIST_RESPONSE in body["schemas"]:
        return _in_a_list(body)
    if BulkResponse.__schema__ in body["schemas"]:
        return _in_bulk(body)
    return _parsed(body, CONTEXTS.get(method, Context.RESOURCE_QUERY_RESPONSE))


def _in_a_list(body: dict[str, Any]) -> list[str]:
    listed = body.get("Resources", [])
    try:
        ListResponse[User].model_validate(body | {"Resources": []})
    except ValidationError as error:
        return [str(error)]
    # Some resources out of a long list stand for all, as each test reads many lists.
    return [
        doubt
        for each in (*listed[:10], *listed[-10:])
        for doubt in _parsed(each, Context.RESOURCE_QUERY_RESPONSE)
    ]


def _in_bulk(body: dict[str, Any]) -> list[str]:
    """Judge what failed by its error: what is wrong with an operation shows in its result, too."""
    failed = [each for each in body["Operations"] if int(each["status"]) >= 400]
    done = [each for each in body["Operations"] if each not in failed]
    found = _parsed(body | {"Operations": done}, Context.BULK_RESPONSE) if done else []
    for each in failed:
        found += faults(int(each["status"]), each.get("response"))
    return found


def _parsed(body: dict[str, Any], context: Context) -> list[str]:
    model = MODELS.get(body["schemas"][0])
    if model is None:
        return [f"no schema of SCIM: {body['schemas']}"]
    try:
        model.model_validate(body, scim_ctx=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        return [f"{each['loc']}: {each['msg']}" for each in found if not _is_tolerated(each)]
    return []


def _is_tolerated(fault: Any) -> bool:
    """Whether it is the oracle that is stricter than the RFC, or knows less than a directory."""
    place = fault["loc"]
    is_free = (place[0], place[-1]) in FREE_TEXTS
    is_custom = fault["type"] == "extra_forbidden" and str(place[-1]).startswith("urn:")
    return is_free or is_custom
