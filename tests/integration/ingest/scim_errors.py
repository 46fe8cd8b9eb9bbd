"""What every refusal must be, as RFC 7644 §3.12 says it; written apart from the service."""

from typing import Any

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
# Table 9, and RFC 9865 section 2.1.
SCIM_TYPES = {
    400: {"invalidFilter", "tooMany", "mutability", "invalidSyntax", "invalidPath", "noTarget",
          "invalidValue", "invalidVers", "invalidCursor", "expiredCursor", "invalidCount"},
    403: {"sensitive"},
    409: {"uniqueness"},
}  # fmt: skip
_GIVEAWAYS = ("Traceback", "asyncpg", 'File "', "select ", "0x")
_LONGEST_DETAIL = 1_200


def faults(status: int, body: Any) -> list[str]:
    """Return what is wrong with an answer that must be a refusal, nothing if it is in form."""
    if not 400 <= status < 500:
        return [f"the status is {status}: {body}"]
    if not isinstance(body, dict):
        return [f"{status} without a body"]
    detail, scim_type = body.get("detail"), body.get("scimType")
    found = {
        "the schema": body.get("schemas") != [ERROR],
        "the status in the body": body.get("status") != str(status),
        "an empty detail": not isinstance(detail, str) or not detail.strip(),
        "a detail that goes on and on": len(str(detail)) > _LONGEST_DETAIL,
        "a detail that tells about the inside": any(word in str(detail) for word in _GIVEAWAYS),
        "the scimType": scim_type is not None and scim_type not in SCIM_TYPES.get(status, set()),
        "a 400 without a scimType": status == 400 and scim_type is None,
        "more than an error": not body.keys() <= {"schemas", "status", "detail", "scimType"},
    }
    return [f"{status} {name}: {body}" for name, is_wrong in found.items() if is_wrong]
