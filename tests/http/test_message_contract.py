"""
The stable wire contract of messages, routing and visitors, on a real port.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from wire_calls import (
    Caller,
    check_problem,
    fresh,
    message,
    stored_keys,
)

from engines.contract import RISK_ORDER, Risk
from gateway.stack import Stack


def test_an_answered_message_has_the_documented_fields(app: Caller) -> None:
    """Id, number, status, reply with its tier, decision with its reasons."""
    body = message("多久发货")
    answer = app.post(fresh(), body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    result = answer.json()
    assert result["message_id"] == body["message_id"]
    assert result["seq"] == 1
    assert result["status"] == "answered"
    assert result["reply"]["text"]
    assert result["reply"]["tier"] in ("L1", "L2")
    decision = result["decision"]
    assert decision["complexity"] == "simple"
    assert decision["risk"] == "low"
    assert 0 <= decision["confidence"] <= 1
    assert decision["reasons"]
    assert decision["model"]


def test_a_retrieved_answer_cites_its_source(app: Caller) -> None:
    """Who wants to check finds title and words of the passage."""
    reply = app.say(fresh(), "保温杯能保温多久")["reply"]
    assert reply["tier"] == "L2"
    assert reply["citations"][0]["id"]
    assert reply["citations"][0]["title"]


def test_a_repeat_gets_the_same_bytes(app: Caller) -> None:
    """However often and from wherever it is sent again."""
    conversation, body = fresh(), message()
    first = app.post(conversation, body)
    for _ in range(3):
        again = app.post(conversation, body)
        assert (again.status_code, again.content) == (200, first.content)
    kinds = [event["kind"] for event in app.events(conversation)]
    assert kinds == ["message", "reply"]


def test_the_same_id_at_the_same_time_is_one_message(app: Caller) -> None:
    """Twelve deliveries at once: one message, one reply, one result."""
    conversation, body = fresh(), message("怎么退货")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: app.post(conversation, body), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    kinds = [event["kind"] for event in app.events(conversation)]
    assert kinds == ["message", "reply"]


def test_one_id_in_two_conversations_is_two_messages(app: Caller) -> None:
    """Ids are the sender's, within a conversation."""
    body = message()
    results = [app.post(fresh(), body).json() for _ in range(2)]
    assert [result["seq"] for result in results] == [1, 1]


def test_messages_of_one_conversation_are_answered_in_order(app: Caller) -> None:
    """Sent at once, they are numbered, and the replies keep that order."""
    conversation = fresh()
    texts = ["在吗", "多久发货", "怎么退货", "满多少包邮", "谢谢"]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda text: app.say(conversation, text), texts))
    events = app.events(conversation)
    said = [event["message_id"] for event in events if event["kind"] == "message"]
    replied = [event["message_id"] for event in events if event["kind"] == "reply"]
    assert len(said) == len(texts)
    assert replied == said


@pytest.mark.parametrize(
    ("text", "locale", "is_chinese"),
    [
        ("多久发货", None, True),
        ("how long does shipping take?", None, False),
        ("hi there", "en", False),
        ("hi there", "zh", True),
        ("多久发货", "en", True),
    ],
)
def test_the_reply_is_in_the_customers_language(
    app: Caller, text: str, locale: str | None, is_chinese: bool
) -> None:
    """Found from the text; a word or two of Latin stay in the sender's language."""
    extra = {"locale": locale} if locale else {}
    reply = app.say(fresh(), text, **extra)["reply"]["text"]
    assert any("\u4e00" <= c <= "\u9fff" for c in reply) is is_chinese


@pytest.mark.parametrize(
    "fields",
    [
        {"locale": None},
        {"meta": None},
        {"meta": {"source": "app", "n": 1, "x": 1.5, "ok": True, "no": None}},
        {"meta": {"big": 2**70, "small": -(2**70), "huge": 10**300}},
        {"message_id": "😀" * 64, "user_id": "顾客-１"},
        {"message_id": "{x}:*?[y]", "user_id": "a:b"},
        {"text": "\U0001f600" * 200},
        {"text": "a" + "\u0301" * 500},
        {"text": "\u202eright to left"},
        {"text": "x" * 4000},
    ],
)
def test_odd_but_valid_messages_are_accepted(
    app: Caller, fields: dict[str, Any]
) -> None:
    """Any visible id, any text within the limit, any scalar beside it."""
    conversation, body = fresh(), message(**fields)
    answer = app.post(conversation, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message_id"] == body["message_id"]
    assert app.events(conversation)[0]["text"] == body["text"]
    assert app.post(conversation, body).content == answer.content


def test_a_conversation_with_any_visible_name_is_kept_apart(app: Caller) -> None:
    """Names that would mean something in a key or a pattern mean nothing."""
    names = ["a:b", "a", "a*", "{a}", "a%3Ab", "ａ", "a?b=c", "a#b", "..", "a.b"]
    for name in names:
        quoted = "".join(f"%{byte:02X}" for byte in f"odd-{name}".encode())
        assert app.say(quoted, name)["seq"] == 1
        assert [e["text"] for e in app.events(quoted) if e["kind"] == "message"] == [
            name
        ]


def test_an_action_is_shown_with_its_state_and_its_money(app: Caller) -> None:
    """A proposal waits for consent; done comes with the receipt, exactly once."""
    conversation = fresh()
    asked = app.say(conversation, "帮我取消订单K3022，不想要了", user_id="c1009")
    assert asked["reply"]["tier"] == "L3"
    (proposal,) = asked["reply"]["actions"]
    assert proposal["state"] == "proposed"
    assert proposal["kind"] == "cancel_order"
    assert proposal["amount_minor"] == 8700
    done = app.say(conversation, "是的", user_id="c1009")
    (action,) = done["reply"]["actions"]
    assert (action["id"], action["state"]) == (proposal["id"], "done")


def test_the_decision_alone_changes_nothing(stack: Stack, app: Caller) -> None:
    """``/v1/route`` judges with the lines before, and stores nothing."""
    before = stored_keys(stack)
    bare = app.http.post("/v1/route", json={"text": "第2件退掉其他保留"}).json()
    assert bare["tier"] == "L3"
    assert bare["reasons"]
    context = [
        {"role": "customer", "text": "我要退款"},
        {"role": "assistant", "text": "请提供订单号"},
    ]
    body = {"text": "K3003", "context": context, "locale": "zh"}
    judged = app.http.post("/v1/route", json=body)
    assert judged.status_code == 200
    alone = app.http.post("/v1/route", json={"text": "K3003"}).json()
    with_task = judged.json()
    assert RISK_ORDER[Risk(with_task["risk"])] > RISK_ORDER[Risk(alone["risk"])]
    assert stored_keys(stack) <= before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": " "}, "text"),
        ({"text": "a", "context": [{"role": "robot", "text": "b"}]}, "context[0].role"),
        ({"text": "a", "context": [{"role": "customer"}]}, "context[0].text"),
        ({"text": "a", "context": [{"role": "customer", "text": ""}] * 101}, "context"),
        ({"text": "a", "conversation": "c"}, "conversation"),
    ],
)
def test_a_bad_turn_to_judge_is_refused(
    app: Caller, body: dict[str, Any], field: str
) -> None:
    """The problem names the line and the field."""
    answer = app.http.post("/v1/route", json=body)
    assert check_problem(answer, 400, "bad_field")["field"] == field


def test_judging_needs_a_key(stack: Stack, app: Caller) -> None:
    """Prices of a shop are nobody else's business."""
    answer = app.http.post(
        "/v1/route", json={"text": "a"}, headers={"authorization": "Bearer no"}
    )
    check_problem(answer, 401, "unauthorized")


def visit(app: Caller, **more: Any) -> dict[str, Any]:
    """A visitor's token."""
    body = {"shop": "demo", "channel": "web", **more}
    answer = app.http.post("/v1/visitors", json=body, headers={"authorization": ""})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_visitor_talks_with_its_token_only_for_itself(app: Caller) -> None:
    """One conversation, one user; nobody else's."""
    one, two = visit(app), visit(app)
    assert one["conversation_id"] != two["conversation_id"]
    headers = {"authorization": f"Bearer {one['token']}"}
    body = message("在吗", user_id=one["user_id"])
    own, other = one["conversation_id"], two["conversation_id"]
    assert app.post(own, body, headers=headers).status_code == 200
    path = f"/v1/conversations/{own}/events"
    assert len(app.http.get(path, headers=headers).json()["events"]) == 2
    check_problem(app.post(other, body, headers=headers), 403, "forbidden")
    wrong_user = message(user_id="c1001")
    check_problem(app.post(own, wrong_user, headers=headers), 403, "forbidden")
    path = f"/v1/conversations/{other}/events"
    check_problem(app.http.get(path, headers=headers), 403, "forbidden")


def test_a_changed_or_foreign_token_is_not_known(app: Caller) -> None:
    """Signed by us, for this, not expired: or nothing."""
    token = visit(app)["token"]
    head, claims, signature = token.split(".")
    for wrong in (
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims[:-2]}.{signature}",
        f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.",
        token + "x",
    ):
        headers = {"authorization": f"Bearer {wrong}"}
        check_problem(app.post("c", headers=headers), 401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"shop": "nobody"}, 404, "not_found"),
        ({"shop": "demo", "channel": "fax"}, 404, "not_found"),
        ({"shop": "demo", "channel": "app"}, 403, "forbidden"),
        ({"shop": "rival", "channel": "app"}, 403, "forbidden"),
        ({}, 400, "bad_field"),
        ({"shop": 1}, 400, "bad_field"),
        ({"shop": "x" * 200}, 400, "bad_field"),
        ({"shop": "demo", "role": "admin"}, 400, "bad_field"),
    ],
)
def test_a_visitor_needs_a_channel_that_takes_visitors(
    app: Caller, body: dict[str, Any], status: int, code: str
) -> None:
    """An unknown shop, a closed channel, a wrong field: each its own problem."""
    check_problem(app.http.post("/v1/visitors", json=body), status, code)


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("own", True),
        ("https://shop.example", True),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("http://shop.example", False),
        ("null", False),
    ],
)
def test_only_the_shops_own_pages_open_visitors(
    stack: Stack, app: Caller, origin: str | None, is_allowed: bool
) -> None:
    """Another site cannot use our chat in its visitors' browsers."""
    name = stack.url if origin == "own" else origin
    headers = {} if name is None else {"origin": name}
    body = {"shop": "demo", "channel": "web"}
    answer = app.http.post("/v1/visitors", json=body, headers=headers)
    assert answer.status_code == (201 if is_allowed else 403)


def test_a_demo_visitor_may_choose_whom_to_speak_as(app: Caller) -> None:
    """Only the demo; its customers are listed for the chat page."""
    listed = app.http.get("/v1/demo/customers").json()
    assert {"user_id", "name", "locale", "orders"} <= listed[0].keys()
    assert visit(app, user_id=listed[0]["user_id"])["user_id"] == listed[0]["user_id"]


def test_a_visitor_who_sends_too_fast_is_told_when_to_come_back(app: Caller) -> None:
    """429 with Retry-After, nothing stored; later the same message passes."""
    guest = visit(app)
    headers = {"authorization": f"Bearer {guest['token']}"}
    refused = None
    for _ in range(40):
        body = message("在吗", user_id=guest["user_id"])
        answer = app.post(guest["conversation_id"], body, headers=headers)
        if answer.status_code == 429:
            refused = answer
            break
    assert refused is not None
    problem = check_problem(refused, 429, "rate_limited")
    wait_s = problem["retry_after_s"]
    assert int(refused.headers["retry-after"]) >= 1
    path = f"/v1/conversations/{guest['conversation_id']}/events"
    events = app.http.get(path, headers=headers).json()["events"]
    assert body["message_id"] not in [event.get("message_id") for event in events]
    time.sleep(wait_s + 0.05)
    answer = app.post(guest["conversation_id"], body, headers=headers)
    assert answer.status_code == 200


def test_a_problem_is_json_that_says_the_same_as_the_status(app: Caller) -> None:
    """RFC 9457: type, title, status, and our closed code."""
    answer = app.post("c", {"message_id": "m"})
    problem = json.loads(answer.content)
    assert problem["type"] == f"/problems/{problem['code']}"
    assert {"type", "title", "status", "code", "detail", "field"} <= problem.keys()


def test_a_bare_order_number_is_answered_in_the_language_of_the_talk(
    app: Caller,
) -> None:
    """Nor does "ok" turn a Chinese talk into an English one, with no page to say so."""
    talk = fresh()
    for text in ("多久发货", "K3022", "ok"):
        reply = app.say(talk, text)["reply"]["text"]
        assert any("\u4e00" <= c <= "\u9fff" for c in reply), reply
