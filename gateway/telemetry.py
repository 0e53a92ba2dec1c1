"""
What the gateway shows: Prometheus metrics and one canonical log line per turn.

With :mod:`gateway.metrics` the only module that knows prometheus_client. Children of labelled
metrics are cached, since looking them up costs more than counting. Labels are
closed sets; no user, conversation or order ever becomes one. Personal data is
masked before a line is written.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from engines.contract import Locale, Tier, Turn
from engines.llm.talk import CallRecord
from gateway.admission.admission import LoadState
from gateway.climbing import Verdict
from gateway.event_log import open_log
from gateway.insight.endings import REQUESTS, Earlier, Ending, possible
from gateway.line_buffer import LineBuffer
from gateway.metrics import Figure, Metrics, Spread
from gateway.noted import ENDED, MESSAGES, QUEUE, REPEATED, Notes
from gateway.turn_line import outcome_of, turn_line
from gateway.turn_work import Commitment, handoff_reason
from router_models.drift import DriftFigures


class Telemetry:
    """Counts and tells what happens; every other room calls it by plain methods."""

    def __init__(self, *, log_path: str = "", level: str = "info") -> None:
        self.metrics = Metrics()
        sink = Path(log_path).open("ab") if log_path else sys.stderr.buffer  # noqa: SIM115 - closed with the buffer
        self.lines = LineBuffer(sink)
        #: What is to be kept for the last hours' history.
        self.notes = Notes()
        self._log = open_log(self.lines, level)
        self._children: dict[tuple[str, ...], Any] = {}
        self._tally: defaultdict[tuple[str, ...], float] = defaultdict(float)
        #: Refusals of this process by code, since whoever reads them took them.
        self.refused: Counts[str] = Counts()
        self._ack: dict[str, Spread] = {}
        self._handle: dict[str, Spread] = {}
        #: Told of every turn's verdict; set by the composition root.
        self.on_verdict: Callable[[Verdict], None] | None = None
        #: As *on_verdict*, with the turn.
        self.on_turn: Callable[[Turn, Verdict], None] | None = None

    def _child(self, key: tuple[str, ...], metric: Counter | Histogram | Gauge) -> Any:
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*key[1:])
        return child

    def accepted(self, channel: str, outcome: str, started: float) -> None:
        """A message is on disk; *started* is a perf_counter reading."""
        took_s = perf_counter() - started
        spread = self._ack.get(channel)
        if spread is None:
            spread = self._ack[channel] = Spread(self.metrics.ack.labels(channel))
        spread.add(took_s)
        self._tally["accepts", channel, outcome] += 1
        self._tally["stage", "accept"] += took_s

    def turn_ended(self, done: Commitment, started: float, answered: float) -> None:
        """A turn is committed: count it, and write its canonical line."""
        ended = perf_counter()
        verdict, tally = done.verdict, self._tally
        tier, outcome = verdict.tier, outcome_of(done)
        tally["stage", "route"] += verdict.route_s
        tally["stage", "answer"] += verdict.answer_s
        tally["stage", "commit"] += ended - answered
        tally["messages", done.turn.channel, tier, outcome, done.turn.shop] += 1
        spread = self._handle.get(tier)
        if spread is None:
            spread = self._handle[tier] = Spread(self.metrics.handle.labels(tier))
        spread.add(ended - started)
        for climb in verdict.climbs:
            tally["climbs", climb.tier, climb.reason] += 1
        if done.handoff is not None:
            tally["handoffs", handoff_reason(verdict)] += 1
        if self.on_verdict is not None:
            self.on_verdict(verdict)
        if self.on_turn is not None:
            self.on_turn(done.turn, verdict)
        self.lines.write(turn_line(done, outcome, ended - started))

    def flush_tally(self) -> None:
        """Move what was added up since the last time into the metrics."""
        tally, self._tally = self._tally, defaultdict(float)
        counters = self.metrics.tallied
        for key, amount in tally.items():
            self._child(key, counters[key[0]]).inc(amount)
            if key[0] == "messages":
                _, _, tier, outcome, shop = key
                self.notes.add(shop, int(amount), MESSAGES, tier, outcome)
        for tier, spread in self._handle.items():
            self.notes.add_times("", tier, spread.counts)
        for spread in (*self._ack.values(), *self._handle.values()):
            spread.flush()

    def expose(self) -> bytes:
        """The Prometheus exposition, up to this moment."""
        self.flush_tally()
        return self.metrics.expose()

    async def figures(self) -> list[Figure]:
        """The same as values; merging what all workers wrote holds up no turn."""
        self.flush_tally()
        return await asyncio.to_thread(self.metrics.figures)

    def work_lost(self, shop: str, conversation: str, exc: Exception) -> None:
        """A turn's commit was fenced off or could not be written."""
        reason = type(exc).__name__
        self._child(("lost", reason), self.metrics.work_lost).inc()
        self._log.warning(
            "work_lost", shop=shop, conversation=conversation, reason=reason
        )

    def engine_fault(self, turn_id: str, tier: Tier, exc: BaseException) -> None:
        """An engine raised what nobody foresaw; the turn goes on without it."""
        self._child(("faults", tier), self.metrics.faults).inc()
        self._log.error("engine_fault", turn=turn_id, tier=tier, exc_info=exc)

    def llm_call(self, call: CallRecord) -> None:
        """A language model was asked; nothing of what was said comes here."""
        metrics, name = self.metrics, call.endpoint
        key = (call.tier, name, call.outcome)
        self._child(("llm", *key), metrics.llm_calls).inc()
        tokens = metrics.llm_tokens
        used = call.usage
        self._child(("tokens", name, "prompt"), tokens).inc(used.prompt_tokens)
        self._child(("tokens", name, "reply"), tokens).inc(used.completion_tokens)
        self._child(("cost", name), metrics.llm_cost).inc(call.cost_micro / 1e6)
        self._child(("llm_s", name), metrics.llm_seconds).observe(call.seconds)

    def taken_over(self, shop: str, conversation: str, tries: int) -> None:
        """A message was found behind a lease that ran out."""
        self.metrics.takeovers.inc()
        self._log.warning(
            "turn_taken_over", shop=shop, conversation=conversation, tries=tries
        )

    def hooked(self, channel: str, outcome: str) -> None:
        """A webhook, or a message in it, ended so."""
        self._child(("hooks", channel, outcome), self.metrics.hooks).inc()

    def sent(self, channel: str, outcome: str, reason: str) -> None:
        """A send to a platform ended so."""
        self._child(("sends", channel, outcome, reason), self.metrics.sends).inc()

    def problem(self, code: str) -> None:
        """A request was refused."""
        self._child(("problems", code), self.metrics.problems).inc()
        self.refused[code] += 1

    def router_drift(self, figures: Mapping[Locale, DriftFigures]) -> None:
        """How far each language is from what the router was calibrated on."""
        for locale, found in figures.items():
            for what, psi in (("tiers", found.psi_tiers), ("peaks", found.psi_peaks)):
                if psi is not None:
                    self.metrics.router_psi.labels(locale, what).set(psi)
            shares = self.metrics.router_share
            shares.labels(locale, "ngrams").set(found.unknown)
            shares.labels(locale, "turns").set(found.out_of_scope)

    def router_shadow(self, agreement: Mapping[str, int], dropped: int) -> None:
        """What the shadow model would have done so far; turns nobody looked at."""
        for result, count in (*agreement.items(), ("dropped", dropped)):
            self.metrics.router_shadow.labels(result).set(count)

    def durability(self, level: str, reason: str) -> None:
        """What the store was found to guarantee."""
        self.metrics.durability.labels(level).set(1)
        self._log.info("store_probed", level=level, reason=reason)

    def queue(self, shop: str, state: str, depth: int) -> None:
        """How many handoffs of *shop* are in *state* now."""
        self._child(("queue", shop, state), self.metrics.queue_depth).set(depth)
        self.notes.saw(shop, depth, QUEUE, state)

    def replies(self, shop: str, met: int, missed: int) -> None:
        """How *shop*'s people answered today, by its reply clock."""
        for result, count in (("met", met), ("missed", missed)):
            self._child(("replies", shop, result), self.metrics.replies).set(count)

    def tide(self, state: LoadState, since: LoadState | None) -> None:
        """Where admission stands; counters rise by what came *since*."""
        self.metrics.rung.set(state.rung)
        self.metrics.merged.inc(state.merged - (since.merged if since else 0))
        for tier, pool in state.pools.items():
            for what, value in (
                ("in_flight", pool.in_flight),
                ("limit", pool.limit),
                ("waiting", pool.waiting),
            ):
                self._child(("pool", tier, what), self.metrics.pool).set(value)
            old = since.pools[tier].counts if since else {}
            for verdict, count in pool.counts.items():
                more = count - old.get(verdict, 0)
                if more:
                    key = ("admissions", tier, verdict)
                    self._child(key, self.metrics.admissions).inc(more)

    def rated(self, shop: str, score: int) -> None:
        """A customer said how they were served."""
        self._child(("ratings", shop, str(score)), self.metrics.ratings).inc()

    def action_moved(self, recipe: str, state: str) -> None:
        """An action of the agent came to *state* in the ledger."""
        self._child(("actions", recipe, state), self.metrics.actions).inc()

    def outcomes(self, shop: str, figures: Mapping[str, float]) -> None:
        """The last count of *shop*'s outcomes, by what became of contacts."""
        for what, count in figures.items():
            self._child(("outcomes", shop, what), self.metrics.outcomes).set(count)

    def contacts_begin(self, shop: str, channels: Iterable[str]) -> None:
        """
        Every way a contact may end stands at 0.

        A series that is born with its first count has no rise that Prometheus sees.
        """
        for channel in channels:
            for tier, end, people in possible():
                self.metrics.ended.labels(shop, channel, tier, end, people)
        for tier in Tier:
            for after in REQUESTS:
                self.metrics.repeated.labels(shop, tier, after)
        self.metrics.person_wait.labels(shop)

    def contact_ended(
        self, shop: str, channel: str, found: Ending, earlier: Earlier | None
    ) -> None:
        """A contact is over; *earlier* is what the customer came back to, if so."""
        key = ("ended", shop, channel, found.tier, found.end, found.people)
        self._child(key, self.metrics.ended).inc()
        self.notes.add(shop, 1, ENDED, found.end, found.tier, found.people)
        if earlier is not None:
            back = ("repeated", shop, earlier.tier, earlier.end)
            self._child(back, self.metrics.repeated).inc()
            self.notes.add(shop, 1, REPEATED, earlier.end, earlier.tier)
        if found.to_person_s is not None:
            self.metrics.person_wait.labels(shop).observe(found.to_person_s)

    def waits(self, told: int, within: int) -> None:
        """How well the waits that customers were told hold, since the start."""
        self._child(("eta", "told"), self.metrics.eta).set(told)
        self._child(("eta", "within"), self.metrics.eta).set(within)

    def pulse(self, lag_s: float, in_flight: int) -> None:
        """Called a few times a second: gauges, and kept log lines are written."""
        self.metrics.loop_lag.set(lag_s)
        self.metrics.in_flight.set(in_flight)
        self.flush_tally()
        self.lines.drain()

    def event(self, name: str, **facts: Any) -> None:
        """Anything else worth a line, in the past tense."""
        self._log.info(name, **facts)

    def loop_failed(self, name: str, exc: Exception) -> None:
        """A background loop's round failed; the loop goes on."""
        self._log.error("loop_failed", loop=name, exc_info=exc)
