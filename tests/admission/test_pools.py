"""
Pools, limits, cursors, ladder: pure, on a clock the test moves.
"""

from __future__ import annotations

import random
from collections import Counter
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.admission.asks import RANKS, Ask, End, Verdict
from gateway.admission.cursor import share_out
from gateway.admission.ladder import (
    DOWN_AFTER_S,
    UP_AFTER,
    Ladder,
    Rung,
    TideOrders,
    closed_from,
    rung_under,
)
from gateway.admission.limit import Limit
from gateway.admission.pools import Pool, PoolPolicy, headroom
from gateway.admission.priority import (
    CustomerFacts,
    Priority,
    UserDraw,
    priority_of,
)


def ask(now: float, **changes: object) -> Ask:
    """A new presale conversation with ten seconds, but for *changes*."""
    fields: dict[str, object] = {
        "shop": "demo",
        "priority": Priority.PRESALE,
        "is_continuing": False,
        "draw": 0.5,
        "at": now,
        "deadline": now + 10.0,
    }
    return Ask(**{**fields, **changes})  # type: ignore[arg-type]


def pool(slots: int = 4, **changes: object) -> Pool:
    """A pool whose answers take four seconds."""
    fields = {"slots": slots, "service_s": 4.0, "target_s": 0.5, **changes}
    return Pool(PoolPolicy(**fields))  # type: ignore[arg-type]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["new", "going", "end", "late", "leave", "sweep", "refused"]),
        st.integers(0, 3),
        st.floats(0, 3),
    ),
    max_size=200,
)


@settings(max_examples=150, deadline=None)
@given(slots=st.integers(1, 20), moves=MOVES)
def test_a_bulkhead_holds_its_bounds(  # noqa: C901 - one branch a move
    slots: int, moves: list[tuple[str, int, float]]
) -> None:
    """Never more run than may, each turn leaves once, no slot is lost."""
    one, now = pool(slots), 0.0
    running: list[Ask] = []
    waiting: list[Ask] = []

    def moved(asks: list[Ask]) -> None:
        for left in asks:
            waiting.remove(left)
            if left.verdict is Verdict.RUN:
                running.append(left)
            else:
                assert left.verdict is Verdict.TOO_LATE

    for what, number, gap in moves:
        now += gap
        if what in {"new", "going"}:
            shop, priority = f"s{number % 2}", Priority(number)
            asked = ask(
                now, shop=shop, priority=priority, is_continuing=what == "going"
            )
            verdict = one.offer(asked, now)
            if verdict is Verdict.RUN:
                running.append(asked)
            elif verdict is Verdict.WAIT:
                waiting.append(asked)
        elif what == "leave" and waiting:
            one.leave(waiting.pop(number % len(waiting)))
        elif what == "sweep":
            moved(one.sweep(now))
        elif what in {"end", "late", "refused"} and running:
            ended = running.pop(number % len(running))
            end = {"end": End.DONE, "late": End.TIMEOUT, "refused": End.REFUSED}[what]
            one.done(ended, now, end, retry_after_s=gap)
            moved(one.pull(now))
        assert one.in_flight == len(running) <= slots
        assert len(one.line) == len(waiting) == len(list(one.line))
        assert 1 <= one.limit.value <= slots
    for ended in running:
        one.done(ended, now, End.DONE)
    assert one.in_flight == 0


def test_who_goes_first() -> None:
    """The top class, then going conversations, then new ones by class; then age."""
    one = pool(1, reserve=0.0)
    holder = ask(0.0)
    one.offer(holder, 0.0)
    kinds = [(going, priority) for going, priority in RANKS if priority < 3]
    waiting = [
        ask(0.0, is_continuing=going, priority=priority, deadline=100.0)
        for going, priority in reversed(kinds)
    ]
    assert {one.offer(asked, 0.0) for asked in waiting} == {Verdict.WAIT}
    order = []
    for _ in waiting:
        one.done(holder, 0.1, End.DONE)
        (holder,) = one.pull(0.1)
        order.append((holder.is_continuing, holder.priority))
    assert order == kinds


def test_a_reserve_is_kept_for_the_top_class() -> None:
    """Others leave a tenth of the slots free; the top class takes them."""
    one = pool(20)
    verdicts = Counter(one.offer(ask(0.0), 0.0) for _ in range(25))
    assert verdicts[Verdict.RUN] == 18
    top = [one.offer(ask(0.0, priority=Priority.DISPUTE), 0.0) for _ in range(3)]
    assert top == [Verdict.RUN, Verdict.RUN, Verdict.WAIT]


def test_a_turn_that_would_be_late_is_diverted_at_once() -> None:
    """The line is bounded by time: who would be answered too late does not wait."""
    one = pool(2)
    verdicts = [one.offer(ask(0.0), 0.0) for _ in range(20)]
    assert verdicts[-1] is Verdict.NO_TIME
    assert 2 <= verdicts.count(Verdict.WAIT) <= 4
    assert [left.verdict for left in one.sweep(7.0)] == [Verdict.TOO_LATE] * len(
        [v for v in verdicts if v is Verdict.WAIT]
    )


def test_one_shops_flood_takes_nothing_from_another() -> None:
    """Two shops, one with thirty times the demand: the small one keeps all of its own."""
    one, now, rng = pool(10, service_s=1.0), 0.0, random.Random(3)
    ends: list[tuple[float, Ask]] = []
    let_in: Counter[str] = Counter()
    came: Counter[str] = Counter()
    for step in range(6_000):
        now = step / 100
        for when, ended in [e for e in ends if e[0] <= now]:
            ends.remove((when, ended))
            one.done(ended, now, End.DONE)
        moved = one.pull(now)
        for shop, chance in (("flood", 0.9), ("small", 0.03)):
            if rng.random() < chance:
                asked = ask(now, shop=shop, draw=rng.random(), deadline=now + 5)
                came[shop] += now > 20
                one.offer(asked, now)
                moved.append(asked)
        for asked in moved:
            if asked.verdict is Verdict.RUN and asked.started == now:
                let_in[asked.shop] += now > 20
                ends.append((now + 1.0, asked))
    assert let_in["small"] > 0.9 * came["small"]
    assert 0.85 < (let_in["flood"] + let_in["small"]) / 400 < 1.1


def test_a_small_shop_finds_a_place_free_beside_a_flood() -> None:
    """What a shop beyond its share leaves free is for others: hardly a turn waits."""
    one, now, rng = pool(16, service_s=0.3), 0.0, random.Random(5)
    ends: list[tuple[float, int, Ask]] = []
    waited: dict[str, list[float]] = {"flood": [], "small": []}
    for step in range(60_000):
        now = step / 1000
        while ends and ends[0][0] <= now:
            one.done(heappop(ends)[2], now, End.DONE)
        moved = one.pull(now)
        for shop, chance in (("flood", 0.1), ("small", 0.002)):
            if rng.random() < chance:
                asked = ask(now, shop=shop, draw=rng.random(), deadline=now + 3)
                one.offer(asked, now)
                moved.append(asked)
        for asked in moved:
            if asked.verdict is Verdict.RUN and asked.started == now:
                waited[asked.shop].append(now - asked.at)
                entry = (now + rng.uniform(0.2, 0.4), len(waited["flood"]), asked)
                heappush(ends, entry)
    assert len(waited["flood"]) > 60 * 13 / 0.3 * 0.9, "three of 16 places are kept"
    late = sum(wait_s > 0 for wait_s in waited["small"])
    assert late < 0.02 * len(waited["small"])
    assert len(waited["small"]) > 90


def test_a_shop_that_is_alone_has_all_places() -> None:
    """Nothing is kept free for others when there are none."""
    one = pool(16, service_s=1.0)
    asked = [ask(0.0, shop="only", deadline=5.0) for _ in range(16)]
    verdicts = [one.offer(each, 0.0) for each in asked]
    assert verdicts.count(Verdict.RUN) == 15, "one place is the top class's"


def test_places_kept_free_are_given_to_whoever_has_less_than_its_share() -> None:
    """Past a line of the flooded shop; not past others of its own shop."""
    one = pool(16, service_s=1.0)
    one.offer(ask(0.0, shop="small", deadline=5.0), 0.0)
    flood = [ask(0.0, shop="flood", deadline=5.0) for _ in range(15)]
    verdicts = [one.offer(each, 0.0) for each in flood]
    assert verdicts == [Verdict.RUN] * 12 + [Verdict.WAIT] * 3
    small = [ask(0.0, shop="small", deadline=5.0) for _ in range(3)]
    assert [one.offer(each, 0.0) for each in small] == [
        Verdict.RUN,
        Verdict.RUN,
        Verdict.WAIT,
    ]
    assert one.pull(0.0) == []


@given(
    amount=st.floats(0, 100),
    demand=st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 50), min_size=1),
)
def test_shares_are_max_min_fair(amount: float, demand: dict[str, float]) -> None:
    """All is given or nobody wants more; who gets less than another wants no more."""
    given_out = share_out(amount, demand, {})
    assert sum(given_out.values()) == pytest.approx(min(amount, sum(demand.values())))
    most = max(given_out.values())
    for shop, got in given_out.items():
        assert got <= demand[shop] + 1e-9
        assert got == pytest.approx(demand[shop]) or got >= most - 1e-6


def test_a_limit_falls_by_refusals_and_comes_back() -> None:
    """A tenth a bad window, down to one; half of what is missing a good one."""
    limit = Limit(50)
    for _ in range(60):
        limit.refused(0.0)
        assert limit.end_window()
    assert limit.value == 1
    windows = 0
    while limit.value < 50:
        limit.took(limit.value)
        limit.succeeded()
        assert not limit.end_window()
        windows += 1
    assert windows <= 50
    slow = Limit(50)
    for _ in range(20):
        for _ in range(10):
            slow.timed_out()
        slow.end_window()
    assert slow.value == 25
    slow.took(25)
    slow.end_window()
    assert slow.value == 37


def test_a_backend_that_asks_for_a_pause_gets_it() -> None:
    """Retry-After holds everybody back, and no longer than it said."""
    one = pool(2)
    first = ask(0.0)
    one.offer(first, 0.0)
    one.done(first, 0.0, End.REFUSED, retry_after_s=2.0)
    assert one.offer(ask(1.0), 1.0) is Verdict.WAIT
    assert [a.verdict for a in one.pull(2.1)] == [Verdict.RUN]


def test_an_idle_limit_does_not_grow() -> None:
    """What nobody used is no proof that there is more."""
    limit = Limit(50)
    for _ in range(10):
        limit.refused(0.0)
        limit.end_window()
    before = limit.value
    for _ in range(10):
        limit.took(1)
        limit.end_window()
    assert limit.value == before


def test_the_ladder_has_hysteresis() -> None:
    """Three bad windows up, fifteen good seconds down; one good one changes nothing."""
    ladder, now = Ladder(), 0.0
    for bad in [True, True, False, True, True]:
        ladder.observe(now, is_bad=bad, is_severe=False, top=Rung.RULES_ONLY)
        now += 1
    assert ladder.rung is Rung.NORMAL
    for _ in range(20):
        ladder.observe(now, is_bad=True, is_severe=False, top=Rung.RULES_ONLY)
        now += 1
    assert ladder.rung is Rung.CHEAPER
    for _ in range(2 * UP_AFTER):
        ladder.observe(now, is_bad=True, is_severe=True, top=Rung.TASKS_FOR_FEW)
        now += 1
    assert ladder.rung is Rung.TASKS_FOR_FEW
    rungs = []
    for _ in range(3 * int(DOWN_AFTER_S)):
        ladder.observe(now, is_bad=False, is_severe=False, top=Rung.RULES_ONLY)
        rungs.append(ladder.rung)
        now += 1
    assert rungs.count(Rung.TASKS_FOR_FEW) == DOWN_AFTER_S - 1
    assert rungs[-1] is Rung.NORMAL


def test_people_hold_a_rung_or_a_sale() -> None:
    """A pin holds whatever happens and ends by itself; a sale holds rung 1 at least."""
    pin = TideOrders(pin=3, pin_until_ms=1_000)
    assert rung_under(pin, Rung.NORMAL, 999) is Rung.PEOPLE_FOR_FEW
    assert rung_under(pin, Rung.CHEAPER, 1_000) is Rung.CHEAPER
    sale = TideOrders(sale_from_ms=10, sale_until_ms=20)
    assert [rung_under(sale, Rung.NORMAL, at) for at in (9, 10, 19, 20)] == [0, 1, 1, 0]
    assert rung_under(sale, Rung.TASKS_FOR_FEW, 15) is Rung.TASKS_FOR_FEW


def test_what_each_rung_keeps_out() -> None:
    """L3 closes before L2, unimportant classes before important ones."""
    kept_out = [
        (closed_from(rung, is_agent=True), closed_from(rung, is_agent=False))
        for rung in Rung
    ]
    assert kept_out == [(4, 4), (4, 4), (2, 4), (2, 2), (0, 0)]


def test_a_shut_out_class_is_told_so_but_going_talks_go_on() -> None:
    """The ladder keeps new conversations out; those let in before are finished."""
    one = pool(4)
    assert one.offer(ask(0.0, is_shut_out=True), 0.0) is Verdict.CLOSED
    going = ask(0.0, is_shut_out=True, is_continuing=True)
    assert one.offer(going, 0.0) is Verdict.RUN


def test_classes_come_from_records_only() -> None:
    """A dispute goes before an open order, that before everybody else."""
    classes = [
        priority_of(CustomerFacts(has_dispute=True, has_open_order=True)),
        priority_of(CustomerFacts(has_open_order=True)),
        priority_of(CustomerFacts()),
        priority_of(CustomerFacts(is_bulk=True)),
    ]
    assert classes == list(Priority)


def test_draws_hold_for_an_hour_and_are_even() -> None:
    """The same user stands at the same place for an hour, then somewhere else."""
    draw = UserDraw(b"secret")
    assert draw.of("demo", "u1", 10.0) == draw.of("demo", "u1", 3_599.0)
    assert draw.of("demo", "u1", 10.0) != draw.of("demo", "u1", 3_600.0)
    assert draw.of("demo", "u1", 10.0) != draw.of("rival", "u1", 10.0)
    draws = [draw.of("demo", f"u{n}", 0.0) for n in range(4_000)]
    assert all(0 <= one < 1 for one in draws)
    assert 0.45 < sum(draws) / 4_000 < 0.55


@pytest.mark.parametrize(
    ("slots", "free"), [(1, 0), (3, 0), (4, 1), (7, 1), (8, 1), (16, 2), (64, 8)]
)
def test_small_pools_keep_a_slot_for_others_too(slots: int, free: int) -> None:
    """Of a shop beyond its share; where one slot would be half the pool, none."""
    assert headroom(slots) == free
