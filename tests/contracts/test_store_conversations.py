"""
What every store must do with a conversation, whatever server it runs on.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from store_talk import (
    SHOP,
    answer,
    as_pending,
    lease_of,
    let_lease_run_out,
    message,
    texts,
)

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.errors import MailboxFull, ScriptError, StaleLease, StoreMisused
from gateway.store.mailbox import Lease, NewMessage, Pending, WakeUp


pytestmark = pytest.mark.anyio


@pytest.fixture
async def scripts(every_store_url: str) -> AsyncIterator[Scripts]:
    scripts = await Scripts.connect(every_store_url)
    yield scripts
    await scripts.close()


@pytest.fixture
def store(scripts: Scripts) -> Conversations:
    return Conversations(scripts, "w1")


@pytest.fixture
def rival(scripts: Scripts) -> Conversations:
    return Conversations(scripts, "w2")


async def test_first_message_is_leased_and_logged(store: Conversations) -> None:
    """The first message of a conversation gets number 1, a lease, and stands in the log."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    assert (accepted.outcome, accepted.seq, accepted.epoch) == ("leased", 1, 1)
    assert (accepted.state, accepted.head, accepted.owner) == (b"", None, "")
    assert texts(await store.events(SHOP, "c", 0, 9)) == [("m", "text of m1")]


async def test_commit_writes_reply_state_and_result(store: Conversations) -> None:
    """A commit numbers its events on, and the next message finds its state."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    done = await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert (done.seqs, done.next, done.state) == ([2], None, b"state after text of m1")
    again = await store.accept(SHOP, "c", message("m2"))
    assert (again.outcome, again.seq, again.epoch) == ("leased", 3, 2)
    assert again.state == b"state after text of m1"


async def test_commit_may_write_nothing_or_much(store: Conversations) -> None:
    """A commit without events disposes all the same; many events get a row of numbers."""
    accepted = await store.accept(SHOP, "c", message("m1"))
    done = await store.commit(
        lease_of("c", accepted),
        seq=1,
        message_id="m1",
        channel="web",
        result=b"",
        events=[],
        state=b"",
    )
    assert (done.seqs, done.next) == ([], None)
    accepted = await store.accept(SHOP, "c", message("m2"))
    done = await store.commit(
        lease_of("c", accepted),
        seq=2,
        message_id="m2",
        channel="web",
        result=b"",
        events=[("reply", b"%d" % n) for n in range(40)],
        state=b"",
    )
    assert done.seqs == list(range(3, 43))
    repeat = await store.accept(SHOP, "c", message("m1"))
    assert repeat.result == b""


async def test_repeat_tells_the_first_outcome(store: Conversations) -> None:
    """The same message again gets the first number, and the result once there is one."""
    sent = message("m1")
    first = await store.accept(SHOP, "c", sent)
    repeat = await store.accept(SHOP, "c", sent)
    assert (repeat.outcome, repeat.seq, repeat.result) == ("repeat", 1, None)
    await answer(store, lease_of("c", first), as_pending(first, sent))
    repeat = await store.accept(SHOP, "c", sent)
    assert (repeat.outcome, repeat.seq, repeat.result) == (
        "repeat",
        1,
        b"result of m1",
    )
    assert len(await store.events(SHOP, "c", 0, 9)) == 2


async def test_same_id_with_other_text_is_a_conflict(store: Conversations) -> None:
    """An id that comes back with another text is refused, before and after disposal."""
    sent = message("m1", text="refund 10")
    first = await store.accept(SHOP, "c", sent)
    other = message("m1", text="refund 1000")
    assert (await store.accept(SHOP, "c", other)).outcome == "conflict"
    await answer(store, lease_of("c", first), as_pending(first, sent))
    conflict = await store.accept(SHOP, "c", other)
    assert (conflict.outcome, conflict.seq, conflict.result) == ("conflict", 1, None)
    assert len(await store.events(SHOP, "c", 0, 9)) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("s", "c", "web", "a:b"), ("s", "c", "web:a", "b")),
        (("s", "a:b", "web", "m"), ("s", "a", "b:web", "m")),
        (("s:1", "c", "web", "m"), ("s", "1:c", "web", "m")),
        (("s}", "c", "web", "m"), ("s", "}c", "web", "m")),
        (("s", "c", "web", "m%3A"), ("s", "c", "web", "m:")),
        (("s", "c", "!", "m"), ("s", "c", "!:", "m")),
        (("s1", "c", "web", "m"), ("s2", "c", "web", "m")),
        (("s", "c1", "web", "m"), ("s", "c2", "web", "m")),
        (("s", "é", "web", "m"), ("s", "e\u0301", "web", "m")),
        (("s", "\ud800", "web", "m"), ("s", "\ud801", "web", "m")),
        (("s", "", "web", ""), ("s", "\0", "web", "\0")),
    ],
)
async def test_ids_never_meet(
    store: Conversations, one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    """Ids that only look alike when joined name different messages."""
    for number, (shop, conversation, channel, name) in enumerate((one, other)):
        sent = NewMessage(channel, name, "fp", b"%d" % number)
        accepted = await store.accept(shop, conversation, sent)
        assert accepted.outcome in {"leased", "waiting"}
        assert accepted.outcome == "waiting" or accepted.seq == 1
        repeat = await store.accept(shop, conversation, sent)
        assert repeat.outcome == "repeat"


async def test_any_bytes_come_back(store: Conversations) -> None:
    """Ids and data of any kind and 64 kB length survive the way through the mailbox."""
    wild = "}{\0\r\n\u202e\ud800\U0001f4a9:%/ " + "长" * 20_000
    data = bytes(range(256)) * 256
    first = NewMessage(wild, wild, "fp\r\n:1:!", data)
    accepted = await store.accept(wild, wild, first)
    await store.accept(wild, wild, NewMessage(wild, wild + "2", "fp", data))
    lease = lease_of(wild, accepted, shop=wild)
    done = await store.commit(
        lease,
        seq=1,
        message_id=wild,
        channel=wild,
        result=data,
        events=[("", data)],
        state=data,
    )
    assert done.next == Pending(2, wild + "2", wild, data, 0)
    assert (await store.accept(wild, wild, first)).result == data
    events = await store.events(wild, wild, 0, 9)
    assert [event.data for event in events] == [data, data, data]
    assert lease.epoch == 1


async def test_mail_waits_and_is_handed_over_in_order(store: Conversations) -> None:
    """While a worker holds the conversation, further mail waits for its commits."""
    sent = [message(f"m{n}") for n in range(5)]
    accepted = [await store.accept(SHOP, "c", one) for one in sent]
    assert [one.outcome for one in accepted] == ["leased"] + ["waiting"] * 4
    lease = lease_of("c", accepted[0])
    pending: Pending | None = as_pending(accepted[0], sent[0])
    order = []
    while pending is not None:
        order.append(pending.message_id)
        pending = (await answer(store, lease, pending)).next
    assert order == ["m0", "m1", "m2", "m3", "m4"]
    replies = [e.data for e in await store.events(SHOP, "c", 5, 99)]
    assert replies == [b"reply to text of m%d" % n for n in range(5)]


async def test_next_mail_is_found_behind_many_events(store: Conversations) -> None:
    """Mail that came after dozens of other events is found all the same."""
    accepted = await store.accept(SHOP, "c", message("m1"))
    lease = lease_of("c", accepted)
    await store.accept(SHOP, "c", message("m2"))
    first = await store.commit(
        lease,
        seq=1,
        message_id="m1",
        channel="web",
        result=b"",
        events=[("note", b"n")] * 30,
        state=b"",
    )
    await store.accept(SHOP, "c", message("m3"))
    assert first.next is not None
    second = await answer(store, lease, first.next)
    assert second.next is not None
    assert (second.next.seq, second.next.message_id) == (33, "m3")


async def test_repeated_commit_changes_nothing(store: Conversations) -> None:
    """A commit sent again after a lost answer gives the same answer, and nothing twice."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    await store.accept(SHOP, "c", message("m2"))
    lease, pending = lease_of("c", accepted), as_pending(accepted, sent)
    one = await answer(store, lease, pending, outbox=(b"send",))
    two = await answer(store, lease, pending, outbox=(b"send",))
    assert one == two
    assert one.next is not None
    assert len(await store.events(SHOP, "c", 0, 99)) == 3
    assert len(await store.outbox(SHOP, keys.bucket_of("c"), 9)) == 1
    last = await answer(store, lease, one.next)
    assert last.next is None
    assert await answer(store, lease, one.next) == last
    # Also when the conversation has moved on to another lease since.
    await store.accept(SHOP, "c", message("m3"))
    assert await answer(store, lease, one.next) == last
    assert len(await store.events(SHOP, "c", 0, 99)) == 5


async def test_stale_worker_writes_nothing(
    scripts: Scripts, store: Conversations, rival: Conversations
) -> None:
    """After a takeover the former worker can neither commit, renew nor release."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    lease, pending = lease_of("c", accepted), as_pending(accepted, sent)
    await let_lease_run_out(scripts, "c")
    (taken,) = await rival.sweep(SHOP, keys.bucket_of("c"), 9)
    with pytest.raises(StaleLease):
        await answer(store, lease, pending, outbox=(b"send",))
    assert not await store.renew(lease)
    assert not await store.release(lease)
    assert len(await store.events(SHOP, "c", 0, 9)) == 1
    assert await store.outbox(SHOP, keys.bucket_of("c"), 9) == []
    await answer(rival, taken.lease, taken.pending)
    with pytest.raises(StaleLease):
        await answer(store, lease, pending)
    assert len(await store.events(SHOP, "c", 0, 9)) == 2


async def test_expired_lease_may_still_commit_if_nobody_took_over(
    scripts: Scripts, store: Conversations
) -> None:
    """Being late is no harm as long as nobody else has started."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    await let_lease_run_out(scripts, "c")
    done = await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert done.seqs == [2]


async def test_new_message_finds_abandoned_mail_first(
    scripts: Scripts, store: Conversations, rival: Conversations
) -> None:
    """Whoever gets the lease after a crash handles the oldest message first."""
    await store.accept(SHOP, "c", message("m1"))
    await store.accept(SHOP, "c", message("m2"))
    await let_lease_run_out(scripts, "c")
    accepted = await rival.accept(SHOP, "c", message("m3"))
    assert (accepted.outcome, accepted.seq, accepted.epoch) == ("leased", 3, 2)
    assert accepted.head == Pending(1, "m1", "web", b"text of m1", 1)
    lease = lease_of("c", accepted)
    order, pending = [], accepted.head
    while pending:
        order.append((pending.message_id, pending.tries))
        pending = (await answer(rival, lease, pending)).next
    assert order == [("m1", 1), ("m2", 0), ("m3", 0)]


async def test_sweep_takes_only_what_is_overdue(
    scripts: Scripts, store: Conversations, rival: Conversations
) -> None:
    """A sweep leaves live leases and finished conversations alone, and counts tries."""
    bucket = keys.bucket_of("c")
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    assert await rival.sweep(SHOP, bucket, 9) == []
    for tries in (1, 2, 3):
        await let_lease_run_out(scripts, "c")
        (taken,) = await rival.sweep(SHOP, bucket, 9)
        assert taken.lease == Lease(SHOP, "c", accepted.epoch + tries)
        assert taken.pending == Pending(1, "m1", "web", sent.event, tries)
        assert await rival.sweep(SHOP, bucket, 9) == []
    await answer(rival, taken.lease, taken.pending)
    assert await rival.sweep(SHOP, bucket, 9) == []


async def test_sweep_brings_the_state(
    scripts: Scripts, store: Conversations, rival: Conversations
) -> None:
    """A takeover starts from the state of the last commit."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    await store.accept(SHOP, "c", message("m2"))
    await let_lease_run_out(scripts, "c")
    (taken,) = await rival.sweep(SHOP, keys.bucket_of("c"), 9)
    assert taken.state == b"state after text of m1"
    assert taken.pending.message_id == "m2"


async def test_sweep_is_bounded_and_cleans_up(
    scripts: Scripts, store: Conversations, rival: Conversations
) -> None:
    """At most *limit* conversations a sweep; due entries without a conversation vanish."""
    names = [f"c{n}" for n in range(3000) if keys.bucket_of(f"c{n}") == 7][:5]
    for name in names:
        await store.accept(SHOP, name, message("m"))
        await let_lease_run_out(scripts, name)
    due = keys.due(SHOP, 7)
    await scripts.command(due, "ZADD", due, 0.5, "ghost")
    found = []
    while taken := await rival.sweep(SHOP, 7, 2):
        assert len(taken) <= 2
        found += [one.lease.conversation for one in taken]
    assert sorted(found) == sorted(names)
    assert await scripts.command(due, "ZSCORE", due, "ghost") is None


async def test_renewed_lease_is_not_swept(scripts: Scripts) -> None:
    """A short lease survives as long as it is renewed, and not longer."""
    store = Conversations(scripts, "w1", lease_ms=150)
    accepted = await store.accept(SHOP, "c", message("m1"))
    lease = lease_of("c", accepted)
    for _ in range(4):
        await asyncio.sleep(0.06)
        assert await store.renew(lease)
        assert await store.sweep(SHOP, keys.bucket_of("c"), 9) == []
    await asyncio.sleep(0.2)
    (taken,) = await store.sweep(SHOP, keys.bucket_of("c"), 9)
    assert taken.lease.epoch == lease.epoch + 1


async def test_released_mail_is_swept_at_once(
    store: Conversations, rival: Conversations
) -> None:
    """Mail given back while draining goes to another worker, not counted as a failed try."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    lease = lease_of("c", accepted)
    assert await store.release(lease)
    assert not await store.release(lease)
    assert not await store.renew(lease)
    (taken,) = await rival.sweep(SHOP, keys.bucket_of("c"), 9)
    assert (taken.pending.message_id, taken.pending.tries) == ("m1", 0)
    with pytest.raises(StaleLease):
        await answer(store, lease, as_pending(accepted, sent))


async def test_commit_out_of_order_is_refused(store: Conversations) -> None:
    """Only the oldest message can be disposed of."""
    accepted = await store.accept(SHOP, "c", message("m1"))
    waiting = message("m2")
    second = await store.accept(SHOP, "c", waiting)
    with pytest.raises(ScriptError) as caught:
        await answer(store, lease_of("c", accepted), as_pending(second, waiting))
    assert caught.value.code == "NOTOLDEST"
    assert len(await store.events(SHOP, "c", 0, 9)) == 2


async def test_kind_of_customer_messages_is_reserved(store: Conversations) -> None:
    """Nobody but accept writes customer messages."""
    accepted = await store.accept(SHOP, "c", message("m1"))
    with pytest.raises(StoreMisused):
        await store.commit(
            lease_of("c", accepted),
            seq=1,
            message_id="m1",
            channel="web",
            result=b"",
            events=[("m", b"forged")],
            state=b"",
        )


async def test_log_is_bounded_but_keeps_mail(scripts: Scripts) -> None:
    """Old events leave the log; undisposed mail never does."""
    store = Conversations(scripts, "w1", log_keep=50)
    first = message("m0", text="x" * 500)
    accepted = await store.accept(SHOP, "c", first)
    lease = lease_of("c", accepted)
    await store.accept(SHOP, "c", message("waits", text="y" * 500))
    done = await store.commit(
        lease,
        seq=1,
        message_id="m0",
        channel="web",
        result=b"",
        events=[("note", b"z" * 500)] * 400,
        state=b"",
    )
    assert done.next is not None
    kept = await store.events(SHOP, "c", 0, 9999)
    assert kept[0].n <= 2
    assert kept[-1].n == 402
    await answer(store, lease, done.next)
    after = await store.accept(SHOP, "c", message("m1"))
    await answer(store, lease_of("c", after), as_pending(after, message("m1")))
    assert len(await store.events(SHOP, "c", 0, 9999)) < 200


async def test_full_mailbox_refuses_but_still_answers_repeats(scripts: Scripts) -> None:
    """A conversation holds so much mail; what it holds already is still known."""
    store = Conversations(scripts, "w1", max_pending=3)
    sent = [message(f"m{n}") for n in range(4)]
    accepted = [await store.accept(SHOP, "c", one) for one in sent[:3]]
    with pytest.raises(MailboxFull):
        await store.accept(SHOP, "c", sent[3])
    assert (await store.accept(SHOP, "c", sent[1])).outcome == "repeat"
    assert len(await store.events(SHOP, "c", 0, 9)) == 3
    await answer(store, lease_of("c", accepted[0]), as_pending(accepted[0], sent[0]))
    assert (await store.accept(SHOP, "c", sent[3])).outcome == "waiting"


async def test_message_ids_are_forgotten_in_time(scripts: Scripts) -> None:
    """A message id expires, also if its message is disposed of later than that."""
    store = Conversations(scripts, "w1", dedup_ttl_s=1)
    sent = message("m1")
    at = keys.of_conversation(SHOP, "c")
    key = at.dedup + keys.mail("web", "m1")
    accepted = await store.accept(SHOP, "c", sent)
    assert 0 < await scripts.command(key, "PTTL", key) <= 1000
    await scripts.command(key, "PEXPIRE", key, 1)
    await asyncio.sleep(0.01)
    await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert await scripts.command(key, "EXISTS", key) == 0
    again = await store.accept(SHOP, "c", sent)
    assert (again.outcome, again.seq) == ("leased", 3)


async def test_outbox_keeps_order_and_one_sender(
    store: Conversations, rival: Conversations
) -> None:
    """Outbox entries come in commit order, to one worker at a time, until they are done."""
    bucket = keys.bucket_of("c")
    assert await store.outbox(SHOP, bucket, 9) == []
    for name in ("m1", "m2"):
        sent = message(name)
        accepted = await store.accept(SHOP, "c", sent)
        await answer(
            store,
            lease_of("c", accepted),
            as_pending(accepted, sent),
            outbox=(name.encode() + b"/1", name.encode() + b"/2"),
        )
    entries = await store.outbox(SHOP, bucket, 3)
    assert [entry.data for entry in entries] == [b"m1/1", b"m1/2", b"m2/1"]
    assert {entry.conversation for entry in entries} == {"c"}
    assert await rival.outbox(SHOP, bucket, 9) == []
    assert await store.outbox(SHOP, bucket, 3) == entries
    await store.outbox_done(SHOP, bucket, [entry.id for entry in entries])
    await store.outbox_done(SHOP, bucket, [])
    (last,) = await store.outbox(SHOP, bucket, 9, lease_ms=1)
    assert last.data == b"m2/2"
    await asyncio.sleep(0.01)
    assert await rival.outbox(SHOP, bucket, 9) == [last]


async def test_events_are_resumable(store: Conversations) -> None:
    """A reader gets what comes after the number it has, in pages."""
    for n in range(3):
        sent = message(f"m{n}")
        accepted = await store.accept(SHOP, "c", sent)
        await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert [e.n for e in await store.events(SHOP, "c", 0, 4)] == [1, 2, 3, 4]
    assert [e.n for e in await store.events(SHOP, "c", 4, 4)] == [5, 6]
    assert await store.events(SHOP, "c", 6, 4) == []
    assert await store.events(SHOP, "nobody", 0, 4) == []


async def test_idle_conversations_can_be_archived(store: Conversations) -> None:
    """An idle conversation is found and forgotten; its numbers go on; mail prevents it."""
    bucket = keys.bucket_of("c")
    never = 9_000_000_000_000
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    assert await store.idle(SHOP, bucket, never, 9) == []
    assert not await store.forget(SHOP, "c", 1)
    await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert await store.idle(SHOP, bucket, 1, 9) == []
    assert await store.idle(SHOP, bucket, never, 9) == ["c"]
    assert not await store.forget(SHOP, "c", 1)
    assert await store.forget(SHOP, "c", 2)
    assert await store.idle(SHOP, bucket, never, 9) == []
    assert await store.events(SHOP, "c", 0, 9) == []
    again = await store.accept(SHOP, "c", message("m2"))
    assert (again.seq, again.epoch, again.state) == (3, 2, b"")


async def test_wake_ups_name_conversation_and_number(store: Conversations) -> None:
    """Accept and commit wake whoever listens, with the number to read up to."""
    wakes = store.wake_ups()
    first = asyncio.ensure_future(anext(wakes))
    async with asyncio.timeout(10):
        for n in itertools.count(1):
            # The subscription stands at some unknown moment: knock until it does.
            await store.accept("first:shop", "长 c", message(f"x{n}"))
            await asyncio.wait([first], timeout=0.02)
            if first.done():
                break
        heard = [first.result()]
        sent = message("m1")
        accepted = await store.accept(SHOP, "c", sent)
        await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
        while heard[-1] != WakeUp(SHOP, "c", 2):
            heard.append(await anext(wakes))
    await wakes.aclose()
    assert (heard[0].shop, heard[0].conversation) == ("first:shop", "长 c")
    assert heard[-2:] == [WakeUp(SHOP, "c", 1), WakeUp(SHOP, "c", 2)]
