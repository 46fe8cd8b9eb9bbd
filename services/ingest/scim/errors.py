"""What can be wrong with a SCIM request, as facts; the HTTP status is the edge's business.

    ScimError
    ├── with a scimType (RFC 7644 table 9)
    │   InvalidFilter, TooMany, Uniqueness, Mutability, InvalidSyntax, InvalidPath, NoTarget,
    │   InvalidValue, InvalidVersion, Sensitive; of RFC 9865: InvalidCursor, ExpiredCursor,
    │   InvalidCount
    └── without
        NotFound, UnknownEndpoint, PreconditionFailed, PayloadTooLarge, TooManyOperations,
        Unresolved, Unsupported, Unauthorized, Forbidden, UnfilteredDiscovery, MethodNotAllowed,
        UnsupportedMediaType, RequestTimeout
        └── to be sent again later: TryLater
            TooManyRequests, Busy, Behind, Full, Paused

The docstring of a class is its public `detail`, filled from its fields: what is wrong, what to do.
"""
# ruff: noqa: N818  # named after the scimTypes and statuses that they stand for

import inspect
from dataclasses import dataclass

_MAX_SHOWN = 400


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
    """Return a field as it may be shown: what came in a request is cut, and made printable."""
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return shown if shown.isprintable() else "".join(map(_printable, shown))


def _printable(character: str) -> str:
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"


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
class InvalidCursor(ScimError):
    """The cursor does not belong to this search.

    Send the nextCursor of the page before with the same filter, sortBy and sortOrder and without
    startIndex, or an empty cursor to start again.
    """


@dataclass(eq=False)
class ExpiredCursor(ScimError):
    """The cursor is older than {timeout_s} seconds.

    Start again with an empty cursor.
    """

    timeout_s: int


@dataclass(eq=False)
class InvalidCount(ScimError):
    """The count does not fit a search by cursor.

    Send a count of 1 or more, the same with every page.
    """


@dataclass(eq=False)
class NotFound(ScimError):
    """There is no {resource_type} with the id {id}.

    It may have been deleted: look it up with a filter, or create it again.
    """

    resource_type: str
    id: str


@dataclass(eq=False)
class UnknownEndpoint(ScimError):
    """There is no endpoint {path} here.

    Below the Endpoint URL there are /Users, /Groups, /Schemas, /ResourceTypes and
    /ServiceProviderConfig; check the base URL that the provider was given.
    """

    path: str


@dataclass(eq=False)
class PreconditionFailed(ScimError):
    """The resource has changed since the version that the request names.

    Read it again and repeat the change.
    """


@dataclass(eq=False)
class PayloadTooLarge(ScimError):
    """The request is larger than {limit}.

    Split it into several requests.
    """

    limit: object


@dataclass(eq=False)
class TooManyOperations(ScimError):
    """The request holds more than {max_operations} operations.

    Split it into several requests.
    """

    max_operations: int


@dataclass(eq=False)
class Unresolved(ScimError):
    """The reference bulkId:{bulk_id} leads to no resource of this request.

    It is unknown, or the operation that should have made the resource failed: mend that one.
    """

    bulk_id: str


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
class UnfilteredDiscovery(ScimError):
    """What this service can do is listed in full and never filtered.

    Send the request without a filter (RFC 7644 section 4).
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
    """The request body is not declared as plain JSON in UTF-8.

    Send it with Content-Type application/scim+json or application/json, without Content-Encoding.
    """


@dataclass(eq=False)
class RequestTimeout(ScimError):
    """The request did not arrive within {within_s} seconds.

    Send it again at once and without pauses, over a faster connection or in smaller parts.
    """

    within_s: int


@dataclass(eq=False)
class TryLater(ScimError):
    """The request cannot be answered at the moment, and nothing was changed.

    Send it again in {retry_after_s} seconds.
    """

    retry_after_s: int


@dataclass(eq=False)
class TooManyRequests(TryLater):
    """This directory sends more requests than it may; this one changed nothing.

    Send it again in {retry_after_s} seconds, and fewer at a time.
    """


@dataclass(eq=False)
class Busy(TryLater):
    """The service is busy at the moment; this request changed nothing.

    Send it again in {retry_after_s} seconds.
    """


@dataclass(eq=False)
class Behind(TryLater):
    """Changes are not accepted at the moment: earlier ones have waited too long to be passed on.

    Nothing is lost. Send the request again in {retry_after_s} seconds; reading goes on meanwhile.
    """


@dataclass(eq=False)
class Full(TryLater):
    """Changes are not accepted at the moment: the storage of this service is full.

    Its operator has to make room. Send the request again in {retry_after_s} seconds.
    """


@dataclass(eq=False)
class Paused(TryLater):
    """This directory is paused; this request changed nothing.

    An administrator resumes it in the portal. Send the request again in {retry_after_s} seconds.
    """
