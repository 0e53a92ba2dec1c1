"""
What a conversation remembers between turns, and how a turn is made from it.

The state is one opaque blob to the store: read at accept, written at commit,
in the same atomic function as the reply. An episode (memory, risk floor) ends
when its matter is closed or the customer was silent for long.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engines.contract import (
    RISK_ORDER,
    Answer,
    ConversationId,
    Decision,
    Locale,
    MessageId,
    OpenTask,
    Risk,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from gateway.language import is_telling
from gateway.outcome import EventBody


#: Longest part of one line that later turns see.
LINE_CHARS = 400
#: Turns another tier may answer before an open task is dropped.
MAX_DIGRESSIONS = 3


class ConversationState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """
    Memory of one conversation.

    Attributes:
        user_id: Whose memory this is.

        locale: Language they last spoke, for what says nothing of it.

        episode: Number of the episode, from 1.

        turn_number: Customer messages answered in this episode.

        misses: Turns in a row that no machine tier could answer.

        last_ms: Wall time of the last commit, for the idle rule.

        admitted: Tiers whose pools let a turn of this episode in: there its later
            turns go before new conversations.
    """

    user_id: str = ""
    locale: Locale | None = None
    episode: int = 1
    turn_number: int = 0
    history: list[Utterance] = msgspec.field(default_factory=list)
    open_task: OpenTask | None = None
    digressions: int = 0
    previous_tier: Tier | None = None
    risk_floor: Risk | None = None
    misses: int = 0
    is_closed: bool = False
    last_ms: int = 0
    admitted: list[Tier] = msgspec.field(default_factory=list)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ConversationState)


def load_state(blob: bytes) -> ConversationState:
    """Decode what the last commit wrote; empty means a new conversation."""
    return _decoder.decode(blob) if blob else ConversationState()


def dump_state(state: ConversationState) -> bytes:
    """Encode for the store."""
    return _encoder.encode(state)


def begin_turn(
    state: ConversationState, user_id: str, now_ms: int, idle_ms: int
) -> None:
    """
    Start a new episode if the last one is over, and count the turn.

    Another user in the same conversation starts with nothing of the last one's.
    """
    is_idle = state.last_ms > 0 and now_ms - state.last_ms > idle_ms
    is_other = state.user_id not in ("", user_id)
    state.user_id = user_id
    if is_other:
        state.locale = None
    if state.is_closed or is_idle or is_other:
        state.episode += 1
        state.turn_number = 0
        state.history = []
        state.open_task = None
        state.previous_tier = None
        state.risk_floor = None
        state.misses = 0
        state.is_closed = False
        state.admitted = []
    state.turn_number += 1


def turn_of(
    state: ConversationState,
    inbound: EventBody,
    *,
    shop: str,
    channel: str,
    conversation: str,
    seq: int,
    deadline_s: float,
    draft: Callable[[str], None] | None = None,
) -> Turn:
    """The turn an engine sees; its id stays the same when it is taken over."""
    return Turn(
        turn_id=f"{shop}/{conversation}/{seq}",
        shop=ShopId(shop),
        channel=channel,
        conversation_id=ConversationId(conversation),
        message_id=MessageId(inbound.message_id),
        user_id=UserId(inbound.user_id),
        seq=seq,
        text=inbound.text,
        locale=_spoken(state, inbound),
        history=tuple(state.history),
        open_task=state.open_task,
        turn_number=state.turn_number,
        previous_tier=state.previous_tier,
        previous_risk=state.risk_floor,
        is_repeat_contact=state.episode > 1,
        deadline_s=deadline_s,
        draft=draft,
    )


def _spoken(state: ConversationState, inbound: EventBody) -> Locale:
    """Language of the turn: "ok" and "K3022" are said in the one before."""
    if state.locale is not None and not is_telling(inbound.text):
        return state.locale
    return "en" if inbound.locale == "en" else "zh"


def end_turn(
    state: ConversationState,
    turn: Turn,
    decision: Decision,
    tier: Tier,
    answer: Answer | None,
    *,
    text: str,
    now_ms: int,
    keep_lines: int,
) -> None:
    """Remember what was said, what is open, and the highest risk so far."""
    state.locale = turn.locale
    state.history.append(Utterance("customer", turn.text[:LINE_CHARS]))
    if text:
        state.history.append(Utterance("assistant", text[:LINE_CHARS]))
    del state.history[:-keep_lines]
    _keep_or_replace_task(state, tier, answer)
    state.previous_tier = tier
    state.risk_floor = higher_risk(state.risk_floor, decision.risk)
    state.is_closed = answer is not None and answer.is_closing
    state.last_ms = now_ms


def _keep_or_replace_task(
    state: ConversationState, tier: Tier, answer: Answer | None
) -> None:
    """A digression answered by another tier leaves the open task open."""
    new = answer.open_task if answer is not None else None
    owner = state.open_task.tier if state.open_task is not None else tier
    is_digression = new is None and answer is not None and owner is not tier
    if is_digression and state.digressions < MAX_DIGRESSIONS:
        state.digressions += 1
        return
    state.open_task = new
    state.digressions = 0


def higher_risk(left: Risk | None, right: Risk) -> Risk:
    """The higher of the two; None is lower than all."""
    if left is None or RISK_ORDER[right] > RISK_ORDER[left]:
        return right
    return left
