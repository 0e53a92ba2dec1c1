"""
Tools in three modes, mended answers, and what may not come through.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from asking import REFUND, Refund, endpoint, prompt, settings
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import Tier
from engines.llm import (
    ChatLine,
    LlmBadReply,
    LlmConfig,
    Reply,
    ToolCall,
    open_clients,
)
from engines.llm.talk import RawReply
from engines.llm.tools import read_reply
from engines.llm.wire import Events, piece_of
from loadtest.llm_manners import Line, Manners
from loadtest.llm_stub_process import StubControl


CALL = Line(when="refund", tool="refund", args={"order": "K8", "units": 2})


async def ask(config: LlmConfig, text: str, **more: object) -> Reply:
    async with open_clients(config) as clients:
        return await clients[Tier.L3].ask(prompt(text, tools=(REFUND,), **more))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("masters", "mode"),
    [
        (("native", "schema"), "native"),
        (("schema",), "schema"),
        ((), "content"),
    ],
)
async def test_each_way_to_name_a_tool_is_found_and_used(
    stub: StubControl, masters: tuple[str, ...], mode: str
) -> None:
    """The probe finds the best mode that works; the call is the same in each."""
    stub.manners(Manners(tools=masters))  # type: ignore[arg-type]
    stub.script([CALL])
    async with open_clients(settings(endpoint(stub))) as clients:
        client = clients[Tier.L3]
        assert client.states[0].tools == "unknown"
        await client.probe()
        assert client.states[0].tools == mode
        reply = await client.ask(prompt("refund it", tools=(REFUND,)))
        assert reply.call == ToolCall("refund", Refund("K8", 2))
        plain = await client.ask(prompt("good day", tools=(REFUND,)))
        assert (plain.call, plain.text) == (None, "You said: good day")


@pytest.mark.anyio
async def test_an_answer_that_cannot_be_used_is_mended_twice_at_most(
    stub: StubControl,
) -> None:
    """The model is told what is wrong; a third wrong answer is an error."""
    stub.script(
        [
            Line(when="cannot be used", tool="refund", args={"order": "K8"}),
            Line(when="refund", raw='{"tool": "refund", "args": {"order": 7}}'),
        ]
    )
    reply = await ask(settings(endpoint(stub, tools="content")), "refund it")
    assert reply.call == ToolCall("refund", Refund("K8"))
    assert "wrong arguments" in stub.calls()[-1]["body"]["messages"][-1]["content"]
    stub.script([Line(when=".", raw='{"tool": "fly", "args": {}}')])
    before = len(stub.calls())
    config = settings(endpoint(stub, tools="content"), retry_share=0.0)
    with pytest.raises(LlmBadReply, match="no call of one of the tools"):
        await ask(config, "refund it", must_call=True)
    assert len(stub.calls()) - before <= 6


@pytest.mark.anyio
async def test_personal_data_never_leaves_and_comes_back(stub: StubControl) -> None:
    """In text, in a stream cut anywhere, and inside the arguments of a tool."""
    said = "call 13800138000 or Li Lei, again 13800138000"
    config = settings(endpoint(stub, tools="native"))
    async with open_clients(config) as clients:
        client = clients[Tier.L3]
        ours = prompt(said, private=("Li Lei",))
        assert (await client.ask(ours)).text == f"You said: {said}"
        body = str(stub.calls()[-1]["body"])
        assert "13800138000" not in body
        assert "Li Lei" not in body
        assert body.count("[phone_1]") == 2
        streamed = "".join([piece async for piece in client.stream(ours)])
        assert streamed == f"You said: {said}"
        stub.script([Line(when=".", tool="refund", args={"order": "[private_1]"})])
        sly = 'x", "units": 99, "order": "y'
        private = prompt(f"it is {sly}", private=(sly,), tools=(REFUND,))
        assert (await client.ask(private)).call == ToolCall("refund", Refund(sly))


@pytest.mark.anyio
async def test_a_mark_that_the_customer_typed_stands_for_nothing(
    stub: StubControl,
) -> None:
    """Nobody fetches another line's phone by writing our mark."""
    said = "what is [phone_1]? mine is 13800138000"
    async with open_clients(settings(endpoint(stub))) as clients:
        reply = await clients[Tier.L2].ask(prompt(said))
    assert reply.text == f"You said: {said}"
    assert "[phone_1x]" in str(stub.calls()[-1]["body"])


@pytest.mark.anyio
async def test_a_number_sent_in_two_lines_reaches_no_model(stub: StubControl) -> None:
    """Neither part is there, with an answer between them and a passage before."""
    lines = (
        ChatLine("user", "我的手机是138001"),
        ChatLine("assistant", "还差几位？"),
        ChatLine("user", "[1] 运费 8 元\n\n38000，谢谢"),
    )
    async with open_clients(settings(endpoint(stub))) as clients:
        await clients[Tier.L2].ask(prompt("", lines=lines))
    sent = str(stub.calls()[-1]["body"]["messages"])
    assert "138001" not in sent
    assert "38000" not in sent
    assert "运费 8 元" in sent


@pytest.mark.parametrize(
    "text",
    [
        '{"tool": "refund", "args": {"order": "K8"}}',
        'Sure!\n```json\n{"tool": "refund", "args": {"order": "K8"}}\n```',
        'I will do it: {"name": "refund", "arguments": {"order": "K8"}} now',
        '{"name": "refund", "arguments": "{\\"order\\": \\"K8\\"}"}',
        '{"function": {"name": "refund"}, "parameters": {"order": "K8"}}',
    ],
)
def test_a_call_is_read_however_it_is_written(text: str) -> None:
    """Fenced, bare, wrapped, and under the names that models use."""
    assert read_reply(RawReply(text=text), [REFUND], must=True) == (
        "",
        ToolCall("refund", Refund("K8")),
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"tool": "refund", "args": {"order": "K8", "amount": 100000}}',
        '{"tool": "refund", "args": {"order": "K8", "units": "two"}}',
        '{"tool": "refund", "args": []}',
        '{"tool": "refund"',
        "[" * 5000,
        "done, refunded!",
    ],
)
def test_a_call_that_does_not_fit_is_refused(text: str) -> None:
    """Unknown fields, wrong types and words instead of a call."""
    with pytest.raises(LlmBadReply):
        read_reply(RawReply(text=text), [REFUND], must=True)


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_a_reply_or_refused(text: str, must: bool) -> None:
    """No text makes the reader fail in another way."""
    with suppress(LlmBadReply):
        read_reply(RawReply(text=text), [REFUND], must=must)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_a_stream_or_refused(chunks: list[bytes]) -> None:
    """Events are cut the same wherever the network cuts them."""
    one, many = Events(), Events()
    whole = one.feed(b"".join(chunks).replace(b"\r", b""))
    parts = [e for c in chunks for e in many.feed(c.replace(b"\r", b""))]
    assert whole == parts
    for event in whole:
        with suppress(LlmBadReply):
            piece_of(event)
