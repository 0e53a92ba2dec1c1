"""
What every store must do when a person owns a conversation.
"""

from __future__ import annotations

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
from gateway.store.errors import (
    StaleLease,
    StaleOwner,
    StoreMisused,
    UnseenMessage,
)


pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(every_store_url: str) -> AsyncIterator[Conversations]:
    scripts = await Scripts.connect(every_store_url)
    yield Conversations(scripts, "w1")
    await scripts.close()


async def handed_over(store: Conversations, handoff: str = "h1") -> None:
    """A conversation whose first message was handed to people."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    await answer(
        store, lease_of("c", accepted), as_pending(accepted, sent), owner=handoff
    )


async def test_machine_is_silent_after_handing_over(store: Conversations) -> None:
    """From the commit that hands over, messages go to the person with a result at once."""
    await handed_over(store)
    accepted = await store.accept(SHOP, "c", message("m2"), b"with a person")
    assert (accepted.outcome, accepted.owner, accepted.epoch) == ("human", "h1", 0)
    assert accepted.state == b"state after text of m1"
    repeat = await store.accept(SHOP, "c", message("m2"), b"other")
    assert (repeat.outcome, repeat.result) == ("repeat", b"with a personh1")
    assert await store.sweep(SHOP, keys.bucket_of("c"), 9) == []


async def test_handing_over_takes_waiting_mail_along(store: Conversations) -> None:
    """Mail that waits when a person gets the conversation is disposed of with it."""
    sent = [message(f"m{n}") for n in range(25)]
    accepted = [await store.accept(SHOP, "c", one) for one in sent]
    lease, pending = lease_of("c", accepted[0]), as_pending(accepted[0], sent[0])
    done = await answer(store, lease, pending, owner="h1", human_result=b"h")
    assert (done.next, done.seqs) == (None, [26])
    results = [(await store.accept(SHOP, "c", one)).result for one in sent]
    assert results == [b"result of m0"] + [b"h"] * 24
    assert await answer(store, lease, pending, owner="h1") == done
    await store.hand_back(SHOP, "c", "h1")
    assert (await store.accept(SHOP, "c", message("new"))).head is None


async def test_person_takes_over_while_the_machine_works(store: Conversations) -> None:
    """A claim ends the lease at once: the machine's late reply is refused."""
    sent = message("m1")
    accepted = await store.accept(SHOP, "c", sent)
    await store.accept(SHOP, "c", message("m2"))
    n = await store.own(
        SHOP, "c", "h1", 1, event=("system", b"joined"), human_result=b"h"
    )
    assert n == 3
    with pytest.raises(StaleLease):
        await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
    assert texts(await store.events(SHOP, "c", 0, 9)) == [
        ("m", "text of m1"),
        ("m", "text of m2"),
        ("system", "joined"),
    ]
    assert (await store.accept(SHOP, "c", sent)).result == b"h"
    assert (await store.accept(SHOP, "c", message("m2"))).result == b"h"
    assert await store.sweep(SHOP, keys.bucket_of("c"), 9) == []


async def test_claim_is_idempotent_and_fenced(store: Conversations) -> None:
    """The same claim again writes nothing; older claims and other handoffs are refused."""
    await handed_over(store)
    n = await store.own(SHOP, "c", "h1", 2, event=("system", b"Lin joined"))
    assert await store.own(SHOP, "c", "h1", 2, event=("system", b"Lin joined")) == n
    with pytest.raises(StaleOwner):
        await store.own(SHOP, "c", "h1", 1)
    with pytest.raises(StaleOwner):
        await store.own(SHOP, "c", "h2", 9)
    assert await store.own(SHOP, "c", "h1", 3, event=("system", b"Wu joined")) == n + 1
    assert len(await store.events(SHOP, "c", 0, 9)) == 4


async def test_person_talks_once_per_line(store: Conversations) -> None:
    """A line sent again gives the same number; its outbox entry is written once."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    line = ("operator", "您好".encode())
    n = await store.say(
        SHOP, "c", "h1", 1, line_id="l1", event=line, outbox=[b"a", b"b"]
    )
    assert n == 3
    again = await store.say(
        SHOP, "c", "h1", 1, line_id="l1", event=line, outbox=[b"a", b"b"]
    )
    assert again == n
    assert await store.say(SHOP, "c", "h1", 1, line_id="l2", event=line) == n + 1
    entries = await store.outbox(SHOP, keys.bucket_of("c"), 9)
    assert [entry.data for entry in entries] == [b"a", b"b"]


async def test_line_ids_do_not_meet_message_ids(store: Conversations) -> None:
    """An operator's line and a customer's message may carry the same id."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    n = await store.say(SHOP, "c", "h1", 1, line_id="m2", event=("operator", b"x"))
    accepted = await store.accept(SHOP, "c", message("m2", channel="!"))
    assert (accepted.outcome, accepted.seq) == ("human", n + 1)


async def test_only_the_latest_claim_talks(store: Conversations) -> None:
    """After a transfer the former operator's lines are refused."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    await store.own(SHOP, "c", "h1", 2)
    line = ("operator", b"too late")
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "h1", 1, line_id="l1", event=line)
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "h2", 9, line_id="l1", event=line)
    # A newer claim may talk before its own() arrived, and fences the older one.
    await store.say(SHOP, "c", "h1", 3, line_id="l2", event=("operator", b"hi"))
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "h1", 2, line_id="l3", event=line)
    assert texts(await store.events(SHOP, "c", 2, 9)) == [("operator", "hi")]


async def test_nobody_talks_without_owning(store: Conversations) -> None:
    """In a conversation of the machine no operator can say anything."""
    await store.accept(SHOP, "c", message("m1"))
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "", 0, line_id="l", event=("operator", b"x"))
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "h1", 1, line_id="l", event=("operator", b"x"))
    with pytest.raises(StaleOwner):
        await store.own(SHOP, "c", "", 1)
    with pytest.raises(StaleOwner):
        await store.hand_back(SHOP, "c", "")
    with pytest.raises(StoreMisused):
        await store.say(SHOP, "c", "h1", 1, line_id="l", event=("m", b"forged"))


async def test_conversation_comes_back_with_its_state(store: Conversations) -> None:
    """Handed back, once, the machine goes on from the state it left."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    event = ("system", b"back")
    n = await store.hand_back(SHOP, "c", "h1", event=event, outbox=[b"o"])
    assert await store.hand_back(SHOP, "c", "h1", event=event, outbox=[b"o"]) == n
    assert len(await store.outbox(SHOP, keys.bucket_of("c"), 9)) == 1
    accepted = await store.accept(SHOP, "c", message("m2"))
    assert (accepted.outcome, accepted.seq) == ("leased", n + 1)
    assert accepted.state == b"state after text of m1"


async def test_handoff_given_back_is_over(store: Conversations) -> None:
    """A claim that arrives after the handoff was closed can't silence the machine."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    await store.hand_back(SHOP, "c", "h1")
    with pytest.raises(StaleOwner):
        await store.own(SHOP, "c", "h1", 2)
    with pytest.raises(StaleOwner):
        await store.say(SHOP, "c", "h1", 2, line_id="l", event=("operator", b"x"))
    await store.own(SHOP, "c", "h2", 1)
    with pytest.raises(StaleOwner):
        await store.hand_back(SHOP, "c", "h1")
    with pytest.raises(StaleOwner):
        await store.hand_back(SHOP, "c", "h3")


async def test_owned_conversation_is_not_forgotten(store: Conversations) -> None:
    """Retention leaves a conversation alone as long as a person owns it."""
    await handed_over(store)
    assert not await store.forget(SHOP, "c", 2)
    await store.hand_back(SHOP, "c", "h1")
    assert await store.forget(SHOP, "c", 2)


async def test_long_talks_stay_bounded(every_store_url: str) -> None:
    """Messages and lines of a long talk with a person leave the log in time."""
    scripts = await Scripts.connect(every_store_url)
    store = Conversations(scripts, "w1", log_keep=20)
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    for n in range(150):
        await store.accept(SHOP, "c", message(f"x{n}", text="x" * 400))
        await store.say(
            SHOP, "c", "h1", 1, line_id=f"l{n}", event=("operator", b"y" * 400)
        )
    assert len(await store.events(SHOP, "c", 0, 9999)) < 150
    await scripts.close()


async def test_expired_lease_does_not_matter_to_people(every_store_url: str) -> None:
    """A person may take over abandoned mail; no sweep brings the machine back."""
    scripts = await Scripts.connect(every_store_url)
    store = Conversations(scripts, "w1")
    await store.accept(SHOP, "c", message("m1"))
    await let_lease_run_out(scripts, "c")
    await store.own(SHOP, "c", "h1", 1, human_result=b"h")
    assert await store.sweep(SHOP, keys.bucket_of("c"), 9) == []
    assert (await store.accept(SHOP, "c", message("m1"))).result == b"h"
    await scripts.close()


async def test_unread_message_keeps_the_owner(store: Conversations) -> None:
    """A conversation is not given back over a message that its owner has not read."""
    await handed_over(store)
    await store.own(SHOP, "c", "h1", 1)
    read = (await store.events(SHOP, "c", 0, 99))[-1].n
    unread = await store.accept(SHOP, "c", message("m2"), b"with a person")
    with pytest.raises(UnseenMessage):
        await store.hand_back(SHOP, "c", "h1", seen=read, outbox=[b"bye"])
    assert (await store.accept(SHOP, "c", message("m3"))).outcome == "human"
    assert await store.outbox(SHOP, keys.bucket_of("c"), 9) == []
    await store.hand_back(SHOP, "c", "h1", seen=unread.seq + 1)
    assert (await store.accept(SHOP, "c", message("m4"))).outcome == "leased"
