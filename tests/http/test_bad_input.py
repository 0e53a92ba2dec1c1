"""
Bad input: each a clear problem response, and nothing is stored.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
from bad_bodies import TOO_LARGE, bad_bodies
from wire_calls import Caller, Reply, check_problem, fresh, message, stored_keys

from gateway.stack import Stack


BAD = bad_bodies()


def raw(stack: Stack, *parts: bytes) -> Reply:
    """Bytes to the port, and the answer to them; the body may come in parts."""
    target = urlsplit(stack.url)
    address = (target.hostname or "", target.port or 0)
    with socket.create_connection(address, timeout=10) as client:
        for part in parts:
            client.sendall(part)
        answer = HTTPResponse(client)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())


@pytest.fixture
def unchanged(stack: Stack, app: Caller) -> Iterator[str]:
    """A conversation in which nothing may happen, in a store that may not grow."""
    before = stored_keys(stack)
    conversation = fresh("bad")
    yield conversation
    assert app.events(conversation) == []
    assert stored_keys(stack) <= before


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused_in_words_and_not_stored(
    app: Caller, unchanged: str, name: str
) -> None:
    """The problem names the field and what is wrong with it."""
    bad = BAD[name]
    answer = app.post(unchanged, bad.body)
    problem = check_problem(answer, 400, bad.code)
    assert bad.words.lower() in problem["detail"].lower()
    assert problem.get("field", "").split(".")[0].split("[")[0] == bad.field
    assert "regex" not in problem["detail"]


@pytest.mark.parametrize("name", TOO_LARGE)
def test_an_oversized_body_is_refused(app: Caller, unchanged: str, name: str) -> None:
    """413 with the limit, before anything is decoded."""
    problem = check_problem(app.post(unchanged, TOO_LARGE[name]), 413, "too_large")
    assert "32768" in problem["detail"]


def test_an_oversized_body_without_a_length_is_refused(
    stack: Stack, app: Caller, unchanged: str
) -> None:
    """Chunked bodies are counted as they come; the rest is not read."""
    target = urlsplit(stack.url)
    head = (
        f"POST /v1/conversations/{unchanged}/messages HTTP/1.1\r\n"
        f"host: {target.netloc}\r\nauthorization: Bearer {app.key}\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    chunk = b"%x\r\n%s\r\n" % (16_384, b" " * 16_384)
    check_problem(raw(stack, head.encode(), chunk * 3), 413, "too_large")


def test_a_body_that_says_it_is_large_is_not_read(
    stack: Stack, app: Caller, unchanged: str
) -> None:
    """The announced length is enough to refuse."""
    target = urlsplit(stack.url)
    head = (
        f"POST /v1/conversations/{unchanged}/messages HTTP/1.1\r\n"
        f"host: {target.netloc}\r\nauthorization: Bearer {app.key}\r\n"
        "content-length: 999999999\r\n\r\n"
    )
    check_problem(raw(stack, head.encode()), 413, "too_large")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer  {key}",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
        "Bearer " + "x" * 8_000,
        "Bearer \xff\xfe",
    ],
)
def test_a_missing_or_wrong_key_is_refused(
    stack: Stack, app: Caller, unchanged: str, header: str | None
) -> None:
    """401, without a word about which keys exist, and before the body is read."""
    target = urlsplit(stack.url)
    line = "" if header is None else f"authorization: {header.format(key=app.key)}\r\n"
    head = (
        f"POST /v1/conversations/{unchanged}/messages HTTP/1.1\r\n"
        f"host: {target.netloc}\r\n{line}content-length: 5\r\n\r\n"
    )
    answer = raw(stack, head.encode("latin-1"))
    check_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert app.key.encode() not in answer.content


@pytest.mark.parametrize(
    ("conversation", "status"),
    [
        ("%00", 400),
        ("a%0Ab", 400),
        ("a%20b", 400),
        ("%7F", 400),
        ("%FF%FE", 400),
        ("%ED%A0%80", 400),
        ("x" * 129, 400),
        ("x" * 60_000, 400),
        ("a%2Fb", 404),
    ],
)
def test_a_bad_conversation_id_is_refused(
    stack: Stack, app: Caller, conversation: str, status: int
) -> None:
    """Control characters, bytes that are no text, and 64 kB in the path."""
    before = stored_keys(stack)
    for path in ("messages", "events"):
        url = f"/v1/conversations/{conversation}/{path}"
        answer = app.http.request(
            "POST" if path == "messages" else "GET",
            url,
            json=message() if path == "messages" else None,
        )
        problem = check_problem(
            answer, status, "bad_field" if status == 400 else "not_found"
        )
        if status == 400:
            assert problem["field"] == "conversation_id"
    assert stored_keys(stack) <= before


def test_a_path_beyond_what_the_server_reads_is_refused(
    stack: Stack, app: Caller
) -> None:
    """The server itself ends a request line that never ends."""
    path = b"/v1/conversations/" + b"x" * 200_000 + b"/messages"
    answer = raw(stack, b"POST " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.status_code in (400, 401, 414)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/conversations/c/messages"),
        ("PUT", "/v1/conversations/c/messages"),
        ("DELETE", "/v1/conversations/c/events"),
        ("POST", "/healthz"),
        ("GET", "/v1/route"),
        ("PATCH", "/v1/visitors"),
    ],
)
def test_a_wrong_method_is_refused_with_the_right_ones(
    app: Caller, method: str, path: str
) -> None:
    """405 with the allow header."""
    answer = app.http.request(method, path)
    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/v2", "/v1/conversations", "/v1/conversations//messages", "/../etc"]
)
def test_an_unknown_path_is_a_problem_too(app: Caller, path: str) -> None:
    """404 says where to look."""
    problem = check_problem(app.http.post(path, json={}), 404, "not_found")
    assert "/docs" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [("after=-1", ">= 0"), ("after=x", "int"), ("after=99999999999999999999", "<=")],
)
def test_a_bad_query_names_its_parameter(app: Caller, query: str, words: str) -> None:
    """Events are asked for by a number."""
    answer = app.http.get(f"/v1/conversations/c/events?{query}")
    problem = check_problem(answer, 400, "bad_field")
    assert problem["field"] == "after"
    assert words in problem["detail"]


def test_an_id_that_was_used_with_another_text_is_a_conflict(app: Caller) -> None:
    """409 names the id; the first message stands alone."""
    conversation, body = fresh(), message()
    assert app.post(conversation, body).status_code == 200
    before = app.events(conversation)
    for change in ({"text": "别的话"}, {"user_id": "c1006"}):
        answer = app.post(conversation, body | change)
        problem = check_problem(answer, 409, "message_conflict")
        assert body["message_id"] in problem["detail"]
    assert app.events(conversation) == before


def test_a_problem_never_repeats_the_message(app: Caller) -> None:
    """What the customer wrote does not come back in an error, nor into its log."""
    secret = "身份证110101199003074514"
    conversation, body = fresh(), message(secret)
    app.post(conversation, body)
    answer = app.post(conversation, body | {"text": secret + "!"})
    assert secret not in json.dumps(answer.json(), ensure_ascii=False)
