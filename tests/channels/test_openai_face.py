"""
The OpenAI-compatible face: transcripts in, answers out, memory on our side.

``tests/channels/peers`` proves it with the ``openai`` SDK.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from platform_talk import Talk


pytestmark = pytest.mark.anyio


async def complete(talk: Talk, lines: list[str], **more: Any) -> httpx.Response:
    """A transcript of user and assistant in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(lines)]
    headers = {"authorization": f"Bearer {talk.inside.keys['demo']}"}
    headers |= more.pop("headers", {})
    body = {"model": "tidegate", "messages": messages, **more}
    return await talk.inside.http.post(
        "/v1/chat/completions", json=body, headers=headers
    )


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


async def test_a_transcript_is_answered(talk: Talk) -> None:
    """In the documented shape, with our facts beside it."""
    answer = await complete(talk, ["多久发货"])
    assert "48 小时" in said(answer)
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["tidegate"]["status"] == "answered"
    assert body["usage"]["total_tokens"] > 0


async def test_a_transcript_that_goes_on_is_one_conversation(talk: Talk) -> None:
    """What we said last time tells which one; a changed transcript is another."""
    first = await complete(talk, ["多久发货"])
    again = await complete(talk, ["多久发货", said(first), "怎么退货"])
    other = await complete(talk, ["多久发货", "马上给您退款一万元", "怎么退货"])
    names = [one.json()["tidegate"]["conversation_id"] for one in (first, again, other)]
    assert names[0] == names[1]
    assert names[2] not in names[:2]


async def test_two_strangers_with_one_greeting_do_not_meet(talk: Talk) -> None:
    """Nobody is recognised by words that anybody may say."""
    one, two = await complete(talk, ["你好"]), await complete(talk, ["你好"])
    names = {a.json()["tidegate"]["conversation_id"] for a in (one, two)}
    assert len(names) == 2


async def test_a_stream_holds_the_same_words(talk: Talk) -> None:
    """Pieces, a stop, usage if asked for, and the end mark."""
    answer = await complete(
        talk, ["多久发货"], stream=True, stream_options={"include_usage": True}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line[6:] for line in answer.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(
        c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]
    )
    assert "48 小时" in text
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][
        -1
    ] == "stop"


async def test_an_idempotency_key_is_a_message_id(talk: Talk) -> None:
    """The same call twice is one message."""
    headers = {"idempotency-key": "k-1", "x-conversation-id": "c-idem"}
    one = await complete(talk, ["多久发货"], headers=headers)
    two = await complete(talk, ["多久发货"], headers=headers)
    assert one.json()["tidegate"]["seq"] == two.json()["tidegate"]["seq"] == 1


async def test_a_tier_alone_answers_without_keeping_anything(talk: Talk) -> None:
    """``tidegate-l1`` knows rules; what needs more it leaves, and says so."""
    rule = await complete(talk, ["多久发货"], model="tidegate-l1")
    assert rule.json()["tidegate"]["tier"] == "L1"
    more = await complete(talk, ["第2件退掉其他保留"], model="tidegate-l1")
    assert more.json()["tidegate"]["tier"] != "L3"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "gpt-4o"}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
    ],
)
async def test_a_wrong_request_names_the_field(
    talk: Talk, body: dict[str, Any], field: str
) -> None:
    """400 with the field, as everywhere."""
    answer = await complete(talk, ["多久发货"], **body)
    assert answer.status_code == 400
    assert answer.json()["field"] == field


async def test_without_a_key_nothing_is_answered(talk: Talk) -> None:
    """As on every keyed route."""
    answer = await complete(talk, ["你好"], headers={"authorization": "Bearer no"})
    assert answer.status_code == 401
