"""
The routers of a running gateway: one that serves, and those on trial.

    active     decides
    previous   kept, so that going back needs no loading
    shadow     judges a sample of the same turns and decides nothing
    canary     decides for a share of the conversations, the same ones always

Deciding costs a comparison more than with one router. Everything else waits in a bounded
queue (full: dropped and counted) until :meth:`Fleet.work_off`, which may run in a
thread. A canary whose turns go wrong more often is ended: both shares of bad ends have
bounds that hold at every moment (Robbins' mixture), so looking all the time is fair.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, deque

import msgspec

from engines.contract import RISK_ORDER, TIER_ORDER, Decision, Locale, Risk, Turn
from router_models.drift import DriftWatch, Reference, known_grams
from router_models.policy import Prices
from router_models.router import TierRouter


#: Turns that wait for the shadow's opinion.
QUEUE = 512
#: One turn in how many is looked at for drift, and how many of them wait: what looks at
#: them shares the interpreter with the turns, and drift is a matter of hours.
SAMPLE, DRIFT_QUEUE = 8, 32
#: Chance of ending a canary that is as good as the active model, ever.
FALSE_END = 0.01
#: Turns of what is on trial below which it is not judged.
LEAST = 50
_MIX = 0.1


class Served(msgspec.Struct, frozen=True):
    """A router with its name in the registry and what its traffic should look like."""

    name: str
    router: TierRouter
    references: dict[Locale, Reference]


class Ends(msgspec.Struct):
    """Turns of one model, and how many of them ended badly."""

    n: int = 0
    bad: int = 0

    @property
    def share(self) -> float:
        """Share of bad ends."""
        return self.bad / self.n if self.n else 0.0

    @property
    def radius(self) -> float:
        """Half-width that holds around *share* at every n at once."""
        if not self.n:
            return 1.0
        mass = self.n * _MIX**2 / 4 + 1
        return math.sqrt(
            mass / (self.n**2 * _MIX**2) * 2 * math.log(2 * math.sqrt(mass) / FALSE_END)
        )


def is_worse(tried: Ends, usual: Ends) -> bool:
    """True once the bad ends of *tried* are certainly more frequent."""
    if tried.n < LEAST or usual.n < LEAST:
        return False
    return tried.share - tried.radius > usual.share + usual.radius


class Fleet:
    """
    Decides turns with the active router, or the canary for its conversations.

    :meth:`decide` and :meth:`ended` belong to the event loop; :meth:`work_off` may run
    in one thread beside it.
    """

    def __init__(self, active: Served) -> None:
        self.previous: Served | None = None
        self.shadow: Served | None = None
        self.canary: Served | None = None
        self._share = 0
        self._waiting: deque[tuple[Turn, Decision]] = deque()
        self._seen = 0
        self.dropped = 0
        #: Shadow decisions against those that counted, by ``same``, ``higher``, ``lower``
        #: and ``missed_risk``.
        self.agreement: Counter[str] = Counter()
        self._install(active)

    def _install(self, active: Served) -> None:
        self.active = active
        self.drift = DriftWatch(
            active.references, active.router.model.thresholds.abstain_below
        )
        self.ends = {"active": Ends(), "canary": Ends()}

    @property
    def version(self) -> str:
        """Version of the model that serves."""
        return self.active.router.version

    def promote(self, served: Served) -> None:
        """Let *served* decide from the next turn on; the old one is kept."""
        if served.name != self.active.name:
            self.previous = self.active
        self._install(served)

    def try_out(self, canary: Served | None, share: float) -> None:
        """Let *canary* decide for a *share* of the conversations; None ends it."""
        self.canary = canary
        self._share = round(share * 2**32) if canary else 0
        self.ends["canary"] = Ends()

    def decide(self, turn: Turn, prices: Prices | None = None) -> Decision:
        """Judge *turn*, at other *prices* than the model was loaded with if given."""
        decision = self.router_of(turn, prices).decide(turn)
        self._seen += 1
        if self.shadow is not None or self._seen % SAMPLE == 0:
            self._keep(turn, decision)
        return decision

    def router_of(self, turn: Turn, prices: Prices | None = None) -> TierRouter:
        """The router that judges *turn*: the active one or the canary."""
        router = self.active.router
        if self.canary is not None and _place(turn) < self._share:
            router = self.canary.router
        return router if prices is None else router.at(prices)

    def _keep(self, turn: Turn, decision: Decision) -> None:
        most = DRIFT_QUEUE if self.shadow is None else QUEUE
        if len(self._waiting) < most:
            self._waiting.append((turn, decision))
        elif self.shadow is not None:
            self.dropped += 1

    def ended(self, model: str, *, is_bad: bool) -> None:
        """A turn that *model* judged has ended; badly, if a tier had to hand it on."""
        if self.canary is None:
            return
        of_canary = model == self.canary.router.version
        ends = self.ends["canary" if of_canary else "active"]
        ends.n += 1
        ends.bad += is_bad

    @property
    def is_canary_worse(self) -> bool:
        """True once the canary's bad ends are certainly more frequent."""
        if self.canary is None:
            return False
        return is_worse(self.ends["canary"], self.ends["active"])

    def work_off(self) -> int:
        """Look at what waits: drift, and the shadow's opinion; returns how many."""
        done = 0
        while self._waiting:
            turn, decision = self._waiting.popleft()
            self._watch(turn, decision)
            if self.shadow is not None:
                other = self.shadow.router.decide(turn)
                self.agreement[_agreement(decision, other)] += 1
            done += 1
        return done

    def _watch(self, turn: Turn, decision: Decision) -> None:
        model = self.active.router.model
        if decision.model != self.version:
            return
        scores = model.score(turn)
        extract = model.extractor.extract(turn)
        grams, known = known_grams(extract.blocks, model.vocabulary.rows)
        self.drift.add(turn.locale, decision.tier, max(scores.intents), grams, known)


def _place(turn: Turn) -> int:
    """Where a conversation stands between 0 and 2^32, the same everywhere and always."""
    return zlib.crc32(f"{turn.shop}\0{turn.conversation_id}".encode())


def _agreement(decision: Decision, other: Decision) -> str:
    """What the *other* model would have done instead."""
    missed = (
        decision.risk is Risk.HIGH and RISK_ORDER[other.risk] < RISK_ORDER[Risk.HIGH]
    )
    if missed:
        return "missed_risk"
    gap = TIER_ORDER[other.tier] - TIER_ORDER[decision.tier]
    return "same" if gap == 0 else "higher" if gap > 0 else "lower"
