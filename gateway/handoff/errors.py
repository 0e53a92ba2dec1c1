"""
What the human queue may refuse, and why.

    HandoffError
    ├── HandoffNotFound        no such handoff in this shop, or its time is over
    ├── HandoffTaken           it moved since it was read: another was faster
    ├── IllegalMove            the state has no such edge
    ├── NotYours               another operator holds it, or nobody
    ├── OperatorAbsent         the operator is not present, so may hold nothing
    ├── OperatorFull           the operator's capacity is used up
    ├── ReplyFenced            the conversation has another owner by now; the
    │                          text was kept as a note
    ├── UnreadMessages         the customer wrote since; read it before closing
    ├── ConversationBusy       another handoff of this conversation is open
    ├── UnknownSession         not signed in, or no longer
    ├── BadCredentials         shop, name or password is wrong
    ├── BadOrigin              the request comes from another site
    ├── BadCsrf                the session's CSRF token is missing or wrong
    ├── TooManyTries           too many failed sign-ins; retry_after_s
    └── BadOperator            an account cannot be made like this
"""

from __future__ import annotations


class HandoffError(Exception):
    """Base of what the human queue refuses."""


class HandoffNotFound(HandoffError):
    """No such handoff in this shop, or its time is over."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__(f"no handoff {handoff_id!r} in this shop")
        self.handoff_id = handoff_id


class HandoffTaken(HandoffError):
    """It moved since it was read: an offer ran out, or another was faster."""

    def __init__(self, handoff_id: str, state: str) -> None:
        super().__init__(
            f"handoff {handoff_id!r} has moved on and is {state} now; reload it"
        )
        self.handoff_id = handoff_id
        self.state = state


class IllegalMove(HandoffError):
    """The state has no such edge."""

    def __init__(self, handoff_id: str, state: str, move: str) -> None:
        super().__init__(f"handoff {handoff_id!r} is {state}: it cannot {move}")
        self.handoff_id = handoff_id
        self.state = state
        self.move = move


class NotYours(HandoffError):
    """Another operator holds it, or nobody does."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__(f"handoff {handoff_id!r} is not held by you")
        self.handoff_id = handoff_id


class OperatorAbsent(HandoffError):
    """The operator is not present, so may hold nothing."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"operator {operator!r} is not present; go online first")
        self.operator = operator


class OperatorFull(HandoffError):
    """The operator's capacity is used up."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"operator {operator!r} has no free capacity; close one first")
        self.operator = operator


class ReplyFenced(HandoffError):
    """The conversation has another owner by now; the text was kept as a note."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__(
            f"handoff {handoff_id!r} is no longer yours; your text was not sent"
            " and is kept as an internal note"
        )
        self.handoff_id = handoff_id


class UnreadMessages(HandoffError):
    """The customer wrote after what the operator has read; it stays open."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__(
            "the customer wrote in the meantime; read it, then close again"
        )
        self.handoff_id = handoff_id


class ConversationBusy(HandoffError):
    """Another handoff of this conversation is open; work there."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__(
            f"the conversation of {handoff_id!r} is in another handoff at the moment"
        )
        self.handoff_id = handoff_id


class UnknownSession(HandoffError):
    """Not signed in, or no longer."""


class BadCredentials(HandoffError):
    """Shop, name or password is wrong."""


class BadOrigin(HandoffError):
    """The request comes from another site."""


class BadCsrf(HandoffError):
    """The session's CSRF token is missing or wrong."""


class TooManyTries(HandoffError):
    """Too many failed sign-ins."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many failed sign-ins; wait before the next try")
        self.retry_after_s = retry_after_s


class BadOperator(HandoffError):
    """An account cannot be made like this; the message says why."""
