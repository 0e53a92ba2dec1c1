"""
The one table of status codes: what each refusal looks like on the wire.

RFC 9457 problem details, ``application/problem+json``. A problem never carries
a trace, a key or the text of a message. An exception that is not in the table
is a fault of ours: 500, logged, without detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from engines.contract import TurnInterrupted
from gateway import errors
from gateway.http.bodies import BadField, BadJson
from gateway.store.errors import MailboxFull, StoreUnavailable


CONTENT_TYPE = "application/problem+json"


class Row(NamedTuple):
    """Status, closed snake_case code, and title of one kind of refusal."""

    status: int
    code: str
    title: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    RFC 9457 problem details.

    Attributes:
        type: Relative reference; the last part is *code*.

        field: Path of the offending field, if one is known.

        retry_after_s: Seconds after which the same request may pass.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""
    retry_after_s: float | None = None


Table = Mapping[type[Exception], Row]

GATEWAY: Table = {
    errors.BadMessage: Row(400, "bad_message", "The request cannot be accepted"),
    BadField: Row(400, "bad_field", "A field is wrong"),
    BadJson: Row(400, "bad_json", "The body is not valid JSON"),
    errors.Unauthorized: Row(401, "unauthorized", "A valid bearer key is needed"),
    errors.Forbidden: Row(403, "forbidden", "The key is not for this"),
    errors.NotFound: Row(404, "not_found", "There is no such thing"),
    errors.MessageConflict: Row(409, "message_conflict", "The message id is taken"),
    errors.OrdersChanged: Row(409, "orders_changed", "Somebody ordered otherwise"),
    errors.TooLarge: Row(413, "too_large", "The body is too large"),
    errors.RateLimited: Row(429, "rate_limited", "Too many requests"),
    MailboxFull: Row(429, "mailbox_full", "Too much waits in this conversation"),
    errors.Draining: Row(503, "draining", "This process is stopping"),
    TurnInterrupted: Row(503, "interrupted", "The message is kept; ask again"),
    StoreUnavailable: Row(503, "store_unavailable", "The message was not accepted"),
}
FAULT = Row(500, "internal", "Something failed on our side")

_RETRY_AFTER_S = {503: 1.0}


def row_of(exc: BaseException, table: Table) -> Row:
    """The row of the nearest base class of *exc*; :data:`FAULT` if none."""
    for kind in type(exc).__mro__:
        row = table.get(kind)
        if row is not None:
            return row
    return FAULT


def problem_of(exc: BaseException, table: Table) -> Problem:
    """What the client is told of *exc*."""
    row = row_of(exc, table)
    retry_after_s = getattr(exc, "retry_after_s", None) or _RETRY_AFTER_S.get(
        row.status
    )
    return Problem(
        type=f"/problems/{row.code}",
        title=row.title,
        status=row.status,
        code=row.code,
        detail="" if row is FAULT else str(exc)[:500],
        field=getattr(exc, "field", ""),
        retry_after_s=retry_after_s,
    )


def headers_of(problem: Problem) -> dict[str, str]:
    """Headers that go with a problem."""
    headers = {"x-content-type-options": "nosniff"}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(problem.retry_after_s)))
    if problem.status == 401:  # noqa: PLR2004 - the status of this header
        headers["www-authenticate"] = "Bearer"
    return headers
