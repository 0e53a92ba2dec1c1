"""
The hot route and Litestar's route behind it answer every request alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import jwt
import pytest
from bad_bodies import TOO_LARGE, bad_bodies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_calls import Inside, Reply, call, check_problem, fresh, message

from gateway.admission.rate import RateLimit


pytestmark = pytest.mark.anyio

#: Headers that only one of the faces sends, or that no client may rely on.
IGNORED = {"content-length", "referrer-policy"}


async def post(
    app: Any, key: str, conversation: str, chunks: Iterable[bytes], **headers: str
) -> Reply:
    """One message to one face."""
    return await call(
        app,
        "POST",
        f"/v1/conversations/{conversation}/messages",
        headers={"authorization": f"Bearer {key}", **headers},
        chunks=chunks,
    )


async def both(
    inside: Inside, key: str, conversation: str, *chunks: bytes, **headers: str
) -> Reply:
    """The same request to both faces; checks that they agree, gives the answer."""
    hot = await post(inside.gateway.asgi, key, conversation, chunks, **headers)
    plain = await post(inside.plain, key, conversation, chunks, **headers)
    assert plain.status_code == hot.status_code, (hot.content, plain.content)
    assert plain.content == hot.content
    assert comparable(plain) == comparable(hot)
    return hot


def comparable(reply: Reply) -> dict[str, str]:
    """Headers that clients rely on."""
    kept = {k: v for k, v in reply.headers.items() if k not in IGNORED}
    return {**kept, "content-type": kept["content-type"].split(";")[0]}


@pytest.fixture
def key(inside: Inside) -> str:
    """Key of the demo shop's app."""
    return inside.keys["demo/app"]


@pytest.mark.parametrize(
    "text",
    [
        "多久发货",
        "满300减50和新人券能一起用吗",
        "how long does shipping take?",
        "转人工",
    ],
)
async def test_a_message_and_its_repeat_get_the_same_answer(
    inside: Inside, key: str, text: str
) -> None:
    """The second face sees a repeat, and gives the first one's bytes."""
    conversation, body = fresh(), json.dumps(message(text)).encode()
    first = await both(inside, key, conversation, body)
    assert first.status_code == 200
    assert (await both(inside, key, conversation, body[:9], body[9:])) == first


async def test_fresh_messages_differ_only_by_their_ids(
    inside: Inside, key: str
) -> None:
    """Each face accepts on its own, with the same status, reply and decision."""
    answers = []
    for app in (inside.gateway.asgi, inside.plain):
        body = message("怎么退货", message_id="m1")
        reply = await post(app, key, fresh(), [json.dumps(body).encode()])
        answers.append((reply.status_code, reply.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


@pytest.mark.parametrize("name", bad_bodies())
async def test_both_refuse_a_bad_body_alike(
    inside: Inside, key: str, name: str
) -> None:
    """Same status, same code, same words."""
    bad = bad_bodies()[name]
    reply = await both(inside, key, fresh(), bad.body)
    assert bad.words.lower() in check_problem(reply, 400, bad.code)["detail"].lower()


@pytest.mark.parametrize("name", TOO_LARGE)
@pytest.mark.parametrize("is_told", [True, False])
async def test_both_refuse_an_oversized_body_alike(
    inside: Inside, key: str, name: str, is_told: bool
) -> None:
    """With and without a length, in one piece and in many."""
    body = TOO_LARGE[name]
    headers = {"content-length": str(len(body))} if is_told else {}
    pieces = [body[n : n + 9_000] for n in range(0, len(body), 9_000)]
    for chunks in ([body], pieces):
        reply = await both(inside, key, fresh(), *chunks, **headers)
        check_problem(reply, 413, "too_large")


@pytest.mark.parametrize("wrong", ["", "nope", "tg_" + "x" * 32])
@pytest.mark.parametrize("body", [b"{}", b"\xff", b"x" * 70_000])
async def test_a_key_is_looked_at_before_a_body(
    inside: Inside, wrong: str, body: bytes
) -> None:
    """Who has no key learns nothing about bodies."""
    check_problem(await both(inside, wrong, fresh(), body), 401, "unauthorized")


@pytest.mark.parametrize("conversation", ["a\x00", "a b", "x" * 129, "\x7f", "a\n"])
async def test_both_refuse_a_bad_conversation_id_alike(
    inside: Inside, key: str, conversation: str
) -> None:
    """Before the body is read."""
    reply = await both(inside, key, conversation, b"not json")
    problem = check_problem(reply, 400, "bad_field")
    assert problem["field"] == "conversation_id"


async def visitor(inside: Inside) -> dict[str, str]:
    """A new visitor of the demo shop."""
    channel = json.dumps({"shop": "demo", "channel": "web"}).encode()
    opened = await call(inside.plain, "POST", "/v1/visitors", chunks=[channel])
    found: dict[str, str] = json.loads(opened.content)
    return found


async def test_both_count_one_rate(inside: Inside) -> None:
    """A visitor who sends too fast is told by either face when to come back."""
    faces = [inside.gateway.asgi, inside.plain] * 2
    guest = await visitor(inside)
    for number, app in enumerate([*faces[:3], *faces[:2]]):
        body = json.dumps(message("在吗", user_id=guest["user_id"])).encode()
        reply = await post(app, guest["token"], guest["conversation_id"], [body])
        if number < 3:
            assert reply.status_code == 200
            continue
        problem = check_problem(reply, 429, "rate_limited")
        assert 0 < problem["retry_after_s"] <= 2
        assert 1 <= int(reply.headers["retry-after"]) <= 2


async def test_both_slow_down_a_key_that_sends_too_fast(
    inside: Inside, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is the key's, whatever conversations it writes in."""
    intake = inside.gateway.asgi._intake
    monkeypatch.setattr(intake, "_key_rate", RateLimit(rate_per_s=0.1, burst=2))
    for app in (inside.gateway.asgi, inside.plain):
        body = json.dumps(message("在吗")).encode()
        assert (await post(app, key, fresh(), [body])).status_code == 200
    for app in (inside.gateway.asgi, inside.plain):
        body = json.dumps(message("在吗")).encode()
        reply = await post(app, key, fresh(), [body])
        assert 5 < check_problem(reply, 429, "rate_limited")["retry_after_s"] <= 10
    body = json.dumps(message("在吗")).encode()
    other = await post(inside.plain, inside.keys["rival/app"], fresh(), [body])
    assert other.status_code == 200


async def test_outside_the_demo_a_browser_cannot_choose_who_it_is(
    inside: Inside,
) -> None:
    """Nor ask for a list of customers."""
    body = {"shop": "demo", "channel": "web", "user_id": "c1001"}
    chunks = [json.dumps(body).encode()]
    refused = await call(inside.plain, "POST", "/v1/visitors", chunks=chunks)
    assert "user_hash" in check_problem(refused, 403, "forbidden")["detail"]
    listed = await call(inside.plain, "GET", "/v1/demo/customers")
    check_problem(listed, 404, "not_found")


async def test_a_token_ends_with_its_channel_and_its_time(inside: Inside) -> None:
    """Signed by us, but for a shop that is gone, or too old: not known."""
    authenticator = inside.gateway.asgi._authenticator
    for claims, words in (
        ({"shop": "gone", "channel": "web"}, "gone"),
        ({"shop": "demo", "channel": "gone"}, "gone"),
        ({"shop": "demo", "channel": "web", "exp": 1}, "not known"),
    ):
        token = jwt.encode(
            {
                "aud": "tidegate-visitor",
                "sub": "u",
                "conversation": "c",
                "exp": 2**40,
                **claims,
            },
            authenticator._secret,
        )
        reply = await both(inside, token, "c", json.dumps(message()).encode())
        assert words in check_problem(reply, 401, "unauthorized")["detail"]


async def test_both_refuse_a_visitor_who_speaks_for_others(inside: Inside) -> None:
    """A token is for one conversation and one user."""
    one, other = await visitor(inside), await visitor(inside)
    body = json.dumps(message(user_id="c1001")).encode()
    refused = await both(inside, one["token"], one["conversation_id"], body)
    assert "user" in check_problem(refused, 403, "forbidden")["detail"]
    body = json.dumps(message(user_id=other["user_id"])).encode()
    refused = await both(inside, other["token"], one["conversation_id"], body)
    assert "conversation" in check_problem(refused, 403, "forbidden")["detail"]


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    inside: Inside, key: str
) -> None:
    """Half a body that happens to be whole JSON is not a message."""
    conversation = fresh()
    body = json.dumps(message()).encode()
    sent: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/v1/conversations/{conversation}/messages",
        "headers": [(b"authorization", f"Bearer {key}".encode())],
    }
    await inside.gateway.asgi(scope, receive, send)
    assert sent == []
    page = await call(
        inside.plain,
        "GET",
        f"/v1/conversations/{conversation}/events",
        headers={"authorization": f"Bearer {key}"},
    )
    assert json.loads(page.content) == {"events": [], "last": 0}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = {
    "message_id": st.text(min_size=1, max_size=140) | SCALARS,
    "user_id": st.text(min_size=1, max_size=140) | SCALARS,
    "text": st.text(max_size=60) | SCALARS,
    "locale": st.sampled_from(["zh", "en", "fr", None, 1]),
    "meta": st.dictionaries(st.text(max_size=9), SCALARS, max_size=4) | TREES,
}


def optional(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that have each of the fields or not, and sometimes one too many."""
    return st.fixed_dictionaries(
        {}, optional={name: FIELDS[name] for name in names} | {"extra": TREES}
    )


BODIES = st.one_of(
    st.fixed_dictionaries(
        {name: FIELDS[name] for name in ("message_id", "user_id", "text")},
        optional={name: FIELDS[name] for name in ("locale", "meta")},
    ),
    optional(list(FIELDS)),
    TREES,
).map(lambda tree: json.dumps(tree).encode())


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=BODIES | st.binary(max_size=60), cut=st.integers(0, 200))
async def test_any_body_is_answered_alike(
    inside: Inside, key: str, body: bytes, cut: int
) -> None:
    """Whatever comes, the faces agree, and no body is a fault of ours."""
    reply = await both(inside, key, fresh(), body[:cut], body[cut:])
    assert reply.status_code in (200, 202, 400), reply.content
