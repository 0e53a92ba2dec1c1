"""
Locust's users: what they hold against an answer, and a small day of theirs.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from engines.contract import Tier
from gateway.cli.loadtest_locust import _hire
from gateway.config_file import load
from gateway.outcome import (
    EventOut,
    MessageOut,
    ReplyOut,
    encode,
)
from loadtest import locust_run
from loadtest.locust_run import LocustFailed, run_locust
from loadtest.sale import Sale
from loadtest.wire_check import wrong_with_answer, wrong_with_events


GOOD = MessageOut(
    message_id="m",
    seq=1,
    status="answered",
    reply=ReplyOut(text="hi", tier=Tier.L1),
)


def test_an_answer_by_the_contract_has_nothing_wrong_with_it() -> None:
    """Answered, queued, and still to come."""
    assert wrong_with_answer("m", 200, encode(GOOD)) == ""
    queued = MessageOut(message_id="m", seq=1, status="queued")
    assert wrong_with_answer("m", 200, encode(queued)) == ""
    pending = MessageOut(message_id="m", seq=1, status="pending")
    assert wrong_with_answer("m", 202, encode(pending)) == ""


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, encode(GOOD)),
        (202, encode(GOOD)),
        (200, b"{}"),
        (200, b"<html>"),
        (200, encode(MessageOut(message_id="other", seq=1, status="queued"))),
        (200, encode(MessageOut(message_id="m", seq=0, status="queued"))),
        (200, encode(MessageOut(message_id="m", seq=1, status="answered"))),
        (200, encode(MessageOut(message_id="m", seq=1, status="pending"))),
    ],
)
def test_an_answer_against_the_contract_is_found(status: int, body: bytes) -> None:
    """Whatever of it is wrong."""
    assert wrong_with_answer("m", status, body)


def test_events_must_be_in_order_and_hold_the_message_once() -> None:
    """Not twice, not never."""

    def page(*events: tuple[int, str]) -> bytes:
        made = [EventOut(n=n, kind="message", message_id=name) for n, name in events]
        return encode({"events": made})

    assert wrong_with_events("m", 200, page((1, "m"), (3, "x"))) == ""
    for bad in (page((3, "m"), (1, "x")), page((1, "m"), (2, "m")), page((1, "x"))):
        assert wrong_with_events("m", 200, bad)
    assert wrong_with_events("m", 200, b"{}")
    assert wrong_with_events("m", 404, page((1, "m")))


SALE = Sale(
    shape="steady", seconds=3, peak_per_s=10, talks=(("多久发货",), ("转人工",))
)


def test_without_locust_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setattr(locust_run, "find_spec", lambda _: None)
    with pytest.raises(LocustFailed, match="pip install"):
        run_locust(load(None, {}), SALE, 1, _hire, lambda _: None)


@pytest.mark.skipif(
    find_spec("locust") is None, reason="no Locust here: install the extra locust"
)
def test_a_small_day_of_locust_users() -> None:
    """Customers in open loop, a person at the desk; every message has its end."""
    flags = {"router.arithmetic": "plain", "server.workers": 1}
    found = run_locust(load(None, {}, flags), SALE, 1, _hire, lambda _: None)
    assert found.is_clean
    client, ends = found.sale.client, found.sale.ends
    assert client.sent == found.calls["message"][0] == ends.answered + ends.with_people
    assert client.unanswered == ends.not_taken == 0
    assert len(client.course) >= 2
    assert found.calls["claim"][0] >= 1
    assert found.calls["close"][0] == found.calls["claim"][0]
