"""The log of SCIM calls."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from shared.contracts.base import Contract

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class RequestQuery(Contract):
    """Query of `GET /v1/directories/{id}/requests`: which calls, newest first.

    `after` is the id that a page ended with; `since` is inside the range, `until` is not;
    `status` is `ok`, `failed`, `4xx` or `409`; `text` is part of the path, or a request id.
    """

    after: Annotated[str, StringConstraints(pattern=_UUID)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    status: (
        Annotated[str, StringConstraints(pattern=r"^(ok|failed|[1-5](xx|[0-9]{2}))$")] | None
    ) = None
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,16}$")] | None = None
    text: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Request(Contract):
    """A SCIM call as the request log keeps it: values of people are masked, secrets gone.

    `id` is the X-Request-Id of the answer; `provider` is a guess from the traffic; `key_id` is
    the token that opened, `token_last_four` how one that did not ended.
    """

    id: str
    at: datetime
    method: str
    path: str
    query: str
    status: int
    scim_type: str | None = None
    detail: str | None = None
    duration_ms: float
    provider: str
    key_id: str | None = None
    token_last_four: str | None = None


class RequestDetail(Request):
    """A SCIM call with its masked body; `body_error_at` is where the body stopped being JSON."""

    user_agent: str | None = None
    content_type: str | None = None
    body: Any = None
    body_bytes: int = 0
    body_error_at: int | None = None


class RequestPage(Contract):
    """A page of the request log; `next` is the `after` of the next page, null on the last."""

    items: list[Request]
    next: str | None = None
