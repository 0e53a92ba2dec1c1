"""Several models in one process: who decides, who watches, when a trial ends."""

from __future__ import annotations

import msgspec
import pytest

from engines.contract import ConversationId, Tier
from router_models.drift import LEAST, DriftWatch, psi, reference
from router_models.fleet import DRIFT_QUEUE, QUEUE, SAMPLE, Fleet, Served
from router_models.policy import TIERS
from router_models.router import TierRouter
from router_models.turns import turn_of


@pytest.fixture
def served(router: TierRouter) -> Served:
    return Served("released", router, {})


def other(router: TierRouter, name: str) -> Served:
    """The same model under another version, so that its decisions can be told."""
    twin = TierRouter(router.model, router.rules, router.prices, f"model-{name}")
    return Served(name, twin, {})


def turns(count: int) -> list:  # type: ignore[type-arg]
    made = [turn_of("我要退款", "zh") for _ in range(count)]
    return [
        msgspec.structs.replace(turn, conversation_id=ConversationId(f"c{at}"))
        for at, turn in enumerate(made)
    ]


def test_a_canary_decides_for_the_same_conversations_always(
    served: Served, router: TierRouter
) -> None:
    """About the asked share of them, each the same way every time."""
    fleet = Fleet(served)
    fleet.try_out(other(router, "new"), 0.3)
    first = [fleet.decide(turn).model for turn in turns(400)]
    assert 80 < first.count("model-new") < 160
    assert [fleet.decide(turn).model for turn in turns(400)] == first
    fleet.try_out(None, 0.3)
    assert {fleet.decide(turn).model for turn in turns(50)} == {router.version}


def test_a_worse_canary_is_seen_and_an_equal_one_is_not(
    served: Served, router: TierRouter
) -> None:
    """Twice as many bad ends condemn it; the same share never does."""
    fleet = Fleet(served)
    fleet.try_out(other(router, "new"), 0.5)
    for at in range(4_000):
        fleet.ended("model-new", is_bad=at % 10 == 0)
        fleet.ended(router.version, is_bad=at % 10 == 0)
        assert not fleet.is_canary_worse
    for at in range(4_000):
        fleet.ended("model-new", is_bad=at % 2 == 0)
        fleet.ended(router.version, is_bad=at % 10 == 0)
    assert fleet.is_canary_worse


def test_a_shadow_decides_nothing_and_is_compared(
    served: Served, router: TierRouter
) -> None:
    """Every turn is judged a second time later; the first decision stands."""
    fleet = Fleet(served)
    fleet.shadow = other(router, "shadow")
    for turn in turns(20):
        assert fleet.decide(turn).model == router.version
    assert fleet.work_off() == 20
    assert fleet.agreement == {"same": 20}


def test_what_waits_is_bounded(served: Served, router: TierRouter) -> None:
    """A queue that nobody works off drops and counts; it never grows on."""
    fleet = Fleet(served)
    fleet.shadow = other(router, "shadow")
    turn = turn_of("你好", "zh")
    for _ in range(QUEUE + 7):
        fleet.decide(turn)
    assert fleet.dropped == 7
    assert fleet.work_off() == QUEUE


def test_promotion_keeps_the_old_model(served: Served, router: TierRouter) -> None:
    """The next turn is the new model's; the old one is at hand."""
    fleet = Fleet(served)
    fleet.promote(other(router, "new"))
    assert fleet.decide(turn_of("你好", "zh")).model == "model-new"
    assert fleet.previous is served


def test_a_sample_is_watched_for_drift(served: Served) -> None:
    """One turn in eight is looked at; unknown n-grams are counted."""
    fleet = Fleet(served)
    for _ in range(SAMPLE * 4):
        fleet.decide(turn_of("籐纏夔夔饕餮", "zh"))
    assert fleet.work_off() == 4
    found = fleet.drift.figures()["zh"]
    assert found.n == 4
    assert found.unknown > 0.5
    assert found.psi_tiers is None


def test_watching_for_drift_never_waits_long(served: Served) -> None:
    """However busy the gateway is, few turns wait; what is left out is no loss."""
    fleet = Fleet(served)
    for _ in range(SAMPLE * (DRIFT_QUEUE + 5)):
        fleet.decide(turn_of("你好", "zh"))
    assert fleet.work_off() == DRIFT_QUEUE
    assert fleet.dropped == 0


def test_another_mix_is_drift_and_the_same_mix_is_none() -> None:
    """The index is near nothing for traffic like the reference, large for another."""
    peaks = [at / 100 for at in range(1_000)]
    tiers = [TIERS[at % 4] for at in range(1_000)]
    like = DriftWatch({"zh": reference(peaks, tiers)}, 0.0)
    unlike = DriftWatch({"zh": reference(peaks, tiers)}, 0.0)
    for at in range(LEAST * 10):
        like.add("zh", tiers[at], peaks[at], 10, 10)
        unlike.add("zh", Tier.HUMAN, peaks[at] / 10, 10, 5)
    same, moved = like.figures()["zh"], unlike.figures()["zh"]
    assert same.psi_tiers == pytest.approx(0, abs=0.01)
    assert same.psi_peaks == pytest.approx(0, abs=0.01)
    assert moved.psi_tiers is not None
    assert moved.psi_tiers > 0.25
    assert moved.psi_peaks is not None
    assert moved.psi_peaks > 0.25
    assert moved.unknown == 0.5


def test_the_index_by_hand() -> None:
    """Half and half against one to three."""
    assert psi([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.2747, abs=1e-4)
