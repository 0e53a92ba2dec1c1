"""
The client against a real server process: answers, fallback, deadlines, budgets.
"""

from __future__ import annotations

import asyncio
import time
from typing import get_args

import pytest
from asking import endpoint, prompt, settings

from engines.contract import Tier
from engines.llm import (
    LlmBadReply,
    LlmConfig,
    LlmError,
    LlmOverBudget,
    LlmOverloaded,
    LlmTimeout,
    LlmUnavailable,
    open_clients,
)
from engines.llm.talk import CallRecord
from loadtest.llm_manners import Garbage, Line, Manners
from loadtest.llm_stub_process import StubControl


pytestmark = pytest.mark.anyio


async def ask(config: LlmConfig, text: str, **more: object) -> str:
    async with open_clients(config) as clients:
        return (await clients[Tier.L2].ask(prompt(text, **more))).text


async def test_a_reply_is_put_together_from_its_stream(stub: StubControl) -> None:
    """Text, tokens, cost and the time of the first token come out whole."""
    stub.script([Line(when="price", say="It costs 30 yuan.")])
    records: list[CallRecord] = []
    config = settings(endpoint(stub, price_in=100, price_out=200))
    async with open_clients(config, records.append) as clients:
        reply = await clients[Tier.L2].ask(prompt("what is the price"))
    assert (reply.text, reply.endpoint, reply.finish) == (
        "It costs 30 yuan.",
        "one",
        "stop",
    )
    (record,) = records
    used = record.usage
    assert record.outcome == "ok"
    assert used.prompt_tokens > 0
    assert used.completion_tokens > 0
    assert record.cost_micro == used.prompt_tokens * 100 + used.completion_tokens * 200
    assert stub.calls()[-1]["key"] == "Bearer " + "k" * 20


async def test_a_server_that_does_not_stream_is_understood(stub: StubControl) -> None:
    """A plain JSON body without a token count is an answer too."""
    stub.manners(Manners(streams=False, counts=False))
    async with open_clients(settings(endpoint(stub))) as clients:
        reply = await clients[Tier.L3].ask(prompt("hello"))
    assert reply.text == "You said: hello"
    assert reply.usage.completion_tokens > 0


async def test_the_same_prompt_gives_the_same_bytes(stub: StubControl) -> None:
    """What servers cache by prefix does not change from call to call."""
    for _ in range(2):
        await ask(settings(endpoint(stub)), "same")
    first, second = ({**call, "n": 0} for call in stub.calls()[-2:])
    assert first == second


async def test_text_streams_as_it_comes(stub: StubControl) -> None:
    """The first piece is there long before the last."""
    stub.script([Line(when=".", say="one two three four five six")])
    stub.manners(Manners(token_s=0.05))
    async with open_clients(settings(endpoint(stub))) as clients:
        came: list[tuple[float, str]] = [
            (time.monotonic(), piece)
            async for piece in clients[Tier.L2].stream(prompt("go"))
        ]
    assert "".join(piece for _, piece in came) == "one two three four five six"
    assert came[-1][0] - came[0][0] > 0.15


@pytest.mark.parametrize(
    ("manners", "error"),
    [
        (Manners(first_token_s=2.0), LlmTimeout),
        (Manners(token_s=1.0), LlmTimeout),
        (Manners(garbage="silent"), LlmTimeout),
        (Manners(status=500), LlmUnavailable),
        (Manners(status=401), LlmUnavailable),
        (Manners(status=400), LlmUnavailable),
        (Manners(status=429, retry_after="7"), LlmOverloaded),
        (Manners(status=503, retry_after="2"), LlmOverloaded),
    ],
)
async def test_a_failing_server_ends_in_one_of_our_errors(
    stub: StubControl, manners: Manners, error: type[LlmError]
) -> None:
    """And long before a customer gives up."""
    stub.manners(manners)
    started = time.monotonic()
    with pytest.raises(error):
        await ask(settings(endpoint(stub)), "hello")
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("garbage", [g for g in get_args(Garbage) if g != "silent"][1:])
async def test_garbage_is_no_answer(stub: StubControl, garbage: Garbage) -> None:
    """Nothing of it comes through, whatever it is, and memory is bounded."""
    stub.manners(Manners(garbage=garbage))
    with pytest.raises(LlmBadReply):
        await ask(settings(endpoint(stub)), "hello")


async def test_the_next_endpoint_answers_when_the_first_fails(
    stub: StubControl, second: StubControl
) -> None:
    """In the order of the configuration, and only for the tiers each is for."""
    stub.manners(Manners(status=500))
    second.script([Line(when=".", say="from the second")])
    config = settings(endpoint(stub), endpoint(second, "two", tiers=(Tier.L2,)))
    async with open_clients(config) as clients:
        reply = await clients[Tier.L2].ask(prompt("hello"))
        assert (reply.text, reply.endpoint) == ("from the second", "two")
        with pytest.raises(LlmUnavailable):
            await clients[Tier.L3].ask(prompt("hello"))


async def test_a_stream_does_not_start_twice(
    stub: StubControl, second: StubControl
) -> None:
    """Text that was shown is never followed by another answer's."""
    stub.manners(Manners(garbage="cut"))
    config = settings(endpoint(stub), endpoint(second, "two"))
    async with open_clients(config) as clients:
        pieces = clients[Tier.L2].stream(prompt("hello"))
        assert await anext(pieces) == "It costs 5"
        with pytest.raises(LlmBadReply):
            await anext(pieces)


async def test_a_server_that_asks_for_a_pause_gets_it(stub: StubControl) -> None:
    """One 429 with Retry-After, and no call reaches it until then."""
    stub.manners(Manners(status=429, retry_after="60"))
    async with open_clients(settings(endpoint(stub))) as clients:
        before = len(stub.calls())
        for _ in range(20):
            with pytest.raises(LlmOverloaded) as caught:
                await clients[Tier.L2].ask(prompt("hello"))
        assert 50 < caught.value.retry_after_s <= 60
        assert len(stub.calls()) == before + 1


@pytest.mark.parametrize(
    ("asked", "kept_s"), [("0.2", 0.2), ("0", 0.1), ("", 1.0), ("nan", 1.0)]
)
async def test_a_pause_is_as_long_as_the_server_asked(
    stub: StubControl, asked: str, kept_s: float
) -> None:
    """Not rounded up to seconds; never none at all; a second if none was named."""
    stub.manners(Manners(status=429, retry_after=asked))
    async with open_clients(settings(endpoint(stub))) as clients:
        with pytest.raises(LlmOverloaded) as caught:
            await clients[Tier.L2].ask(prompt("hello"))
        assert caught.value.retry_after_s == pytest.approx(kept_s)


async def test_a_broken_server_is_left_alone_and_tried_again(stub: StubControl) -> None:
    """After five failures it rests; after its rest one call finds it well."""
    stub.manners(Manners(status=500))
    config = settings(endpoint(stub), breaker_rest_s=0.2)
    async with open_clients(config) as clients:
        client = clients[Tier.L2]
        before = len(stub.calls())
        for _ in range(50):
            with pytest.raises(LlmUnavailable):
                await client.ask(prompt("hello"))
        assert len(stub.calls()) - before == config.breaker_failures
        assert client.states[0].breaker == "open"
        stub.manners(Manners())
        await asyncio.sleep(0.25)
        assert (await client.ask(prompt("hello"))).text == "You said: hello"
        assert client.states[0].breaker == "closed"


async def test_second_tries_are_few(stub: StubControl) -> None:
    """Where every call is refused, calls stay near one for each message."""
    stub.manners(Manners(status=500))
    config = settings(endpoint(stub), breaker_failures=10_000)
    async with open_clients(config) as clients:
        before = len(stub.calls())
        for _ in range(100):
            with pytest.raises(LlmUnavailable):
                await clients[Tier.L2].ask(prompt("hello"))
        assert len(stub.calls()) - before <= 100 * 1.1 + 10


async def test_tokens_of_one_shop_or_customer_run_out_alone(stub: StubControl) -> None:
    """Budgets are kept apart, and what was reserved but not used comes back."""
    config = settings(
        endpoint(stub), max_tokens=50, user_tokens_per_hour=400, total_s=30.0
    )
    async with open_clients(config) as clients:
        client, refused = clients[Tier.L2], 0
        for _ in range(100):
            try:
                await client.ask(prompt("hello"))
            except LlmOverBudget:
                refused += 1
        # About seven tokens a call: some fifty fit, most of them after settling.
        assert 35 < refused < 65
        assert (await client.ask(prompt("hello", user="u2"))).text
    config = settings(endpoint(stub), shop_tokens_per_minute=60)
    async with open_clients(config) as clients:
        await clients[Tier.L2].ask(prompt("a" * 2000))
        with pytest.raises(LlmOverBudget):
            await clients[Tier.L3].ask(prompt("hello", user="u3"))


async def test_a_full_endpoint_is_passed_by(
    stub: StubControl, second: StubControl
) -> None:
    """A slow call holds its slot; others go to the next endpoint at once."""
    stub.manners(Manners(first_token_s=0.4))
    config = settings(endpoint(stub, slots=1), endpoint(second, "two"))
    async with open_clients(config) as clients:
        slow = asyncio.create_task(clients[Tier.L2].ask(prompt("a")))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        reply = await clients[Tier.L2].ask(prompt("b"))
        assert (reply.endpoint, time.monotonic() - started < 0.25) == ("two", True)
        assert (await slow).endpoint == "one"


async def test_the_turns_deadline_ends_a_call(stub: StubControl) -> None:
    """Whatever the endpoint's own deadlines say."""
    stub.manners(Manners(token_s=0.2))
    soon = asyncio.get_running_loop().time() + 0.3
    with pytest.raises(LlmTimeout):
        await ask(settings(endpoint(stub)), "hello there", deadline_s=soon)
