"""
The other side of the proof: other people's libraries, in an environment of their own.

Run by ``tests/channels/test_peers.py``: reads one JSON list of ``{task, ...}`` from
standard input, answers with a list of ``{ok, value}``. Imports nothing of ours.
"""

# ruff: noqa: BLE001
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import json
import sys


def dingtalk_stream(url, app_key, secret, answer):
    """dingtalk-stream lets itself in, hears one message, answers and acknowledges."""
    import os

    os.environ["DINGTALK_OPENAPI_ENDPOINT"] = url
    import dingtalk_stream as ds

    heard = []

    class Handler(ds.ChatbotHandler):
        async def process(self, callback):
            message = ds.ChatbotMessage.from_dict(callback.data)
            heard.append([message.sender_staff_id, message.text.content])
            await asyncio.to_thread(self.reply_text, answer, message)
            return ds.AckMessage.STATUS_OK, "OK"

    async def run():
        client = ds.DingTalkStreamClient(ds.Credential(app_key, secret))
        client.register_callback_handler(ds.chatbot.ChatbotMessage.TOPIC, Handler())
        if secret == "wrong":
            return client.open_connection()
        task = asyncio.create_task(client.start())
        for _ in range(200):
            await asyncio.sleep(0.05)
            if heard:
                break
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task], timeout=0.5)
        return heard

    return asyncio.run(asyncio.wait_for(run(), 30))


def wechat_open(kind, token, aes_key, app_id, query, body):
    """wechatpy opens an envelope of ours."""
    if kind == "work":
        from wechatpy.work.crypto import WeChatCrypto
    else:
        from wechatpy.crypto import WeChatCrypto
    crypto = WeChatCrypto(token, aes_key, app_id)
    plain = crypto.decrypt_message(
        body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    return plain if isinstance(plain, str) else plain.decode()


def wechat_seal(kind, token, aes_key, app_id, message, nonce, timestamp):
    """wechatpy seals an envelope for us."""
    if kind == "work":
        from wechatpy.work.crypto import WeChatCrypto
    else:
        from wechatpy.crypto import WeChatCrypto
    return WeChatCrypto(token, aes_key, app_id).encrypt_message(
        message, nonce, timestamp
    )


def aibot_open(token, aes_key, body, signature, timestamp, nonce):
    """odoo-wechatpy opens an AI bot's envelope of ours."""
    from wechatpy.work.ai_bot import WeChatAIBotCrypto

    crypto = WeChatAIBotCrypto(token, aes_key)
    return crypto.decrypt_message(body, signature, timestamp, nonce)


def aibot_seal(token, aes_key, message, nonce, timestamp):
    """odoo-wechatpy seals one for us."""
    from wechatpy.work.ai_bot import WeChatAIBotCrypto

    return WeChatAIBotCrypto(token, aes_key).encrypt_message(message, nonce, timestamp)


def kf_speaks(url, user, account, code):
    """odoo-wechatpy's client asks for a state, changes it, and greets by a code."""
    from wechatpy.work import WeChatClient

    client = WeChatClient("ww1", "secret", access_token="at-1")
    client.expires_at = 2**40
    client.API_BASE_URL = f"{url}/cgi-bin/"
    words = {"text": {"content": "hi"}}
    client.kf.trans_service_state(account, user, 2)
    state = client.kf.get_service_state(account, user)["service_state"]
    client.kf.send_msg_on_event(code, "text", words)
    client.kf_message.send_text(user, account, "hi", msgid="m1")
    return state


def wechat_signature(token, signature, timestamp, nonce):
    """wechatpy checks the handshake's plain signature."""
    from wechatpy.utils import check_signature

    check_signature(token, signature, timestamp, nonce)
    return True


def lark(encrypt_key, verification_token, headers, body):
    """lark-oapi's dispatcher takes a webhook of ours; what it answers and read."""
    import lark_oapi

    read = []
    handler = (
        lark_oapi.EventDispatcherHandler.builder(encrypt_key, verification_token)
        .register_p2_im_message_receive_v1(
            lambda event: read.append(event.event.message.content)
        )
        .build()
    )
    request = lark_oapi.RawRequest()
    request.uri = "/"
    request.body = body.encode()
    titled = {
        name: headers.get(name.lower())
        for name in (
            "X-Lark-Request-Timestamp",
            "X-Lark-Request-Nonce",
            "X-Lark-Signature",
        )
    }
    request.headers = {name: value for name, value in titled.items() if value}
    answer = handler.do(request)
    return {
        "status": answer.status_code,
        "body": answer.content.decode(),
        "read": read,
    }


def slack_check(secret, headers, body):
    from slack_sdk.signature import SignatureVerifier

    return SignatureVerifier(secret).is_valid_request(body, headers)


def slack_sign(secret, timestamp, body):
    from slack_sdk.signature import SignatureVerifier

    return SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)


def slack_post(url, channel, text):
    """slack-sdk posts to our stand-in: the stand-in speaks Slack."""
    from slack_sdk import WebClient

    answer = WebClient(token="xoxb-1", base_url=f"{url}/").chat_postMessage(
        channel=channel, text=text
    )
    return {"ok": answer["ok"], "ts": answer["ts"]}


def line_parse(secret, signature, body):
    from linebot.v3 import WebhookParser

    events = WebhookParser(secret).parse(body, signature)
    return [[event.source.user_id, event.message.text] for event in events]


def line_push(url, to, text):
    from linebot.v3.messaging import (
        ApiClient,
        Configuration,
        MessagingApi,
        PushMessageRequest,
        TextMessage,
    )

    with ApiClient(Configuration(access_token="1", host=url)) as client:
        sent = MessagingApi(client).push_message(
            PushMessageRequest(to=to, messages=[TextMessage(text=text)]),
            x_line_retry_key="123e4567-e89b-12d3-a456-426614174000",
        )
    return sent.sent_messages[0].id


def telegram_parse(body):
    from telegram import Bot, Update

    update = Update.de_json(json.loads(body), Bot("1:x"))
    return [update.effective_user.id, update.message.text, update.message.chat.type]


def telegram_send(url, chat, text):
    from telegram import Bot

    async def plain():
        bot = Bot("1:x", base_url=f"{url}/bot")
        await bot._request[1].initialize()
        return (await bot.send_message(chat, text)).text

    return asyncio.run(plain())


def dingtalk_parse(body):
    from dingtalk_stream import ChatbotMessage

    message = ChatbotMessage.from_dict(json.loads(body))
    return [message.sender_staff_id, message.text.content, message.message_id]


def whatsapp_check(secret, signature, body):
    from pywa.utils import webhook_updates_validator

    return bool(
        webhook_updates_validator(
            app_secret=secret, request_body=body.encode(), x_hub_signature=signature
        )
    )


def standard_check(secret, headers, body):
    from standardwebhooks import Webhook

    return Webhook(secret).verify(body, headers)


def standard_sign(secret, name, timestamp, body):
    from datetime import UTC, datetime

    from standardwebhooks import Webhook

    at = datetime.fromtimestamp(timestamp, tz=UTC)
    return Webhook(secret).sign(name, at, body)


def openai_chat(url, key, texts, model):
    """The openai SDK as a chat client: a transcript that grows, then a stream."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=key)
    messages, said, names = [], [], []
    for text in texts:
        messages.append({"role": "user", "content": text})
        answer = client.chat.completions.create(model=model, messages=messages)
        said.append(answer.choices[0].message.content)
        names.append(answer.model_extra["tidegate"]["conversation_id"])
        messages.append({"role": "assistant", "content": said[-1]})
    messages.append({"role": "user", "content": texts[0]})
    stream = client.chat.completions.create(model=model, messages=messages, stream=True)
    streamed = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    return {"said": said, "conversations": names, "streamed": streamed}


def openai_refusal(url):
    from openai import AuthenticationError, OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0)
    try:
        client.chat.completions.create(
            model="tidegate", messages=[{"role": "user", "content": "hi"}]
        )
    except AuthenticationError as exc:
        return exc.status_code
    return 0


def wecom_aibot(url, bot_id, secret):
    """A bot that repeats what it hears, then says something by itself."""
    from wecom_aibot_sdk import WSClient

    seen = {"heard": [], "acks": [], "errors": []}

    async def run():
        client = WSClient(bot_id, secret, ws_url=url, max_auth_failure_attempts=1)
        is_done = asyncio.Event()

        async def repeat(frame):
            text = frame["body"]["text"]["content"]
            seen["heard"].append(text)
            ack = await client.reply_stream(frame, "s1", text, True)
            seen["acks"].append(ack["errcode"])
            body = {"msgtype": "markdown", "markdown": {"content": "**hi**"}}
            ack = await client.send_message(frame["body"]["from"]["userid"], body)
            seen["acks"].append(ack["errcode"])

        def failed(error):
            seen["errors"].append(str(error))
            is_done.set()

        client.on("message.text", repeat)
        client.on("event.disconnected_event", lambda _: is_done.set())
        client.on("error", failed)
        await client.connect()
        await asyncio.wait_for(is_done.wait(), 30)
        await client.disconnect()

    asyncio.run(run())
    return seen


def main():
    results = []
    for one in json.loads(sys.stdin.read()):
        task = globals()[one.pop("task")]
        try:
            results.append({"ok": True, "value": task(**one)})
        except Exception as exc:
            results.append({"ok": False, "value": f"{type(exc).__name__}: {exc}"})
    sys.stdout.write("\n@@" + json.dumps(results))


if __name__ == "__main__":
    main()
