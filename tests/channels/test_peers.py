"""
Other people's libraries accept what we make, and we accept what they make.

They live in environments of their own (``tests/channels/peers/install FOLDER``) and
run as processes; ``CHANNEL_PEERS=FOLDER`` names the folder. Without it these tests
skip: nothing of ours depends on those libraries.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from platform_talk import said

from gateway.channels.contract import Courtesy, Delivery, Piece, RawRequest, Sent
from gateway.channels.dingtalk_stream import DingTalkStream, DingTalkStreamSettings
from gateway.channels.registry import open_channel
from gateway.channels.webhook import Webhook
from gateway.channels.wecom_bot_socket import WecomBotSocket, WecomBotSocketSettings
from gateway.config_file import load
from gateway.stack import running
from loadtest.aibot_server import AibotServer, running_aibot
from loadtest.dingtalk_server import StreamServer, running_stream
from loadtest.platform_process import PlatformControl
from loadtest.players import PLAYERS
from loadtest.players_china import wechat_handshake
from loadtest.waiting import until


PEER = Path(__file__).parent / "peers" / "peer.py"
Ask = Callable[..., Any]


def asker(name: str) -> Ask:
    """Asks the libraries of one environment."""
    folder = os.environ.get("CHANNEL_PEERS")
    if not folder:
        pytest.skip("CHANNEL_PEERS is not set; see tests/channels/peers/install")

    def ask(task: str, **args: Any) -> Any:
        answer = subprocess.run(
            [str(Path(folder) / name / "bin/python"), str(PEER)],
            input=json.dumps([{"task": task, **args}]),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "@@" in answer.stdout, answer.stderr[-2000:]
        result = json.loads(answer.stdout.rpartition("@@")[2])[0]
        if not result["ok"]:
            raise AssertionError(result["value"])
        return result["value"]

    return ask


@pytest.fixture(scope="module")
def first() -> Ask:
    """lark-oapi, slack-sdk, line-bot-sdk, python-telegram-bot, odoo-wechatpy, …"""
    return asker("first")


@pytest.fixture(scope="module")
def second() -> Ask:
    """The older wechatpy, and pywa."""
    return asker("second")


def made(kind: str, text: str = "多久发货 😀<&>") -> tuple[Any, RawRequest]:
    """Settings and a webhook of ours."""
    settings = PLAYERS[kind].settings("http://127.0.0.1:9")
    return settings, PLAYERS[kind].hook(settings, said(text))


def taken(settings: Any, request: RawRequest) -> str:
    """The text that our channel reads from a request."""
    channel = open_channel(settings)
    delivery = channel.decode(request, channel.verify(request, time.time()))
    return delivery.messages[0].text


@pytest.mark.parametrize("library", ["first", "second"])
def test_wechatpy_opens_ours_and_we_open_its(
    library: str, request: pytest.FixtureRequest
) -> None:
    """Safe mode of official accounts, with two libraries of that name."""
    ask: Ask = request.getfixturevalue(library)
    settings, hook = made("wechat")
    account = {
        "kind": "account",
        "token": settings.token,
        "aes_key": settings.aes_key,
        "app_id": settings.app_id,
    }
    plain = ask(
        "wechat_open", **account, query=dict(hook.query), body=hook.body.decode()
    )
    assert "<Content>多久发货 😀&lt;&amp;&gt;</Content>" in plain
    now = str(int(time.time()))
    xml = ask("wechat_seal", **account, message=plain, nonce="n1", timestamp=now)
    from gateway.channels.xml_fields import fields_of

    fields = fields_of(xml.encode())
    sealed = RawRequest(
        method="POST",
        query={
            "timestamp": fields["TimeStamp"],
            "nonce": fields["Nonce"],
            "msg_signature": fields["MsgSignature"],
        },
        body=xml.encode(),
    )
    assert taken(settings, sealed) == "多久发货 😀<&>"
    query = wechat_handshake(settings, time.time()).request.query
    names = ("signature", "timestamp", "nonce")
    assert ask(
        "wechat_signature",
        token=settings.token,
        **{name: query[name] for name in names},
    )


def test_wechatpy_work_opens_ours_and_we_open_its(first: Ask) -> None:
    """The callback of WeCom customer service."""
    settings, hook = made("wecom_kf")
    account = {
        "kind": "work",
        "token": settings.token,
        "aes_key": settings.aes_key,
        "app_id": settings.corp_id,
    }
    plain = first(
        "wechat_open", **account, query=dict(hook.query), body=hook.body.decode()
    )
    assert "kf_msg_or_event" in plain
    now = str(int(time.time()))
    xml = first("wechat_seal", **account, message=plain, nonce="n1", timestamp=now)
    from gateway.channels.xml_fields import fields_of

    fields = fields_of(xml.encode())
    query = {
        "timestamp": now,
        "nonce": "n1",
        "msg_signature": fields["MsgSignature"],
    }
    channel = open_channel(settings)
    sealed = RawRequest(method="POST", query=query, body=xml.encode())
    found = channel.decode(sealed, channel.verify(sealed, time.time()))
    assert found.pull is not None
    assert found.pull.account == "wk1"


def test_wechatpy_opens_an_ai_bots_envelope_and_our_greeting_and_we_its(
    first: Ask,
) -> None:
    """The webhook of AI bots, both ways, and the answer that greets."""
    settings = msgspec.structs.replace(
        PLAYERS["wecom_bot"].settings("http://127.0.0.1:9"),  # type: ignore[type-var]
        welcome="您好",
    )
    keys = {"token": settings.token, "aes_key": settings.aes_key}
    hook = PLAYERS["wecom_bot"].hook(settings, said("多久发货 😀<&>"))
    names = ("timestamp", "nonce")
    proof = {name: hook.query[name] for name in names}
    signed = {"signature": hook.query["msg_signature"], **proof}
    opened = first("aibot_open", **keys, body=hook.body.decode(), **signed)
    assert opened["text"] == {"content": "多久发货 😀<&>"}
    now = {"nonce": "n1", "timestamp": str(int(time.time()))}
    assert taken(settings, sealed_by(first, keys, opened, now)) == "多久发货 😀<&>"
    arrival = {**opened, "msgtype": "event", "event": {"eventtype": "enter_chat"}}
    request, channel = sealed_by(first, keys, arrival, now), open_channel(settings)
    answer = channel.decode(request, channel.verify(request, time.time())).answer
    found = json.loads(answer.body)
    signed = {"signature": found["msgsignature"], **{n: found[n] for n in names}}
    greeting = first("aibot_open", **keys, body=answer.body.decode(), **signed)
    assert greeting == {"msgtype": "text", "text": {"content": "您好"}}


def sealed_by(
    ask: Ask, keys: dict[str, str], message: Any, at: dict[str, str]
) -> RawRequest:
    """A message in their envelope, as WeCom would post it."""
    sealed = ask("aibot_seal", **keys, message=message, **at)
    query = {**at, "msg_signature": sealed["msgsignature"]}
    body = json.dumps({"encrypt": sealed["encrypt"]}).encode()
    return RawRequest(method="POST", query=query, body=body)


@pytest.mark.anyio
async def test_wechatpys_client_speaks_with_the_stand_in_as_our_account_does(
    first: Ask, platform: PlatformControl
) -> None:
    """Customer service: states, greetings by code, messages: the very same shapes."""
    args = {"url": platform.url, "user": "wm77", "account": "wk1"}
    state = await asyncio.to_thread(first, "kf_speaks", code="theirs", **args)
    assert state == 2
    settings = msgspec.structs.replace(
        PLAYERS["wecom_kf"].settings(platform.url),  # type: ignore[type-var]
        seats="wecom",
    )
    channel = open_channel(settings)
    address = {"user": "wm77", "account": "wk1"}
    piece = Piece(key="a" * 32, address=address, text="hi", handoff="h1")
    assert isinstance(await channel.say(Courtesy(code="ours", text="hi")), Sent)
    assert isinstance(await channel.send(piece), Sent)
    await channel.close()
    shapes: dict[str, list[Any]] = {"wecom_kf": [], "wecom_kf_courtesy": []}
    for one in platform.arrived():
        shapes[one.kind].append(shape(one.body))
    assert all(theirs == ours for theirs, ours in shapes.values())
    assert platform.statuses() == ["wm77:2", "wm77:2"]


def test_lark_oapi_takes_our_webhook_and_our_handshake(first: Ask) -> None:
    """Signature, encryption and challenge, by the official library."""
    settings, hook = made("feishu")
    args = {
        "encrypt_key": settings.encrypt_key,
        "verification_token": settings.verification_token,
    }
    headers, body = dict(hook.headers), hook.body.decode()
    answer = first("lark", **args, headers=headers, body=body)
    assert answer["status"] == 200, answer
    assert json.loads(answer["read"][0]) == {"text": "多久发货 😀<&>"}
    forged = {**headers, "x-lark-signature": "0" * 64}
    assert first("lark", **args, headers=forged, body=body)["status"] != 200
    make = PLAYERS["feishu"].handshake
    assert make is not None
    shake = make(settings, time.time())
    greeted = first("lark", **args, headers={}, body=shake.request.body.decode())
    assert json.loads(greeted["body"]) == json.loads(shake.expected)


def test_slack_sdk_verifies_ours_and_we_verify_its(
    first: Ask, platform: PlatformControl
) -> None:
    """Signatures both ways; its client speaks with the stand-in."""
    settings, hook = made("slack")
    body = hook.body.decode()
    secret = settings.signing_secret
    assert first("slack_check", secret=secret, headers=dict(hook.headers), body=body)
    now = str(int(time.time()))
    signature = first("slack_sign", secret=secret, timestamp=now, body=body)
    headers = {
        **hook.headers,
        "x-slack-request-timestamp": now,
        "x-slack-signature": signature,
    }
    assert taken(settings, msgspec.structs.replace(hook, headers=headers))
    sent = first("slack_post", url=platform.url, channel="D1", text="hi")
    assert sent["ok"]
    assert sent["ts"]


def test_line_bot_sdk_parses_ours_and_speaks_with_the_stand_in(
    first: Ask, platform: PlatformControl
) -> None:
    """Signature and events; a push with a retry key."""
    settings, hook = made("line")
    events = first(
        "line_parse",
        secret=settings.channel_secret,
        signature=hook.headers["x-line-signature"],
        body=hook.body.decode(),
    )
    assert events[0][1] == "多久发货 😀<&>"
    assert first("line_push", url=platform.url, to="U1", text="hi")


def test_python_telegram_bot_reads_ours_and_speaks_with_the_stand_in(
    first: Ask, platform: PlatformControl
) -> None:
    """An update of ours is an update; its bot sends a message."""
    _, hook = made("telegram")
    read = first("telegram_parse", body=hook.body.decode())
    assert read[1:] == ["多久发货 😀<&>", "private"]
    assert first("telegram_send", url=platform.url, chat=7, text="hi") == "hi"


def test_dingtalk_stream_reads_our_message(first: Ask) -> None:
    """The body of a robot's message."""
    _, hook = made("dingtalk")
    staff, text, name = first("dingtalk_parse", body=hook.body.decode())
    assert staff
    assert text == "多久发货 😀<&>"
    assert name.startswith("msg")


@pytest.mark.anyio
async def test_dingtalk_stream_speaks_with_the_stand_in_as_our_robot_does(
    first: Ask,
) -> None:
    """Let in, told, acknowledged; ours asks and acknowledges in the very same shape."""
    async with running_stream({"ding1": "right"}) as server:
        args = {"url": server.url, "app_key": "ding1", "answer": "hi"}
        wrong = await asyncio.to_thread(
            first, "dingtalk_stream", secret="wrong", **args
        )
        assert wrong is None
        theirs = asyncio.create_task(
            asyncio.to_thread(first, "dingtalk_stream", secret="right", **args)
        )
        message = said("多久发货 😀<&>")
        await server.say("ding1", message)
        await until(lambda: server.acks and server.arrived, 30)
        assert await theirs == [[message.user, message.text]]
        assert server.arrived[0].body["text"] == {"content": "hi"}
        asked, acked = server.asked[-1], server.acks[-1]
        settings = DingTalkStreamSettings(
            app_key="ding1", app_secret="right", robot_code="ding1", api_url=server.url
        )
        heard = await as_our_robot(server, DingTalkStream(settings))
        assert heard == [message.text]
        del asked["localIp"]
        assert shape(server.asked[-1]) == shape(asked)
        assert server.asked[-1]["subscriptions"] == asked["subscriptions"]
        assert shape(server.acks[-1]) == shape(acked)
        assert server.acks[-1]["data"] == acked["data"].replace(" ", "")


async def as_our_robot(server: StreamServer, robot: DingTalkStream) -> list[str]:
    """Ours in the place of theirs."""
    heard: list[str] = []

    async def take(delivery: Delivery) -> None:
        heard.extend(one.text for one in delivery.messages)

    listening, acks = asyncio.create_task(robot.listen(take)), len(server.acks)
    await server.connected("ding1", 2)
    await server.say("ding1", said("多久发货 😀<&>"))
    await until(lambda: len(server.acks) > acks)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await robot.close()
    return heard


def test_pywa_verifies_our_signature(second: Ask) -> None:
    """WhatsApp's, over raw bytes with an emoji in them."""
    settings, hook = made("whatsapp")
    signature = hook.headers["x-hub-signature-256"]
    args = {"secret": settings.app_secret, "body": hook.body.decode()}
    assert second("whatsapp_check", signature=signature, **args)
    assert not second("whatsapp_check", signature=f"sha256={'0' * 64}", **args)


@pytest.mark.anyio
async def test_wecom_aibot_sdk_speaks_with_the_stand_in_as_our_bot_does(
    second: Ask,
) -> None:
    """Let in, told, answered, displaced; ours sends frames of the very same shape."""
    async with running_aibot({"b": "right"}) as server:
        args = {"url": server.url, "bot_id": "b"}
        refused = await asyncio.to_thread(second, "wecom_aibot", secret="no", **args)
        assert "Authentication failed" in refused["errors"][0]
        theirs = asyncio.create_task(
            asyncio.to_thread(second, "wecom_aibot", secret="right", **args)
        )
        message = said("多久发货 😀<&>")
        await server.say("b", message)
        await server.until(2)
        of_theirs = [(one.answers, one.chat, one.text) for one in server.arrived]
        assert of_theirs == [
            (message.message_id, message.user, message.text),
            ("", message.user, "**hi**"),
        ]
        settings = WecomBotSocketSettings(bot_id="b", secret="right", url=server.url)
        shapes = [shape(one) for one in server.frames]
        server.frames.clear()
        await as_our_bot(server, WecomBotSocket(settings))
        ours = [shape(one) for one in server.frames]
        assert ours == [*shapes[1:3], *with_chat_type(shapes[3:])]
        heard = await theirs
    assert (heard["heard"], heard["acks"]) == ([message.text], [0, 0])


async def as_our_bot(server: AibotServer, bot: WecomBotSocket) -> None:
    """Ours in the place of theirs: an answer, and something by itself."""

    async def take(delivery: Delivery) -> None:
        user = delivery.messages[0].user_id
        address = delivery.messages[0].address
        for text in ("一", "二"):
            piece = Piece(
                key="a" * 32, address=address, text=text, conversation_id=user
            )
            assert await bot.send(piece) == Sent()

    before = len(server.arrived)
    listening = asyncio.create_task(bot.listen(take))
    await until(lambda: bot.is_reachable)
    await server.say("b", said())
    await server.until(before + 2)
    await asyncio.sleep(0.05)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


def shape(value: Any) -> Any:
    """Names and types, without the values; ``cmd`` and ``msgtype`` as they are."""
    if not isinstance(value, dict):
        return type(value).__name__
    return {
        name: one if name in ("cmd", "msgtype") else shape(one)
        for name, one in value.items()
    }


def with_chat_type(shapes: list[Any]) -> list[Any]:
    """We say whether it is a group, which the document allows and theirs leaves out."""
    return [{**one, "body": {**one["body"], "chat_type": "int"}} for one in shapes]


@pytest.mark.anyio
async def test_standardwebhooks_verifies_ours_and_we_verify_its(
    first: Ask, platform: PlatformControl
) -> None:
    """Inbound messages, and the replies that we push."""
    settings, hook = made("webhook")
    body = hook.body.decode()
    headers = dict(hook.headers)
    assert first("standard_check", secret=settings.secret, headers=headers, body=body)
    now = int(time.time())
    signature = first(
        "standard_sign", secret=settings.secret, name="m-1", timestamp=now, body=body
    )
    theirs = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature,
    }
    assert taken(settings, msgspec.structs.replace(hook, headers=theirs))
    settings = msgspec.structs.replace(
        settings, callback_url=f"{platform.url}/callback"
    )
    channel = Webhook(settings)
    key = secrets.token_hex(16)  # the stand-in counts a key once, whoever sent it
    await channel.send(Piece(key=key, address={}, text="您好", user_id="u"))
    await channel.close()
    pushed = platform.until(1)[0]
    args = {"headers": pushed.headers, "body": pushed.raw}
    assert first("standard_check", secret=settings.secret, **args)["data"]["text"]


def test_the_openai_sdk_is_a_customer(first: Ask, tmp_path: Path) -> None:
    """A growing transcript is one conversation, a stream holds the words, 401 is 401."""
    config = load(
        None,
        {},
        {
            "data_dir": str(tmp_path),
            "demo": True,
            "server.port": 0,
            "router.arithmetic": "plain",
            "log.path": str(tmp_path / "gateway.log"),
        },
    )
    told: list[str] = []
    with running(config, told.append) as stack:
        talk = first(
            "openai_chat",
            url=stack.url,
            key=stack.key,
            texts=["多久发货", "满多少包邮"],
            model="tidegate",
        )
        assert first("openai_refusal", url=stack.url) == 401
    assert "48 小时" in talk["said"][0]
    assert len(set(talk["conversations"])) == 1
    assert "48 小时" in talk["streamed"]
