"""
What always holds in a conversation: silence while a person has it, a way to a
person from everywhere, risk that never falls, shops that never meet.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from wire_calls import Caller, check_problem, fresh, message, stored_keys

from engines.contract import RISK_ORDER, Risk
from gateway.stack import Stack


pytestmark = pytest.mark.usefixtures("operator")


def replies(caller: Caller, conversation: str) -> list[dict[str, Any]]:
    """What the machine said."""
    return [e for e in caller.events(conversation) if e["kind"] == "reply"]


@pytest.mark.parametrize(
    "wish", ["转人工", "人工", "I want to talk to a real person please"]
)
def test_who_asks_for_a_person_gets_no_machine_any_more(app: Caller, wish: str) -> None:
    """I5: what the customer writes then is kept for the person, unanswered."""
    conversation = fresh()
    handed = app.say(conversation, wish)
    assert handed["status"] == "queued"
    assert handed["handoff"]["id"]
    for text in ("多久发货", "怎么退货", "在吗", "帮我取消订单K3022"):
        result = app.say(conversation, text)
        assert result["status"] == "queued"
        assert result["handoff"]["id"] == handed["handoff"]["id"]
        assert "reply" not in result
    assert replies(app, conversation) == []
    said = [e["text"] for e in app.events(conversation) if e["kind"] == "message"]
    assert said[1:] == ["多久发货", "怎么退货", "在吗", "帮我取消订单K3022"]


def test_a_repeat_of_what_a_person_reads_gives_the_same_result(app: Caller) -> None:
    """The wire contract: the same message id, the same status and the same handoff."""
    conversation = fresh()
    app.say(conversation, "转人工")
    first = app.say(conversation, "在吗", message_id="said-once")
    assert app.say(conversation, "在吗", message_id="said-once") == first
    assert first["handoff"]["id"]


def test_while_an_operator_talks_the_machine_is_silent(
    app: Caller, operator: httpx.Client
) -> None:
    """I5: claimed, spoken, closed; only then does the machine answer again."""
    conversation = fresh()
    handoff = app.say(conversation, "转人工")["handoff"]["id"]
    path = f"/v1/desk/handoffs/{handoff}"
    version = operator.get(path).json()["handoff"]["version"]
    claimed = operator.post(f"{path}/claim", json={"version": version})
    assert claimed.status_code == 200, claimed.text
    app.say(conversation, "多久发货")
    said = operator.post(
        f"{path}/reply", json={"line_id": "l1", "text": "您好，48 小时内"}
    )
    assert said.status_code == 200, said.text
    assert replies(app, conversation) == []
    closing = {"version": operator.get(path).json()["handoff"]["version"]}
    closing["seen"] = said.json()["n"]
    closed = operator.post(f"{path}/close", json=closing)
    assert closed.status_code == 200, closed.text
    assert app.say(conversation, "怎么退货")["status"] == "answered"
    kinds = [event["kind"] for event in app.events(conversation)]
    assert kinds.index("operator") < kinds.index("reply")


def test_without_anybody_there_is_a_ticket_with_a_time(rival: Caller) -> None:
    """Nobody waits in a line that nobody serves."""
    conversation = fresh()
    result = rival.say(conversation, "转人工")
    assert result["status"] == "ticketed"
    promised = datetime.fromisoformat(result["handoff"]["promised_at"])
    assert promised > datetime.now(UTC)
    assert result["handoff"]["state"] == "ticketed"


def test_a_repeat_after_the_handover_stays_what_it_was(app: Caller) -> None:
    """An answered message stays answered, a handed over one handed over."""
    conversation, before = fresh(), message("多久发货")
    answered = app.post(conversation, before)
    wish = message("转人工")
    handed = app.post(conversation, wish)
    assert app.post(conversation, before).content == answered.content
    assert app.post(conversation, wish).json() == handed.json()


OPEN = {
    "an L3 proposal that waits for consent": [
        ("c1009", "帮我取消订单K3022，不想要了"),
    ],
    "an L3 task that waits for a slot": [("c1010", "收货地址写错了可以改吗")],
    "an answered question": [("c1005", "多久发货")],
    "a retrieved answer": [("c1005", "满多少包邮")],
    "nothing": [],
    "a miss": [("c1007", "do you sell laptops")],
}


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("wish", ["转人工", "agent please"])
def test_a_person_can_be_asked_for_in_every_state(
    app: Caller, state: str, wish: str
) -> None:
    """I9: whatever is open, the wish wins, and no action is carried out by it."""
    conversation, user = fresh(), "c1005"
    for user, text in OPEN[state]:
        opened = app.say(conversation, text, user_id=user)
        assert opened["status"] == "answered", opened
    result = app.say(conversation, wish, user_id=user)
    assert result["status"] == "queued"
    assert result["decision"]["asks_human"] is True
    assert result["decision"]["tier"] == "human"
    after = app.say(conversation, "是的", user_id=user)
    assert after["status"] == "queued"
    assert len(replies(app, conversation)) == len(OPEN[state])


DIALOGS = {
    "转人工": (["开票信息怎么填", "发票抬头怎么填", "帮我核对一下开票信息"], "个人"),
    "agent please": (
        ["how do i fill in the invoice title", "how to fill in invoice details"],
        "personal",
    ),
}


@pytest.mark.parametrize("wish", DIALOGS)
def test_a_person_can_be_asked_for_inside_a_dialog(app: Caller, wish: str) -> None:
    """I9: the wish is not taken for the slot that L1 waits for."""
    openings, asked_for = DIALOGS[wish]
    opened = []
    for opening in openings:
        conversation = fresh()
        reply = app.say(conversation, opening)["reply"]
        if reply["tier"] == "L1" and asked_for in reply["text"]:
            opened.append(conversation)
    assert opened, "no opening led into a dialog"
    for conversation in opened:
        assert app.say(conversation, wish)["status"] == "queued"


EPISODES = [
    ["在吗", "退款都好几天了怎么还没到账", "多久发货", "满多少包邮", "在吗"],
    ["多久发货", "帮我改下收货地址", "你们几点上班", "算了"],
    ["hi there", "I want to return the second item of order K3007", "hello"],
]


@pytest.mark.parametrize("texts", EPISODES)
def test_risk_never_falls_inside_an_episode(app: Caller, texts: list[str]) -> None:
    """I9: once something is at stake, small talk does not lower it."""
    conversation = fresh()
    risks = []
    for text in texts:
        result = app.say(conversation, text, user_id="c1003")
        if "decision" not in result:
            break
        risks.append(RISK_ORDER[Risk(result["decision"]["risk"])])
    assert len(risks) > 2
    assert risks == sorted(risks)
    assert risks[-1] > 0


def test_another_user_in_the_same_conversation_starts_afresh(app: Caller) -> None:
    """An open task is one customer's: another one's consent carries nothing out."""
    conversation = fresh()
    asked = app.say(conversation, "please cancel my order K3018", user_id="c1008")
    assert asked["reply"]["actions"][0]["state"] == "proposed"
    other = app.say(conversation, "yes, go ahead", user_id="c1003")
    assert not other.get("reply", {}).get("actions")


def test_two_shops_never_meet(stack: Stack, app: Caller, rival: Caller) -> None:
    """I8: the same conversation and message id are two things in two shops."""
    conversation, body = fresh(), message("多久发货", message_id="same")
    ours = app.post(conversation, body)
    theirs = rival.post(conversation, {**body, "text": "怎么退货"})
    assert (ours.status_code, theirs.status_code) == (200, 200)
    assert ours.json()["seq"] == theirs.json()["seq"] == 1
    assert app.events(conversation)[0]["text"] == "多久发货"
    assert rival.events(conversation)[0]["text"] == "怎么退货"
    app.say(conversation, "转人工")
    assert rival.say(conversation, "在吗")["status"] == "answered"


def test_two_channels_of_a_shop_do_not_share_conversations(
    app: Caller, web: Caller
) -> None:
    """An id means something only within the channel that made it."""
    conversation = fresh()
    app.say(conversation, "在吗", message_id="same")
    assert web.events(conversation) == []
    assert web.say(conversation, "多久发货", message_id="same")["seq"] == 1


def test_no_name_reaches_into_another_shop_or_channel(
    stack: Stack, app: Caller, rival: Caller, web: Caller
) -> None:
    """I8: ids made of the store's own separators stay plain ids."""
    conversation = fresh()
    app.say(conversation, "在吗")
    before = app.events(conversation)
    for name in (
        f"app.{conversation}",
        f"..%2Fdemo%2F{conversation}",
        f"demo:{conversation}",
        f"%7Bdemo:0%7Dc:app.{conversation}",
        f"{conversation}%0A",
        f"{conversation}.",
    ):
        for caller in (rival, web):
            found = caller.http.get(f"/v1/conversations/{name}/events")
            if found.status_code == 200:
                assert found.json()["events"] == []
    assert app.events(conversation) == before


def test_a_key_of_one_shop_cannot_open_the_desk_of_another(rival: Caller) -> None:
    """A channel's key is no session."""
    answer = rival.http.get("/v1/desk/board")
    check_problem(answer, 401, "unknown_session")


def test_a_shops_metrics_name_no_conversation(stack: Stack, app: Caller) -> None:
    """I8: what everybody may scrape has no ids of anybody."""
    conversation = fresh("secretname")
    app.say(conversation, "在吗", user_id="c1001")
    text = app.http.get("/metrics").text
    assert "secretname" not in text
    assert any(b"secretname" in key for key in stored_keys(stack))
