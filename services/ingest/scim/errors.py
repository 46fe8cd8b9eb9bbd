"""What can be wrong with a SCIM request, as facts; the HTTP status is the edge's business.

    ScimError
    ├── with a scimType (RFC 7644 table 9)
    │   InvalidFilter, TooMany, Uniqueness, Mutability, InvalidSyntax, InvalidPath, NoTarget,
    │   InvalidValue, InvalidVersion, Sensitive
    └── without
        NotFound, PreconditionFailed, PayloadTooLarge, Unsupported,
        Unauthorized, Forbidden, MethodNotAllowed, UnsupportedMediaType

The docstring of a class is its public `detail`, filled from its fields: what is wrong, what to do.
"""
# ruff: noqa: N818  # named after the scimTypes and statuses that they stand for

import inspect
from dataclasses import dataclass


class ScimError(Exception):
    """The request cannot be answered."""

    @property
    def detail(self) -> str:
        """The text for the person who set up the provider; names attributes, never their values."""
        template = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        return template.format_map({name: _text(value) for name, value in vars(self).items()})

    def __str__(self) -> str:
        return self.detail


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(eq=False)
class InvalidFilter(ScimError):
    """The filter cannot be used: {reason}.

    Correct it, for example to: userName eq "ada@example.com" (RFC 7644 section 3.4.2.2).
    """

    reason: str


@dataclass(eq=False)
class TooMany(ScimError):
    """The filter matches more resources than one answer may hold.

    Narrow the filter, or read in pages with startIndex and count.
    """


@dataclass(eq=False)
class Uniqueness(ScimError):
    """Another resource of this directory already has this {attribute}.

    Look it up with a filter and update it, or choose another value.
    """

    attribute: str


@dataclass(eq=False)
class Mutability(ScimError):
    """The attribute {attribute} cannot be changed by a client.

    Leave it out of the request.
    """

    attribute: str


@dataclass(eq=False)
class InvalidSyntax(ScimError):
    """The request body cannot be understood: {reason}.

    Correct the body and send it again.
    """

    reason: str


@dataclass(eq=False)
class InvalidPath(ScimError):
    """The path {path} does not lead to an attribute of this resource.

    Use a name from /Schemas, with its URN in front if it belongs to an extension.
    """

    path: str


@dataclass(eq=False)
class NoTarget(ScimError):
    """Nothing in the resource is selected by the path {path}.

    Name an existing attribute or element, or add it first.
    """

    path: str


@dataclass(eq=False)
class InvalidValue(ScimError):
    """The value of {attribute} cannot be accepted: {reason}.

    Correct it and send the request again.
    """

    attribute: str
    reason: str


@dataclass(eq=False)
class InvalidVersion(ScimError):
    """This version of the SCIM protocol is not spoken here.

    Use the base URL that ends in /scim/v2 and the identifier of the directory.
    """


@dataclass(eq=False)
class Sensitive(ScimError):
    """The request puts personal data into its URL where that is not allowed.

    Send the filter in the body of a POST to .search instead.
    """


@dataclass(eq=False)
class NotFound(ScimError):
    """There is no {resource_type} with the id {id}.

    It may have been deleted: look it up with a filter, or create it again.
    """

    resource_type: str
    id: str


@dataclass(eq=False)
class PreconditionFailed(ScimError):
    """The resource has changed since the version that the request names.

    Read it again and repeat the change.
    """


@dataclass(eq=False)
class PayloadTooLarge(ScimError):
    """The request body is larger than {max_bytes} bytes.

    Split it into several requests.
    """

    max_bytes: int


@dataclass(eq=False)
class Unsupported(ScimError):
    """This service does not offer {feature}.

    See /ServiceProviderConfig for what it offers.
    """

    feature: str


@dataclass(eq=False)
class Unauthorized(ScimError):
    """The bearer token is missing, wrong or revoked.

    Create a token in the portal and paste it into the provider, without the word Bearer.
    """


@dataclass(eq=False)
class Forbidden(ScimError):
    """This token does not allow the request.

    Use the endpoint address and the token of the same directory.
    """


@dataclass(eq=False)
class MethodNotAllowed(ScimError):
    """The method {method} is not allowed here.

    Allowed: {allowed}.
    """

    method: str
    allowed: tuple[str, ...]


@dataclass(eq=False)
class UnsupportedMediaType(ScimError):
    """The request body is not declared as JSON.

    Send it with Content-Type application/scim+json or application/json.
    """
