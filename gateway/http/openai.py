"""
``/v1/chat/completions``: any OpenAI-compatible client is a customer.

The client sends the whole transcript each time and no conversation. Whose it is is
found by what went before: the digest of a transcript that we ended ourselves. A
transcript nobody ended here starts a new conversation, and what it claims was said
is not believed: policy, memory and identity stay on this side. ``system`` messages
and tools are the client's, and ignored.

``tidegate`` is the whole path, with actions and people; so is ``tidegate-l3``, since
an action needs its conversation, the ledger and somebody to approve it.
``tidegate-l1`` and ``tidegate-l2`` ask the tiers up to that one and keep nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from engines.contract import Tier, Utterance
from gateway.drafts import Drafts
from gateway.errors import BadMessage, Forbidden
from gateway.http.auth import Principal
from gateway.http.chunks import Completed, next_piece, stream, usage_of
from gateway.http.customers import KEYED, CustomerApi, caller
from gateway.http.hooks import MAX_HOOK_BYTES
from gateway.http.wire import MessageIn
from gateway.outcome import MessageOut
from gateway.previews import Previews
from gateway.store.threads import Threads


_SSE = {"content-type": "text/event-stream; charset=utf-8"}
#: Model name -> highest tier that is asked; None is the whole path.
MODELS: Mapping[str, Tier | None] = {
    "tidegate": None,
    "tidegate-l1": Tier.L1,
    "tidegate-l2": Tier.L2,
    "tidegate-l3": None,
}
#: Said where the path itself has no words to give back.
_WAITS: Mapping[str, str] = {
    "queued": "已转人工，请稍候。 / A person will answer here.",
    "ticketed": "已为您登记工单，稍后答复。 / A ticket was made; we will come back to you.",
    "pending": "已收到，稍后答复。 / Received; the answer comes later.",
}
_NOT_HERE = "这个问题要由更高一层回答。 / A higher tier has to answer this."

_decode = msgspec.json.Decoder(MessageOut).decode
_encode = msgspec.json.Encoder().encode


class _Part(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str = ""


class ChatMessage(msgspec.Struct, frozen=True):
    """One line of the transcript."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        """Its words; pictures and sounds are left out."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatIn(msgspec.Struct, frozen=True, kw_only=True):
    """
    The request as OpenAI documents it; what is not here is ignored.

    Attributes:
        user: The customer's id, as ``user_id`` of the customer API.
    """

    model: str
    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1, max_length=500)]
    user: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None


class ChatApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the route below needs; handed in by the composition root."""

    customers: CustomerApi
    previews: Previews
    drafts: Drafts
    threads: Threads
    wall_ms: Callable[[], int]


class ChatController(Controller):
    """The OpenAI-compatible face."""

    path = "/v1/chat/completions"
    tags = ("openai",)

    @post(
        status_code=200,
        summary="Answer a transcript (OpenAI-compatible, streaming too)",
        security=[{"bearer": []}],
        opt=KEYED,
        request_max_body_size=MAX_HOOK_BYTES,
    )
    async def complete(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[ChatIn],
        chat_api: NamedDependency[ChatApi],
    ) -> dict[str, Any]:
        """
        ``model`` is ``tidegate``, ``tidegate-l1``, ``-l2`` or ``-l3``. The header
        ``X-Conversation-Id`` names the conversation; ``Idempotency-Key`` the message.
        """
        principal = caller(request, chat_api.customers)
        if principal.user_id is not None:
            raise Forbidden("a visitor's token is for its own conversation")
        head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": chat_api.wall_ms() // 1000,
            "model": data.model,
        }
        said: asyncio.Queue[str] = asyncio.Queue()
        work = _complete(chat_api, principal, data, request.headers, said)
        if data.stream:
            done_soon = asyncio.create_task(work)
            # What is refused is refused with its status, before a stream begins.
            first = await next_piece(said, done_soon)
            options = data.stream_options
            asked = _asked(data) if options and options.include_usage else None
            pieces = stream(head, asked, first, said, done_soon)
            return Stream(pieces, headers=_SSE)  # type: ignore[return-value]  # documented as its JSON form
        done = await work
        usage = usage_of(_asked(data), done.text)
        return Response(  # type: ignore[return-value]  # as above
            {
                **head,
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": done.text},
                        "finish_reason": "stop",
                    }
                ],
                "usage": usage,
                "tidegate": done.facts,
            }
        )


async def _complete(
    api: ChatApi,
    principal: Principal,
    data: ChatIn,
    headers: Mapping[str, str],
    said: asyncio.Queue[str],
) -> Completed:
    """The answer; its sentences are put in *said* as they are written."""
    if data.model not in MODELS:
        raise BadMessage(f"model must be one of {', '.join(MODELS)}", "model")
    lines = [one for one in data.messages if one.role in ("user", "assistant")]
    if not lines or lines[-1].role != "user" or not lines[-1].text.strip():
        raise BadMessage("the last message must be the user's, with text", "messages")
    highest = MODELS[data.model]
    if highest is not None:
        return await _preview(api, principal, data, lines, highest, said)
    return await _whole_path(api, principal, data, lines, headers, said)


async def _preview(
    api: ChatApi,
    principal: Principal,
    data: ChatIn,
    lines: Sequence[ChatMessage],
    highest: Tier,
    said: asyncio.Queue[str],
) -> Completed:
    text = lines[-1].text
    history = [
        Utterance("customer" if one.role == "user" else "assistant", one.text[:400])
        for one in lines[-9:-1]
    ]
    verdict = await api.previews.ask(
        principal.shop,
        principal.channel,
        data.user or "anonymous",
        text[:4000],
        history,
        api.customers.intake.language(text, None),
        highest,
        said.put_nowait,
    )
    answer = verdict.answer
    facts = {"tier": verdict.tier if answer else None, "wanted": verdict.decision.tier}
    return Completed(text=answer.text if answer else _NOT_HERE, facts=facts)


async def _whole_path(
    api: ChatApi,
    principal: Principal,
    data: ChatIn,
    lines: Sequence[ChatMessage],
    headers: Mapping[str, str],
    said: asyncio.Queue[str],
) -> Completed:
    user = data.user or ""
    conversation = headers.get("x-conversation-id") or await _known(
        api, principal, user, lines
    )
    conversation = conversation or f"chat-{secrets.token_hex(12)}"
    message = MessageIn(
        message_id=headers.get("idempotency-key") or f"chat-{secrets.token_hex(12)}",
        user_id=user or f"anonymous-{conversation}",
        text=lines[-1].text.replace("\0", ""),
    )
    key = principal.conversation_key(conversation)
    with api.drafts.listen(principal.shop, key, message.message_id, said):
        outcome = await api.customers.intake.take(principal, conversation, message)
    result = _decode(outcome) if isinstance(outcome, bytes) else outcome
    text = result.reply.text if result.reply else _WAITS.get(result.status, "")
    ended = [*lines, ChatMessage(role="assistant", content=text)]
    digest = _digest(principal, user, ended)
    await api.threads.put(principal.shop, digest, conversation)
    return Completed(text=text, facts=_facts(result, conversation))


async def _known(
    api: ChatApi, principal: Principal, user: str, lines: Sequence[ChatMessage]
) -> str | None:
    """The conversation whose last answer was the line before this one."""
    if len(lines) == 1:
        return None
    return await api.threads.get(principal.shop, _digest(principal, user, lines[:-1]))


def _digest(principal: Principal, user: str, lines: Sequence[ChatMessage]) -> str:
    """One name for one transcript of one user with one key."""
    transcript = [(one.role, one.text.strip()) for one in lines]
    whole = _encode([principal.channel, user, transcript])
    return hashlib.sha256(whole).hexdigest()


def _facts(result: MessageOut, conversation: str) -> dict[str, Any]:
    reply = result.reply
    return {
        "conversation_id": conversation,
        "seq": result.seq,
        "status": result.status,
        "tier": reply.tier if reply else None,
        "citations": msgspec.to_builtins(reply.citations) if reply else [],
        "actions": msgspec.to_builtins(reply.actions) if reply else [],
        "handoff": msgspec.to_builtins(result.handoff) if result.handoff else None,
    }


def _asked(data: ChatIn) -> int:
    """Characters of the transcript."""
    return sum(len(one.text) for one in data.messages)
