"""
Any sequence of calls does to the store what it does to a simple model.

The model is a few lists. Workers crash, leases run out, answers get lost and are
asked for again, people take over in the middle: in the end every accepted message
was disposed of once, in order, and the log is what the model says, to the event.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Iterator
from typing import TypeVar

import pytest
from _pytest.outcomes import Failed
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store_talk import let_lease_run_out, message

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.errors import StaleLease, StaleOwner, StoreError
from gateway.store.functions import load_functions, of_source
from gateway.store.mailbox import Accepted, Committed, Lease, Pending
from loadtest.store_servers import Cluster


T = TypeVar("T")

CONVERSATIONS = ("c1", "c2")
conversations = st.sampled_from(("c1", "c1", "c1", "c2"))
workers = st.sampled_from(("w1", "w2", "w3"))
#: Mostly whoever owns the conversation, else somebody.
handoffs = st.sampled_from(("", "", "", "h1", "h2", "h3"))
claims = st.integers(1, 3)
picks = st.integers(0, 999)


class Model:
    """What one conversation should be like."""

    def __init__(self) -> None:
        self.log: list[tuple[str, bytes]] = []
        self.mail: list[tuple[int, str, bytes]] = []
        self.seen: dict[str, tuple[int, str, bytes | None]] = {}
        self.disposed: list[int] = []
        self.epoch = 0
        self.is_leased = False
        self.is_expired = False
        self.tries = 0
        self.state = b""
        self.owner = ""
        self.claim = 0
        self.given_back = ""

    def append(self, kind: str, data: bytes) -> int:
        self.log.append((kind, data))
        return len(self.log)

    def dispose(self, result: bytes) -> None:
        seq, name, _ = self.mail.pop(0)
        self.seen[name] = (seq, self.seen[name][1], result)
        self.disposed.append(seq)

    def take_lease(self) -> None:
        self.epoch += 1
        self.is_leased, self.is_expired = True, False

    def end_lease(self) -> None:
        self.is_leased = self.is_expired = False
        self.tries = 0

    def head(self) -> Pending:
        seq, name, event = self.mail[0]
        return Pending(seq, name, "web", event, self.tries)


class Holding:
    """What a worker believes it holds: a lease and the message to answer."""

    def __init__(self, worker: str, lease: Lease, pending: Pending) -> None:
        self.worker = worker
        self.lease = lease
        self.pending = pending


class Floor:
    """One connection for many runs; each run has a shop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._shops = itertools.count()
        self.scripts = self.run(Scripts.connect(url))

    def run(self, call: Awaitable[T]) -> T:
        async def wait() -> T:
            return await call

        return self._runner.run(wait())

    def new_shop(self) -> str:
        return f"shop-{next(self._shops)}"

    def close(self) -> None:
        self.run(self.scripts.close())
        self._runner.close()


def has_holdings(machine: Machine) -> bool:
    return bool(machine.holdings)


class Machine(RuleBasedStateMachine):
    """Drives the real store and the model side by side."""

    def __init__(self, floor: Floor) -> None:
        super().__init__()
        self.run = floor.run
        self.scripts = floor.scripts
        self.shop = floor.new_shop()
        self.stores = {
            worker: Conversations(self.scripts, worker) for worker in ("w1", "w2", "w3")
        }
        self.models = {name: Model() for name in CONVERSATIONS}
        self.holdings: list[Holding] = []
        self.last: dict[str, tuple[Holding, Pending, int, str, Committed]] = {}

    @rule(
        worker=workers,
        conversation=conversations,
        repeat=st.sampled_from([None, None, None, 0, 1, 2]),
        twist=st.booleans(),
    )
    def accept(
        self, worker: str, conversation: str, repeat: int | None, *, twist: bool
    ) -> None:
        known = list(self.models[conversation].seen)
        name = f"m{len(known)}"
        if repeat is not None and known:
            name = known[-1 - repeat % len(known)]
        self._accept(worker, conversation, name, twist=twist)

    def _accept(
        self, worker: str, conversation: str, name: str, *, twist: bool = False
    ) -> None:
        sent = message(name, text=f"{name} twisted" if twist else name)
        found = self.run(
            self.stores[worker].accept(self.shop, conversation, sent, b"with a person")
        )
        model = self.models[conversation]
        if name in model.seen:
            seq, fingerprint, result = model.seen[name]
            expected = (
                Accepted("repeat", seq, result=result)
                if fingerprint == sent.fingerprint
                else Accepted("conflict", seq)
            )
            assert found == expected
            return
        seq = model.append("m", sent.event)
        model.seen[name] = (seq, sent.fingerprint, None)
        model.mail.append((seq, name, sent.event))
        if model.owner:
            model.dispose(b"with a person" + model.owner.encode())
            assert found == Accepted("human", seq, state=model.state, owner=model.owner)
        elif model.is_leased and not model.is_expired:
            assert found == Accepted("waiting", seq)
        else:
            self._leased(worker, conversation, found, seq)

    def _leased(
        self, worker: str, conversation: str, found: Accepted, seq: int
    ) -> None:
        model = self.models[conversation]
        is_alone = len(model.mail) == 1
        model.tries = 0 if is_alone else model.tries + 1
        model.take_lease()
        assert found == Accepted(
            "leased",
            seq,
            model.epoch,
            model.state,
            head=None if is_alone else model.head(),
        )
        lease = Lease(self.shop, conversation, found.epoch)
        self.holdings.append(Holding(worker, lease, model.head()))

    def pick(self, number: int) -> Holding:
        return self.holdings[number % len(self.holdings)]

    @precondition(has_holdings)
    @rule(
        number=picks,
        events=st.integers(0, 3),
        owner=st.sampled_from(["", "", "", "", "h1", "h2"]),
    )
    def commit(self, number: int, events: int, owner: str) -> None:
        holding = self.pick(number)
        model = self.models[holding.lease.conversation]
        if not self._holds(holding):
            with pytest.raises(StaleLease):
                self._send_commit(holding, holding.pending, events, owner)
            self.holdings.remove(holding)
            return
        pending = holding.pending
        found = self._send_commit(holding, pending, events, owner)
        model.dispose(b"result of " + pending.event)
        first = len(model.log) + 1
        for n in range(events):
            model.append("reply", b"%d to " % n + pending.event)
        model.state = b"after " + pending.event
        model.tries = 0
        if owner:
            model.owner, model.claim = owner, 0
            while model.mail:
                model.dispose(b"taken along")
        if model.mail:
            model.is_expired = False
        else:
            model.end_lease()
        following = model.head() if model.mail else None
        seqs = list(range(first, first + events))
        assert found == Committed(seqs, following, model.state)
        if following:
            holding.pending = following
        self.last[holding.lease.conversation] = (holding, pending, events, owner, found)
        self.repeat_last_commit(holding.lease.conversation)
        if not following:
            self.holdings.remove(holding)

    @precondition(lambda self: bool(self.last))
    @rule(conversation=conversations)
    def repeat_last_commit(self, conversation: str) -> None:
        if conversation not in self.last:
            return
        holding, pending, events, owner, found = self.last[conversation]
        again = self._send_commit(holding, pending, events, owner)
        assert (again.seqs, again.state) == (found.seqs, found.state)
        model = self.models[conversation]
        following = model.head() if self._holds(holding) else None
        assert again.next == following

    def _holds(self, holding: Holding) -> bool:
        model = self.models[holding.lease.conversation]
        return model.is_leased and holding.lease.epoch == model.epoch

    def _send_commit(
        self, holding: Holding, pending: Pending, events: int, owner: str
    ) -> Committed:
        return self.run(
            self.stores[holding.worker].commit(
                holding.lease,
                seq=pending.seq,
                message_id=pending.message_id,
                channel=pending.channel,
                result=b"result of " + pending.event,
                events=[
                    ("reply", b"%d to " % n + pending.event) for n in range(events)
                ],
                state=b"after " + pending.event,
                owner=owner,
                human_result=b"taken along",
            )
        )

    @precondition(has_holdings)
    @rule(number=picks)
    def crash(self, number: int) -> None:
        self.holdings.remove(self.pick(number))

    @precondition(lambda self: any(m.is_leased for m in self.models.values()))
    @rule(worker=st.sampled_from((None, "w1", "w2", "w3")))
    def time_passes(self, worker: str | None) -> None:
        """All leases run out; perhaps somebody sweeps at once."""
        for name, model in self.models.items():
            if model.is_leased:
                self.run(let_lease_run_out(self.scripts, name, self.shop))
                model.is_expired = True
            if worker:
                self.sweep(worker, name)

    @precondition(has_holdings)
    @rule()
    def renew(self) -> None:
        for holding in self.holdings:
            found = self.run(self.stores[holding.worker].renew(holding.lease))
            assert found == self._holds(holding)
            if found:
                self.models[holding.lease.conversation].is_expired = False

    @precondition(has_holdings)
    @rule(number=picks)
    def release(self, number: int) -> None:
        holding = self.pick(number)
        found = self.run(self.stores[holding.worker].release(holding.lease))
        assert found == self._holds(holding)
        self.holdings.remove(holding)
        if found:
            model = self.models[holding.lease.conversation]
            model.is_leased = model.is_expired = False
            model.tries -= 1

    @rule(worker=workers, conversation=conversations)
    def sweep(self, worker: str, conversation: str) -> None:
        bucket = keys.bucket_of(conversation)
        taken = self.run(self.stores[worker].sweep(self.shop, bucket, 9))
        model = self.models[conversation]
        is_overdue = bool(model.mail) and (not model.is_leased or model.is_expired)
        assert len(taken) == is_overdue
        for one in taken:
            model.tries += 1
            model.take_lease()
            assert one.lease == Lease(self.shop, conversation, model.epoch)
            assert (one.pending, one.state) == (model.head(), model.state)
            self.holdings.append(Holding(worker, one.lease, one.pending))

    @rule(
        conversation=conversations,
        handoff=st.sampled_from(("", "", "", "closed", "h1", "h2", "h3")),
        claim=claims,
    )
    def own(self, conversation: str, handoff: str, claim: int) -> None:
        model = self.models[conversation]
        handoff = model.given_back if handoff == "closed" else handoff or model.owner
        if not handoff:
            return
        call = self.stores["w1"].own(
            self.shop,
            conversation,
            handoff,
            claim,
            event=("system", b"joined"),
            human_result=b"taken over",
        )
        is_older = model.owner == handoff and model.claim > claim
        if is_older or (
            model.owner != handoff and (model.owner or model.given_back == handoff)
        ):
            with pytest.raises(StaleOwner):
                self.run(call)
            return
        n = self.run(call)
        if model.owner != handoff or model.claim != claim:
            while model.mail:
                model.dispose(b"taken over")
            model.append("system", b"joined")
            model.owner, model.claim = handoff, claim
            model.epoch += 1
            model.end_lease()
        assert n == len(model.log)

    @rule(conversation=conversations, handoff=handoffs, claim=claims)
    def say(self, conversation: str, handoff: str, claim: int) -> None:
        model = self.models[conversation]
        handoff = handoff or model.owner or "h1"
        line = f"line {len(model.log)}"
        for _ in range(2):
            call = self.stores["w1"].say(
                self.shop,
                conversation,
                handoff,
                claim,
                line_id=line,
                event=("operator", line.encode()),
            )
            if model.owner != handoff or model.claim > claim:
                with pytest.raises(StaleOwner):
                    self.run(call)
                return
            n = self.run(call)
            if model.log[-1] != ("operator", line.encode()):
                model.append("operator", line.encode())
                model.claim = claim
            assert n == len(model.log)

    @rule(conversation=conversations, handoff=handoffs)
    def hand_back(self, conversation: str, handoff: str) -> None:
        model = self.models[conversation]
        handoff = handoff or model.owner or "h1"
        call = self.stores["w1"].hand_back(
            self.shop, conversation, handoff, event=("system", b"back")
        )
        if model.owner == handoff:
            model.owner, model.claim, model.given_back = "", 0, handoff
            assert self.run(call) == model.append("system", b"back")
        elif not model.owner and model.given_back == handoff:
            assert self.run(call) == len(model.log)
        else:
            with pytest.raises(StaleOwner):
                self.run(call)

    @invariant()
    def log_is_the_models(self) -> None:
        for name, model in self.models.items():
            events = self.run(self.stores["w1"].events(self.shop, name, 0, 9999))
            assert [(event.kind, event.data) for event in events] == model.log
            assert model.disposed == sorted(set(model.disposed))

    def teardown(self) -> None:
        """Nobody comes back: sweeps alone finish everything, and nothing is lost."""
        self.holdings.clear()
        for name, model in self.models.items():
            while model.mail:
                self.time_passes("w1")
                while self.holdings:
                    self.commit(0, 1, "")
            accepted = sorted(seq for seq, _, _ in model.seen.values())
            assert model.disposed == accepted
            for message_name in model.seen:
                self._accept("w1", name, message_name)


def runs(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=bool(phases),
        phases=phases or tuple(Phase),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def floor(store_url: str) -> Iterator[Floor]:
    floor = Floor(store_url)
    yield floor
    floor.close()


def test_store_does_what_the_model_does(floor: Floor) -> None:
    """Random runs of all calls, crashes and repetitions agree with the model."""
    run_state_machine_as_test(lambda: Machine(floor), settings=runs(80))


@pytest.mark.cluster
def test_cluster_does_what_the_model_does(cluster_store: Cluster) -> None:
    """The same on a cluster."""
    floor = Floor(cluster_store.url)
    run_state_machine_as_test(lambda: Machine(floor), settings=runs(20))
    floor.close()


#: Bugs others have shipped, and a few of our own: file, what stands there, what
#: the bug makes of it.
PLANTED = {
    "no epoch check in commit": ("commit", "if not is_mine then return {0} end", ""),
    "no epoch check in renew": ("renew", "c[1] ~= ARGV[1] or ", ""),
    "no epoch check in release": ("release", "c[1] ~= ARGV[1] or ", ""),
    "dedup that overwrites": ("accept", "'NX', 'GET'", "'GET'"),
    "fingerprint not compared": ("accept", "~= fingerprint", "== nil"),
    "repeated commit writes again": ("commit", "if c[6] == commit or", "if false or"),
    "takeover keeps the epoch": ("sweep", "tonumber(c[3]) + 1", "tonumber(c[3])"),
    "newest message first": (
        "accept",
        "oldest, tries = tonumber(c[7])",
        "oldest, tries = n",
    ),
    "lease taken from a living worker": (
        "accept",
        "until_ms > now and until_ms <= now + 2 * ARGV[5]",
        "false",
    ),
    "handing over forgets waiting mail": ("commit", "dispose(next_mail, ARGV[11])", ""),
    "person does not end the lease": (
        "own",
        "(tonumber(c[7]) or 0) + 1",
        "tonumber(c[7]) or 0",
    ),
    "person leaves mail behind": ("own", "'k', 0,", ""),
    "machine answers for a person": (
        "accept",
        "if owner ~= '' then\n  redis",
        "if false then\n  redis",
    ),
    "older claim talks": ("say", " or held > claim", ""),
    "lost line is said twice": ("say", "if seen then", "if false then"),
    "closed handoff owns again": ("own", " or c[6] == ARGV[1]", ""),
    "tries not counted": ("sweep", "tonumber(c[6]) + 1", "tonumber(c[6])"),
    "result not kept": ("commit", "dispose(ARGV[3], ARGV[4])", ""),
    "state not kept": ("commit", "'s', ARGV[5])", "'s', '')"),
    "mail not counted": ("accept", "'n', n, 'k', k + 1)", "'n', n)"),
    "mail dropped from due": (
        "sweep",
        "ZADD', KEYS[1], expires, name",
        "ZREM', KEYS[1], name",
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_caught(
    store_url: str, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    """The model disagrees with a store that has a bug: each of these is noticed."""
    name, good, bad = PLANTED[bug]
    functions = dict(load_functions())
    source = functions[name].source.decode()
    assert source.count(good) == 1
    functions[name] = of_source(name, source.replace(good, bad).encode())
    monkeypatch.setattr("gateway.store.connection.load_functions", lambda: functions)
    floor = Floor(store_url)
    try:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - any disagreement
            run_state_machine_as_test(
                lambda: Machine(floor), settings=runs(500, Phase.generate)
            )
    finally:
        floor.close()
    assert isinstance(
        caught.value, AssertionError | StoreError | Failed | ExceptionGroup
    )
