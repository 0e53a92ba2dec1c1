"""
What goes beside the messages: ratings, cards, signs of typing, and compressed files.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets
from wire_calls import Caller, fresh, message

import gateway


WEB = Path(gateway.__file__).parent / "web"
#: What a shop's page may have to load for the widget, as it comes over the wire.
BUDGET_BYTES = 20_000


def counted(app: Caller) -> float:
    """Ratings of the shop, as ``/metrics`` has them."""
    line = re.compile(r'tidegate_ratings_total\{score="\d",shop="demo"\} (\S+)')
    return sum(map(float, line.findall(app.http.get("/metrics").text)))


def test_a_rating_is_an_event_once(app: Caller) -> None:
    """The same rating again is the same; a changed mind is another one."""
    name = fresh("c")
    path = f"/v1/conversations/{name}/rating"
    body = {"score": 4, "comment": "很快"}
    assert app.http.post(path, json=body).status_code == 404
    app.say(name, "多久发货")
    before = counted(app)
    first = app.http.post(path, json=body)
    assert (first.status_code, first.json()) == (201, {"seq": 3, "score": 4})
    assert app.http.post(path, json=body).json()["seq"] == 3
    assert app.http.post(path, json={"score": 5}).json()["seq"] == 4
    kinds = [(event["kind"], event.get("score")) for event in app.events(name)]
    assert kinds == [("message", None), ("reply", None), ("rating", 4), ("rating", 5)]
    assert counted(app) - before == len([4, 5])
    assert app.say(name, "怎么退货")["seq"] == 5


@pytest.mark.parametrize("body", [{}, {"score": 0}, {"score": 6}, {"score": 4.5}])
def test_a_rating_has_one_to_five_stars(app: Caller, body: dict[str, Any]) -> None:
    """Anything else is refused with the field."""
    name = fresh("c")
    app.say(name, "多久发货")
    answer = app.http.post(f"/v1/conversations/{name}/rating", json=body)
    assert answer.status_code == 400
    assert answer.json()["field"] == "score"


def test_cards_come_back_with_their_message(app: Caller) -> None:
    """An order and a file, as they were sent."""
    name = fresh("c")
    cards = [
        {"kind": "order", "ref": "K3001", "title": "保温杯", "amount_minor": 5900},
        {"kind": "file", "title": "a.pdf", "url": "https://files.shop.example/a.pdf"},
    ]
    app.say(name, "这个订单多久发货", cards=cards)
    assert app.events(name)[0]["cards"] == cards


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a b",
        'https://a"onclick=',
        "https://",
        "//shop.example/a",
        "https://a\n",
    ],
)
def test_a_card_leads_to_a_web_address_or_nowhere(app: Caller, url: str) -> None:
    """Operators click on what customers send."""
    body = message(cards=[{"kind": "file", "url": url}])
    answer = app.post(fresh("c"), body)
    assert answer.status_code == 400
    assert "cards" in answer.json()["field"]


async def _typing(url: str, token: str, name: str, *, count: int) -> list[str]:
    """Types of the frames an onlooker sees while the customer types *count* times."""
    address = f"{url.replace('http', 'ws')}/v1/conversations/{name}/ws"
    auth = msgspec.json.encode({"type": "auth", "token": token}).decode()
    async with websockets.connect(address) as socket:
        await socket.send(auth)
        for _ in range(count):
            await socket.send('{"type":"typing"}')
        await socket.send('{"type":"ping"}')
        return [msgspec.json.decode(await socket.recv())["type"] for _ in range(1)]


def test_a_customer_hears_nothing_of_its_own_typing(app: Caller) -> None:
    """The sign goes to the other side only, and is no event."""
    name = fresh("c")
    assert asyncio.run(_typing(app.stack.url, app.key, name, count=50)) == ["pong"]
    assert app.events(name) == []


def test_files_are_compressed_and_asked_for_once(app: Caller) -> None:
    """The same bytes plain and zipped; a browser that has them gets 304."""
    path = "/web/chat.js"
    plain = app.http.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    zipped = app.http.get(path, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content == (WEB / "chat.js").read_bytes()
    tag = {"if-none-match": plain.headers["etag"]}
    assert app.http.get(path, headers=tag).status_code == 304
    for name in ("nothing.js", "../app.py", "..%2fapp.py", "i18n"):
        assert app.http.get(f"/web/{name}").status_code == 404


def loaded(name: str, found: set[str]) -> set[str]:
    """A module and all that it loads."""
    if name in found:
        return found
    found.add(name)
    text = (WEB / name).read_text(encoding="utf-8")
    for other in re.findall(
        r'^(?:import|\} from).*"\./([\w.]+)";$', text, re.MULTILINE
    ):
        loaded(other, found)
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_widget_keeps_its_budget(app: Caller, language: str) -> None:
    """Script, styles and words of the widget are at most 20 kB over the wire."""
    names = loaded("widget.js", set()) | {"tokens.css", "lines.css", "chat.css"}
    assert {"chat.js", "chat_rating.js", "dom.js"} < names
    names.add(f"i18n/chat.{language}.json")
    sizes = {}
    for name in names:
        with app.http.stream(
            "GET", f"/web/{name}", headers={"accept-encoding": "gzip"}
        ) as answer:
            assert answer.status_code == 200, name
            raw = b"".join(answer.iter_raw())
        assert gzip.decompress(raw) == (WEB / name).read_bytes()
        sizes[name] = len(raw)
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes
