"""
Admission at the door: rates of keys and addresses, and the reader of replays.
"""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_calls import check_problem

from gateway.admission.rate import RateLimit
from gateway.cli.replay import conversation_of, read
from gateway.stack import Stack


RATES = st.floats(0.01, 1000)
BURSTS = st.integers(1, 50)
GAPS = st.lists(st.floats(0, 5), min_size=1, max_size=80)


@given(rate=RATES, burst=BURSTS, gaps=GAPS)
def test_never_more_than_burst_and_rate_allow(
    rate: float, burst: int, gaps: list[float]
) -> None:
    """In every window of t seconds at most burst + rate * t pass."""
    limit, now, passed = RateLimit(rate, burst), 0.0, []
    for gap in gaps:
        now += gap
        if limit.wait_s("k", now) == 0:
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            window = passed[last] - passed[first]
            assert last - first + 1 <= burst + rate * window + 1e-6


@given(rate=RATES, burst=BURSTS, gaps=GAPS)
def test_who_waits_as_told_passes_and_not_much_earlier(
    rate: float, burst: int, gaps: list[float]
) -> None:
    """The wait is exact: not refused after it, refused well before it."""
    limit, now = RateLimit(rate, burst), 0.0
    for gap in gaps:
        now += gap
        wait = limit.wait_s("k", now)
        assert 0 <= wait <= 1 / rate + 1e-9
        if wait > 1e-6:
            assert limit.wait_s("k", now + wait * 0.5) > 0
            assert limit.wait_s("k", now + wait * (1 + 1e-9) + 1e-9) == 0
            now += wait * (1 + 1e-9) + 1e-9


@given(rate=RATES, burst=BURSTS)
def test_a_quiet_key_has_its_whole_burst(rate: float, burst: int) -> None:
    """And not one more."""
    limit = RateLimit(rate, burst)
    for _ in range(2):
        start = 1_000.0 * (1 + _) / rate
        assert [limit.wait_s("k", start) for _ in range(burst)] == [0.0] * burst
        assert limit.wait_s("k", start) > 0


@given(keys=st.lists(st.sampled_from("abcdef"), max_size=60))
def test_keys_do_not_share_and_memory_is_bounded(keys: list[str]) -> None:
    """One key's noise costs another nothing; the quietest is forgotten first."""
    limit = RateLimit(1.0, 1, max_keys=3)
    for number, key in enumerate(keys):
        limit.wait_s(key, number * 0.001)
        assert len(limit._due) <= 3
    other = RateLimit(1.0, 1)
    assert other.wait_s("a", 0.0) == 0
    assert other.wait_s("b", 0.0) == 0
    assert other.wait_s("a", 0.0) > 0


def test_one_address_opens_so_many_conversations(stack: Stack) -> None:
    """A browser that makes visitors without end is told to wait; others are not."""
    body = {"shop": "demo", "channel": "web"}
    flood = httpx.HTTPTransport(local_address="127.0.0.77")
    with httpx.Client(transport=flood, base_url=stack.url) as client:
        codes = [client.post("/v1/visitors", json=body) for _ in range(80)]
        refused = next(answer for answer in codes if answer.status_code != 201)
        check_problem(refused, 429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1
    assert httpx.post(f"{stack.url}/v1/visitors", json=body).status_code == 201


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "turns", "role", "text", "from", "value", "id"]
            )
            | TEXTS,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(line=st.text(max_size=80) | TREES.map(json.dumps))
@example(line="[" * 200_000)
@example(line='{"messages": "x"}')
@example(line='{"turns": ["", " ", "a"]}')
@example(line='{"messages": [{"role": 1, "text": "a"}], "id": {"a": 1}}')
@example(line='{"text": "\\ud800"}')
@example(line="\udcff")
@example(line="\ud800")
def test_any_line_is_a_conversation_or_a_reason(line: str) -> None:
    """Ids become plain ones that the wire accepts; texts are never changed."""
    try:
        found = conversation_of(line, 7)
    except ValueError as exc:
        assert str(exc)  # noqa: PT017
        return
    assert found.texts
    assert all(type(text) is str for text in found.texts)
    assert all(text.strip() for text in found.texts)
    for name in (found.id, found.user_id):
        assert 1 <= len(name) <= 128
        assert name.isascii()
        assert not set(name) & set(" \t\n\0/")
    assert found.locale in (None, "zh", "en")


@given(
    trees=st.lists(TREES | st.just("bad"), max_size=8),
    limit=st.none() | st.integers(1, 4),
)
def test_every_line_is_either_read_or_reported(
    trees: list[Any], limit: int | None
) -> None:
    """Nothing is dropped in silence; a limit stops after so many conversations."""
    lines = ["nonsense" if tree == "bad" else json.dumps(tree) for tree in trees]
    found, bad = read(io.StringIO("\n".join(lines)), limit)
    assert len({one.id for one in found}) == len(found)
    assert all(1 <= one.line <= len(lines) for one in bad)
    if limit is None:
        assert len(found) + len(bad) == len(lines)
    else:
        assert len(found) <= limit


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ({"messages": [{"role": "user", "content": "a"}]}, ("a",)),
        ({"turns": ["a", "b"]}, ("a", "b")),
        (
            {
                "dialog": [
                    {"speaker": "买家", "utterance": "a"},
                    {"speaker": "客服", "utterance": "b"},
                ]
            },
            ("a",),
        ),
        (
            {
                "messages": [
                    {"from": "human", "value": "a"},
                    {"from": "gpt", "value": "b"},
                ]
            },
            ("a",),
        ),
        ({"text": "a"}, ("a",)),
        ({"context": [{"role": "customer", "text": "a"}], "text": "b"}, ("a", "b")),
    ],
)
def test_the_shapes_of_other_tools_are_understood(
    line: dict[str, Any], texts: tuple[str, ...]
) -> None:
    """Only what the customer said is sent."""
    assert conversation_of(json.dumps(line), 1).texts == texts
