"""
Calls of the customer API as tests make them, on a real port or in this process.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

import httpx
import msgspec
from redis import Redis

from gateway.app import Gateway
from gateway.stack import Stack


_numbers = itertools.count(1)


def fresh(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(4)}-{next(_numbers)}"


def message(text: str = "多久发货", **fields: Any) -> dict[str, Any]:
    """A valid body; *fields* replace or add."""
    return {"message_id": fresh("m"), "user_id": "c1005", "text": text, **fields}


def keys_of(stack: Stack) -> dict[str, str]:
    """``shop/channel`` -> bearer key."""
    return {
        f"{shop.id}/{channel.name}": channel.key
        for shop in stack.supervisor.config.shops
        for channel in shop.channels
    }


class Caller:
    """One channel of one shop, calling a running gateway."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.stack = stack
        self.key = key
        self.http = httpx.Client(
            base_url=stack.url,
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        self.http.close()

    def post(self, conversation: str, body: Any = None, **more: Any) -> httpx.Response:
        """Send a message; *body* is a tree, or raw bytes."""
        path = f"/v1/conversations/{conversation}/messages"
        if isinstance(body, bytes):
            return self.http.post(path, content=body, **more)
        return self.http.post(path, json=message() if body is None else body, **more)

    def say(self, conversation: str, text: str, **fields: Any) -> dict[str, Any]:
        """Send a text that must be accepted; what became of it."""
        answer = self.post(conversation, message(text, **fields))
        assert answer.status_code in (200, 202), answer.text
        result: dict[str, Any] = answer.json()
        return result

    def events(self, conversation: str, after: int = 0) -> list[dict[str, Any]]:
        """Everything that happened."""
        answer = self.http.get(
            f"/v1/conversations/{conversation}/events", params={"after": after}
        )
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["events"]
        return found


def stored_keys(stack: Stack) -> set[bytes]:
    """Names of everything in the stack's store that belongs to conversations."""
    with Redis.from_url(stack.supervisor.store_url) as client:
        return {key for key in client.scan_iter(count=5000) if _is_lasting(key)}


def _is_lasting(key: bytes) -> bool:
    """Everything but what sweeping moves and counting writes by themselves."""
    if b"}hs:" in key or key.startswith(b"tg:hs:"):
        return False
    return not key.endswith((b"}w", b"}O", b"}oc", b"}ol", b"}oe", b"}om"))


def check_problem(
    answer: Reply | httpx.Response, status: int, code: str
) -> dict[str, Any]:
    """The answer is that RFC 9457 problem; its members."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    kind = answer.headers["content-type"].split(";")[0]
    assert kind == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"/problems/{code}"
    assert problem["title"]
    return problem


class Inside(NamedTuple):
    """A gateway in this process; *plain* is Litestar without the hot route."""

    gateway: Gateway
    plain: Any
    keys: Mapping[str, str]


class Reply(NamedTuple):
    """What an ASGI application answered."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


async def call(
    app: Any,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str | bytes] | None = None,
    chunks: Iterable[bytes] = (b"",),
) -> Reply:
    """One request to an ASGI application in this process, body in *chunks*."""
    parts = list(chunks)
    events = [
        {"type": "http.request", "body": part, "more_body": n < len(parts)}
        for n, part in enumerate(parts, 1)
    ]
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        answer.append(event)

    await app(_scope(method, path, headers or {}), receive, send)
    return Reply(
        answer[0]["status"],
        {k.decode(): v.decode() for k, v in answer[0]["headers"]},
        b"".join(event.get("body", b"") for event in answer[1:]),
    )


def _scope(
    method: str, path: str, headers: Mapping[str, str | bytes]
) -> dict[str, Any]:
    """As a server makes it from a request line."""
    raw = [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": b"",
        "root_path": "",
        "headers": raw,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def sse(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Server-sent events, one dict each; comments are left out."""
    event: dict[str, str] = {}
    async for line in lines:
        if line == "":
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def as_tree(body: bytes) -> Any:
    """JSON as plain values."""
    return msgspec.json.decode(body)
