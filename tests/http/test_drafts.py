"""
An answer is told while a model writes it: over WebSocket, SSE and chat completions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from wire_calls import Caller, fresh, message, sse

from gateway.config_file import load
from gateway.stack import running
from loadtest.llm_manners import Line, Manners
from loadtest.llm_stub_process import StubControl, running_stub


CONFIG = """
[server]
workers = 2

[[shops]]
id = "demo"
facts = "knowledge/demo/facts.yaml"
knowledge = "knowledge/demo"

[[shops.channels]]
name = "app"

[[llm.endpoints]]
name = "stub"
url = "{url}"
model = "stub"
tiers = ["L2"]
"""
QUESTION = "电热水壶怎么除水垢"
#: The second sentence is in no source; the others are words of the first one.
WRITTEN = "亲，水垢可以除掉 [1]。再送您 500 元券 [1]。加水和除垢的东西煮一下就好 [1]。"
FIRST = "亲，水垢可以除掉。"
SAID = "亲，水垢可以除掉。加水和除垢的东西煮一下就好。"


@pytest.fixture(scope="module")
def model() -> Iterator[StubControl]:
    """A model that writes slowly."""
    with running_stub() as stub:
        stub.manners(Manners(token_s=0.04))
        stub.script([Line(when=".", say=WRITTEN)])
        yield stub


@pytest.fixture(scope="module")
def slow(
    model: StubControl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    """A gateway of two workers whose L2 writes with that model."""
    folder = tmp_path_factory.mktemp("drafts")
    path = folder / "tidegate.toml"
    path.write_text(CONFIG.format(url=model.url), encoding="utf-8")
    flags = {
        "data_dir": str(folder / "data"),
        "server.port": 0,
        "log.path": str(folder / "gateway.log"),
        "router.arithmetic": "plain",
    }
    with running(load(path, {}, flags), lambda _: None) as stack:
        caller = Caller(stack, stack.key)
        yield caller
        caller.close()


def test_a_socket_hears_sentences_before_the_answer(slow: Caller) -> None:
    """Each is checked before; what no source bears is in neither."""
    conversation = fresh()
    address = slow.stack.url.replace("http", "ws")
    address += f"/v1/conversations/{conversation}/ws"
    with connect(address) as socket:
        socket.send(json.dumps({"type": "auth", "token": slow.key}))
        socket.send(json.dumps({"type": "message", **message(QUESTION)}))
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1].get("kind") != "reply":
            frames.append(json.loads(socket.recv(10)))
    drafts = [one for one in frames if one["type"] == "draft"]
    assert "".join(one["text"] for one in drafts) == frames[-1]["text"] == SAID
    assert [one["n"] for one in drafts] == [0, 1]
    assert {one["message_id"] for one in drafts} == {frames[-1]["message_id"]}


@pytest.mark.anyio
async def test_a_stream_hears_them_without_an_id(slow: Caller) -> None:
    """So that a browser which resumes does so from what is kept."""
    conversation = fresh()
    headers = {
        "authorization": f"Bearer {slow.key}",
        "accept": "text/event-stream",
    }
    path = f"/v1/conversations/{conversation}/events"
    found: list[dict[str, str]] = []
    async with (
        httpx.AsyncClient(base_url=slow.stack.url, timeout=10, trust_env=False) as http,
        http.stream("GET", path, headers=headers) as answer,
    ):
        sending = asyncio.create_task(
            asyncio.to_thread(slow.say, conversation, QUESTION)
        )
        async for event in sse(answer.aiter_lines()):
            found.append(event)
            if event["event"] == "reply":
                break
        await sending
    drafts = [one for one in found if one["event"] == "draft"]
    assert "".join(json.loads(one["data"])["text"] for one in drafts) == SAID
    assert not any(one.get("id") for one in drafts)


@pytest.mark.parametrize("name", ["tidegate", "tidegate-l2"])
def test_a_chat_client_gets_sentences_as_they_are_written(
    slow: Caller, name: str
) -> None:
    """The first long before the end, and all of them are the answer."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
    }
    pieces: list[str] = []
    with slow.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line.removeprefix("data: "))["choices"]
                pieces += [one["delta"].get("content", "") for one in choices]
    said = [piece for piece in pieces if piece]
    assert said == [FIRST, SAID.removeprefix(FIRST)]


def test_what_is_refused_is_refused_before_a_stream_begins(slow: Caller) -> None:
    """With its status, as without a stream."""
    body = {"model": "other", "messages": [], "stream": True}
    assert slow.http.post("/v1/chat/completions", json=body).status_code == 400
