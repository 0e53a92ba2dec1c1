"""
What an engine is given, what it may return, and what it may raise.

This module is the vocabulary of the project. It imports nothing of ours;
everything else may import it.

    EngineError
    ├── EngineTimeout          the deadline passed while the engine worked
    ├── EngineUnavailable      a system the engine needs does not answer
    ├── EngineOverloaded       the backend asked for a pause; retry_after_s
    └── TurnInterrupted        cut short where it can be taken up again
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, NewType, Protocol

import msgspec


ShopId = NewType("ShopId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
UserId = NewType("UserId", str)

Role = Literal["customer", "assistant", "operator"]
Locale = Literal["zh", "en"]


class Tier(StrEnum):
    """Who answers, cheapest first. A turn only moves to a later tier."""

    #: Rules: one fixed text answers.
    L1 = "L1"
    #: Retrieval: conditions, context or a look-up; changes nothing.
    L2 = "L2"
    #: Agent: something in a business system must change.
    L3 = "L3"
    #: A person.
    HUMAN = "human"


#: Position of a tier on the way up.
TIER_ORDER: dict[Tier, int] = {tier: rank for rank, tier in enumerate(Tier)}


class Complexity(StrEnum):
    """What it takes to finish what the customer wants now."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class Risk(StrEnum):
    """What a wrong or careless answer would cost."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


#: Position of a risk; inside an episode it never falls.
RISK_ORDER: dict[Risk, int] = {risk: rank for rank, risk in enumerate(Risk)}


class Emotion(StrEnum):
    """How the customer sounds in this turn."""

    CALM = "calm"
    ANNOYED = "annoyed"
    ANGRY = "angry"


class Reason(StrEnum):
    """Why a turn left a tier. Closed codes: they become labels of metrics."""

    #: The engine knows nothing that fits.
    NO_MATCH = "no_match"
    #: Something fits, but not well enough to say it.
    LOW_CONFIDENCE = "low_confidence"
    #: A business system would have to change; this tier only reads.
    NEEDS_ACTION = "needs_action"
    #: The customer asks for a person.
    ASKED_HUMAN = "asked_human"
    #: Policy forbids it to every machine.
    POLICY = "policy"
    #: The router found a risk that no tool may settle.
    HIGH_RISK = "high_risk"
    #: An effect was sent and its outcome is not known.
    UNKNOWN_OUTCOME = "unknown_outcome"
    #: A system the engine needs does not answer.
    UNAVAILABLE = "unavailable"
    #: So much is going on that this tier has no place for the turn.
    BUSY = "busy"
    #: The deadline passed.
    DEADLINE = "deadline"
    #: A guard refused the answer.
    GUARD = "guard"
    #: The engine failed in a way nobody foresaw.
    FAULT = "fault"
    #: The customer could not be understood after several tries.
    STUCK = "stuck"


class Utterance(msgspec.Struct, frozen=True):
    """One line of a conversation as later turns see it."""

    role: Role
    text: str


class OpenTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What the conversation is in the middle of: a dialog with slots, or a recipe
    that waits for a slot or for consent.

    Attributes:
        tier: The tier whose engine owns the task and gets the next turn.

        name: Dialog or recipe, for example ``change_address``.

        waits_for: Slot name, or ``consent``.

        complexity: Of the request that opened the task; a slot answer takes it.

        risk: As *complexity*.

        data: The owner's own state, plain JSON. Nobody else reads it.

        version: Version of the pack or recipe that wrote *data*; an owner that
            finds another version starts over instead of guessing.
    """

    tier: Tier
    name: str
    waits_for: str
    complexity: Complexity
    risk: Risk
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    version: str = ""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """
    One customer message together with the context needed to answer it.

    Attributes:
        turn_id: Unique per message; a redelivered message keeps its id.

        user_id: Who the channel says it is. Never taken from text.

        text: What the customer wrote, as accepted (no NUL, no lone surrogate).

        history: Earlier lines of the episode, oldest first, bounded.

        open_task: What the conversation is in the middle of, if anything.

        turn_number: 1 for the first customer message of the episode.

        previous_tier: Tier that answered last in this episode.

        previous_risk: Highest risk seen in this episode: its floor.

        is_repeat_contact: True if this customer finished another episode
            recently.

        deadline_s: Monotonic clock reading after which an answer is worthless.
            Never compare it with the wall clock.

        is_brief: The house is busy: answer the cheap way, with few tokens, no
            second look, the small model.

        intent: Auxiliary intent as the router read it: a hint where words leave open
            what is asked; empty if nobody said.

        draft:
            Told each sentence that may be said as soon as it is checked, before the
            answer is whole; None if nobody listens. Joined as they are, they are how
            the answer begins. Only the answer counts: one that begins otherwise
            replaces what was told.
    """

    turn_id: str
    shop: ShopId
    channel: str
    conversation_id: ConversationId
    message_id: MessageId
    user_id: UserId
    seq: int
    text: str
    locale: Locale
    history: tuple[Utterance, ...] = ()
    open_task: OpenTask | None = None
    turn_number: int = 1
    previous_tier: Tier | None = None
    previous_risk: Risk | None = None
    is_repeat_contact: bool = False
    deadline_s: float = float("inf")
    is_brief: bool = False
    intent: str = ""
    draft: Callable[[str], None] | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What the router says of a turn.

    Attributes:
        tier: Lowest tier that is expected to finish the turn well.

        confidence: Calibrated probability that *tier* suffices, 0 to 1.

        intent: Auxiliary intent, a hint for engines and reports; may be empty.

        reasons: Rules hit and strongest features, for people to read.

        is_ruled: A hard rule made it grave: no model's doubt counts against that.

        model: Version of the artifact that decided.

        certificate: What was proven of turns like this one, ``zh/L1 severe <= 2%``;
            empty if nothing was.
    """

    complexity: Complexity
    risk: Risk
    tier: Tier
    confidence: float
    asks_human: bool = False
    emotion: Emotion = Emotion.CALM
    intent: str = ""
    reasons: tuple[str, ...] = ()
    is_ruled: bool = False
    model: str = ""
    certificate: str = ""


class Citation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Where a statement comes from.

    Attributes:
        id: Stable id of the passage or record.

        title: What a reader would call the source.

        quote: The words relied on; the guard compares figures with them.
    """

    id: str
    title: str
    quote: str = ""


class ActionRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    An action as the customer sees it; the whole record is in the ledger.

    Attributes:
        state: State in the ledger, for example ``proposed`` or ``done``.

        summary: One line in the customer's language.

        amount_minor: Money that moves to the customer (positive) or from the
            customer (negative), in minor units; None if none does.
    """

    id: str
    kind: str
    state: str
    summary: str
    amount_minor: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a tier says to the customer.

    Attributes:
        open_task: What the conversation is in the middle of *after* this
            answer. None closes whatever was open.

        intent: What was understood, for logs and reports.

        confidence: 0 to 1; below the gateway's bar the turn climbs one tier.

        is_closing: True if the customer's matter is finished by it.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    actions: tuple[ActionRef, ...] = ()
    open_task: OpenTask | None = None
    intent: str = ""
    confidence: float = 1.0
    is_closing: bool = False


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """
    A tier hands the turn back, with a reason. Not an error.

    Attributes:
        note: What the next tier or the operator should know, one line.

        to: Skip to this tier; None means the next one.

        open_task: Kept for the next tier, if the work so far is of use.
    """

    reason: Reason
    note: str = ""
    to: Tier | None = None
    open_task: OpenTask | None = None


class Engine(Protocol):
    """
    Answers one turn, or hands it back.

    Implementations hold no per-conversation state: the same instance serves
    many turns at once, and a turn may be retried on another process.
    """

    @property
    def tier(self) -> Tier:
        """The tier this engine answers on."""
        ...

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """
        Answer *turn* before its deadline.

        Must be safe to call twice with the same turn. Must not sleep past the
        deadline: an early :class:`Escalation` is better than a late answer.

        Raises:
            EngineTimeout: If the deadline passed.
            EngineUnavailable: If a needed system does not answer.
            EngineOverloaded: If the backend asked us to slow down.
        """
        ...


class EngineError(Exception):
    """Base of what an engine may raise; *tier* says which one did."""

    def __init__(self, tier: Tier, message: str = "") -> None:
        super().__init__(message or type(self).__doc__)
        self.tier = tier


class EngineTimeout(EngineError):
    """The deadline passed while the engine worked."""


class EngineUnavailable(EngineError):
    """A system the engine needs does not answer."""


class TurnInterrupted(EngineError):
    """
    The turn was cut short where it can be taken up again.

    What it has begun is on disk, so it is run once more from the start, soon
    and perhaps elsewhere, instead of being handed on half done.
    """


class EngineOverloaded(EngineError):
    """The backend asked for a pause."""

    def __init__(self, tier: Tier, retry_after_s: float) -> None:
        super().__init__(tier)
        self.retry_after_s = retry_after_s
