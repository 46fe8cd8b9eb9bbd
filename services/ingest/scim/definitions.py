"""The table: User, EnterpriseUser and Group with their characteristics (RFC 7643 §4, §8.7.1).

It drives normalising, paths, filters, projection and /Schemas. Aliases are the names that
providers send instead, each with its source.
"""

from collections.abc import Mapping
from typing import TypeAlias

from services.ingest.scim.schema import Attribute, Mutability, ResourceType, Schema


def _values(
    name: str,
    description: str,
    *value: Attribute,
    types: tuple[str, ...] = (),
) -> Attribute:
    """Return a multi-valued attribute with the default sub-attributes of RFC 7643 §2.4."""
    return Attribute(
        name,
        description,
        type="complex",
        multi_valued=True,
        sub_attributes=(
            *(value or (Attribute("value", "The value itself."),)),
            Attribute("display", "The value as people read it."),
            Attribute("type", "What the value is for.", canonical_values=types),
            Attribute("primary", "True for the preferred value; one at most.", type="boolean"),
        ),
    )


def _uri(
    name: str, description: str, *kinds: str, mutability: Mutability = "readWrite"
) -> Attribute:
    return Attribute(
        name,
        description,
        type="reference",
        case_exact=True,
        mutability=mutability,
        reference_types=kinds,
    )


_NAME = Attribute(
    "name",
    "The parts of the person's name.",
    type="complex",
    sub_attributes=(
        Attribute("formatted", "The whole name, ready to show."),
        Attribute("familyName", "The family name, or last name."),
        Attribute("givenName", "The given name, or first name."),
        Attribute("middleName", "Further given names."),
        Attribute("honorificPrefix", "A title before the name, such as Dr."),
        Attribute("honorificSuffix", "A suffix after the name, such as III."),
    ),
)

_ADDRESSES = Attribute(
    "addresses",
    "Postal addresses.",
    type="complex",
    multi_valued=True,
    sub_attributes=(
        Attribute("formatted", "The whole address, ready to show; may hold line breaks."),
        Attribute("streetAddress", "Street, house number, floor."),
        Attribute("locality", "City or town."),
        Attribute("region", "State or region."),
        Attribute("postalCode", "Postal code."),
        Attribute("country", "Country, as ISO 3166-1 alpha-2."),
        Attribute("type", "What it is for.", canonical_values=("work", "home", "other")),
        Attribute("primary", "True for the preferred address; one at most.", type="boolean"),
    ),
)

_GROUPS = Attribute(
    "groups",
    "The groups that the user is in; change the members of a Group instead.",
    type="complex",
    multi_valued=True,
    mutability="readOnly",
    sub_attributes=(
        Attribute("value", "The id of the group.", case_exact=True, mutability="readOnly"),
        _uri("$ref", "The address of the group.", "Group", mutability="readOnly"),
        Attribute("display", "The name of the group.", mutability="readOnly"),
        Attribute(
            "type",
            "Whether the membership is direct.",
            mutability="readOnly",
            canonical_values=("direct", "indirect"),
        ),
    ),
)

MEMBERS = Attribute(
    "members",
    "The users in the group.",
    type="complex",
    multi_valued=True,
    sub_attributes=(
        Attribute("value", "The id of the user.", case_exact=True, mutability="immutable"),
        _uri("$ref", "The address of the user.", "User", mutability="immutable"),
        # Not in RFC 7643 §8.7.1: who compares what was sent with what came back would stumble.
        Attribute("display", "The name of the user.", mutability="readOnly", returned="request"),
        Attribute(
            "type", "The kind of member.", mutability="immutable", canonical_values=("User",)
        ),
    ),
)

_MANAGER = Attribute(
    "manager",
    "The user's manager.",
    type="complex",
    sub_attributes=(
        # Stock OneLogin Enterprise template: {"managerId": …}, as SCIM 1.1 had it.
        Attribute("value", "The id of the manager.", case_exact=True, aliases=("managerId",)),
        _uri("$ref", "The address of the manager.", "User"),
        Attribute("displayName", "The manager's name.", mutability="readOnly"),
    ),
)

_WORK_HOME = ("work", "home", "other")

USER_SCHEMA = Schema(
    id="urn:ietf:params:scim:schemas:core:2.0:User",
    name="User",
    description="A person's account.",
    attributes=(
        Attribute(
            "userName",
            "The name that the provider identifies the user by; unique in a directory.",
            required=True,
            uniqueness="server",
        ),
        _NAME,
        Attribute("displayName", "The name to show."),
        Attribute("nickName", "What the person is called casually."),
        _uri("profileUrl", "A page about the person.", "external"),
        Attribute("title", "The job title."),
        Attribute("userType", "The relation to the organization, such as Contractor."),
        Attribute("preferredLanguage", "Languages in order of preference, as in Accept-Language."),
        Attribute("locale", "Where the person is, for dates and numbers."),
        Attribute("timezone", "The time zone, as in the IANA database."),
        Attribute("active", "Whether the account may be used.", type="boolean"),
        Attribute(
            "password",
            "Accepted and thrown away: sign-in is the provider's business.",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
        _values("emails", "E-mail addresses.", types=_WORK_HOME),
        _values(
            "phoneNumbers",
            "Telephone numbers.",
            types=("work", "home", "mobile", "fax", "pager", "other"),
        ),
        _values(
            "ims",
            "Addresses for instant messages.",
            types=("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        _values(
            "photos",
            "Pictures of the person.",
            _uri("value", "The address of the picture.", "external"),
            types=("photo", "thumbnail"),
        ),
        _ADDRESSES,
        _GROUPS,
        _values("entitlements", "What the person is entitled to."),
        _values("roles", "Roles as the provider names them; not the roles of the application."),
        _values(
            "x509Certificates",
            "Certificates of the person.",
            Attribute("value", "The certificate, DER in base64.", type="binary", case_exact=True),
        ),
    ),
    # Stock OneLogin template; SCIM 1.1 connectors.
    aliases=("urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0"),
)

ENTERPRISE_SCHEMA = Schema(
    id="urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name="EnterpriseUser",
    description="What an organization adds about a person.",
    attributes=(
        Attribute("employeeNumber", "The number that the organization gave the person."),
        Attribute("costCenter", "The cost center."),
        Attribute("organization", "The organization."),
        Attribute("division", "The division."),
        Attribute("department", "The department."),
        _MANAGER,
    ),
    # Stock OneLogin Enterprise template; SCIM 1.1 connectors.
    aliases=(
        "urn:scim:schemas:extension:enterprise:2.0",
        "urn:scim:schemas:extension:enterprise:1.0",
    ),
)

GROUP_SCHEMA = Schema(
    id="urn:ietf:params:scim:schemas:core:2.0:Group",
    name="Group",
    description="A set of users.",
    attributes=(
        Attribute(
            "displayName",
            "The name of the group; unique in a directory.",
            required=True,
            uniqueness="server",
        ),
        MEMBERS,
    ),
    aliases=("urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0"),
)

USER = ResourceType(
    name="User",
    endpoint="/Users",
    description="A person's account.",
    key="userName",
    apart="groups",
    schema=USER_SCHEMA,
    extensions=(ENTERPRISE_SCHEMA,),
)

GROUP = ResourceType(
    name="Group",
    endpoint="/Groups",
    description="A set of users.",
    key="displayName",
    apart="members",
    schema=GROUP_SCHEMA,
)

Types: TypeAlias = Mapping[str, ResourceType]
"""What a directory serves, by the name of the type."""

TYPES: Types = {each.name: each for each in (USER, GROUP)}
