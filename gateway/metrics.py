"""
The metrics of the gateway: names, help texts, labels, buckets; nothing of when.

With :mod:`gateway.telemetry` the only module that knows prometheus_client. Labels are
closed sets; no user, conversation or order ever becomes one.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)


#: Bucket edges stand on the objectives: 5 ms, 10 ms, 50 ms, 1 s, 3 s, 10 s.
LATENCY_BUCKETS_S = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    3.0,
    10.0,
    30.0,
)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Waits for a person, in seconds: the edges are what marketplaces and desks promise.
PERSON_BUCKETS_S = (10.0, 30.0, 60.0, 180.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
#: First word of every metric's name.
NAMESPACE = "tidegate"
#: How a gauge of several workers becomes one number.
GaugeMode = Literal["livemax", "livesum", "mostrecent"]
#: Set for workers that share a port, so that /metrics speaks for all of them.
MULTIPROC_ENV = "PROMETHEUS_MULTIPROC_DIR"


class Figure(NamedTuple):
    """One number of the exposition; its name without the namespace."""

    name: str
    labels: Mapping[str, str]
    value: float


class Metrics:
    """Every metric of the gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = self._counter(
            "messages",
            "Customer messages by what became of them.",
            "channel",
            "tier",
            "outcome",
            "shop",
        )
        self.ack = self._latency(
            "ack_duration_seconds",
            "From the decoded request until the message is on disk.",
            "channel",
        )
        self.handle = self._latency(
            "handle_duration_seconds", "From lease to committed reply.", "tier"
        )
        self.stage = self._counter(
            "stage_seconds", "Wall time spent in a stage of the path.", "stage"
        )
        self.accepts = self._counter(
            "accepts",
            "Accepted messages by outcome of the store function.",
            "channel",
            "outcome",
        )
        self.climbs = self._counter(
            "climbs", "Turns a tier handed on.", "tier", "reason"
        )
        self.handoffs = self._counter(
            "handoffs", "Conversations given to people.", "reason"
        )
        #: Counters of the hot path: added up in plain numbers between flushes.
        self.tallied: dict[str, Counter] = {
            "accepts": self.accepts,
            "stage": self.stage,
            "messages": self.messages,
            "climbs": self.climbs,
            "handoffs": self.handoffs,
        }
        self._add_troubles()
        self._add_llm()
        self._add_channels()
        self._add_gauges()
        self._add_router()
        self._add_outcomes()

    def _add_troubles(self) -> None:
        """What should stay at zero, or be explained."""
        self.faults = self._counter(
            "engine_faults", "Unforeseen exceptions of an engine.", "tier"
        )
        self.takeovers = self._counter(
            "takeovers", "Messages taken over from a worker that went silent."
        )
        self.work_lost = self._counter(
            "work_lost",
            "Turns whose commit was fenced off or could not be written.",
            "reason",
        )
        self.problems = self._counter(
            "http_problems", "Refused requests by problem code.", "code"
        )

    def _add_llm(self) -> None:
        """What language models are asked, and what it costs."""
        self.llm_calls = self._counter(
            "llm_calls", "Calls of a language model.", "tier", "endpoint", "outcome"
        )
        self.llm_tokens = self._counter(
            "llm_tokens", "Tokens of a language model.", "endpoint", "kind"
        )
        self.llm_cost = self._counter(
            "llm_cost_minor", "Cost by configured prices, minor units.", "endpoint"
        )
        self.llm_seconds = self._latency(
            "llm_call_duration_seconds", "One call of a language model.", "endpoint"
        )

    def _add_channels(self) -> None:
        """What passes to and from platforms."""
        self.hooks = self._counter(
            "hooks",
            "Webhooks and the messages in them by what became of them.",
            "channel",
            "outcome",
        )
        self.sends = self._counter(
            "sends",
            "Sends to platforms: sent, refused, held, dropped or unknown.",
            "channel",
            "outcome",
            "reason",
        )

    def _add_gauges(self) -> None:
        """What is so now; *mode* says how several workers are summed up."""
        self.loop_lag = self._gauge(
            "event_loop_lag_seconds",
            "Lateness of a timer in the event loop.",
            "livemax",
        )
        self.queue_depth = self._gauge(
            "queue_depth", "Handoffs of a shop by state.", "mostrecent", "shop", "state"
        )
        self.eta = self._gauge(
            "eta_waits",
            "Waits that ended with an operator: told, and within the p90 told.",
            "livesum",
            "what",
        )
        self.replies = self._gauge(
            "reply_rounds_today",
            "Customers' words to people since midnight: answered in the time of the"
            " shop's reply clock, or not.",
            "mostrecent",
            "shop",
            "result",
        )
        self.in_flight = self._gauge(
            "turns_in_flight", "Turns being worked on.", "livesum"
        )
        self.rung = self._gauge(
            "load_rung", "Rung of the ladder: 0 normal, 4 rules only.", "livemax"
        )
        self.pool = self._gauge(
            "pool", "A tier's pool: what of it, now.", "livesum", "tier", "what"
        )
        self.admissions = self._counter(
            "admissions", "Turns at a pool, by what became of them.", "tier", "verdict"
        )
        self.merged = self._counter(
            "merged", "Impatient messages merged into the turn under way."
        )
        self.durability = self._gauge(
            "durability_level_info",
            "1 for the durability level that was probed at start.",
            "mostrecent",
            "level",
        )

    def _add_router(self) -> None:
        """Whether traffic still is what the router was made for."""
        self.router_psi = self._gauge(
            "router_drift_psi",
            "Population stability index of decisions against calibration.",
            "livemax",
            "locale",
            "what",
        )
        self.router_share = self._gauge(
            "router_unfamiliar_ratio",
            "Share of n-grams the model lacks, of turns out of its scope.",
            "livemax",
            "locale",
            "what",
        )
        self.router_shadow = self._gauge(
            "router_shadow_turns",
            "What the shadow model would have done, against what was done.",
            "livesum",
            "result",
        )

    def _add_outcomes(self) -> None:
        """What became of contacts and of the agent's actions, and what customers say."""
        self.ratings = self._counter(
            "ratings", "Customers' ratings, 1 (worst) to 5.", "shop", "score"
        )
        self.ended = self._counter(
            "contacts_ended",
            "Contacts by how they ended, counted once each when they are over.",
            "shop",
            "channel",
            "tier",
            "end",
            "people",
        )
        self.repeated = self._counter(
            "contacts_repeated",
            "Contacts of a customer who came back within 7 days, by how the one"
            " before ended: after resolved is reopened.",
            "shop",
            "tier",
            "after",
        )
        self.person_wait = Histogram(
            "person_wait_seconds",
            "From the handoff to a person's first word, of contacts that are over.",
            ("shop",),
            NAMESPACE,
            buckets=PERSON_BUCKETS_S,
            registry=self.registry,
        )
        self.actions = self._counter(
            "actions", "Moves of the agent's actions in the ledger.", "recipe", "state"
        )
        self.outcomes = self._gauge(
            "outcomes",
            "Contacts of the last 30 days by what became of them, as last counted.",
            "mostrecent",
            "shop",
            "what",
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, NAMESPACE, registry=self.registry)

    def _latency(self, name: str, about: str, *labels: str) -> Histogram:
        return Histogram(
            name,
            about,
            labels,
            NAMESPACE,
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )

    def _gauge(self, name: str, about: str, mode: GaugeMode, *labels: str) -> Gauge:
        return Gauge(
            name,
            about,
            labels,
            NAMESPACE,
            multiprocess_mode=mode,
            registry=self.registry,
        )

    def expose(self) -> bytes:
        """The exposition of this process, or of all workers of the port."""
        return generate_latest(self._all())

    def figures(self) -> list[Figure]:
        """What :meth:`expose` says, as values; may run in a thread."""
        return [
            Figure(
                sample.name.removeprefix(f"{NAMESPACE}_"), sample.labels, sample.value
            )
            for family in self._all().collect()
            for sample in family.samples
        ]

    def _all(self) -> CollectorRegistry:
        if not os.environ.get(MULTIPROC_ENV):
            return self.registry
        merged = CollectorRegistry()
        multiprocess.MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return merged


class Spread:
    """
    Durations of one child of a histogram, added up in plain numbers.

    The client has no call for many observations at once, and one at a time they
    cost more than all else that is counted: its parts are reached into, here alone.
    """

    def __init__(self, child: Any) -> None:
        self._child = child
        self._clear()

    @property
    def counts(self) -> Sequence[int]:
        """By bucket, since the last flush; the last one for what is above them all."""
        return self._counts

    def _clear(self) -> None:
        self._counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._sum_s = 0.0

    def add(self, took_s: float) -> None:
        """One duration more."""
        self._counts[bisect_left(LATENCY_BUCKETS_S, took_s)] += 1
        self._sum_s += took_s

    def flush(self) -> None:
        """Move what was added up into the metric."""
        child = self._child
        for bucket, count in enumerate(self._counts):
            if count:
                child._buckets[bucket].inc(count)  # noqa: SLF001 - see above
        child._sum.inc(self._sum_s)  # noqa: SLF001 - see above
        self._clear()
