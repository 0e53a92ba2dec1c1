"""The second stage: what it may change, what it may not, and its files."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from router_files import RELEASED, RULES
from threadpoolctl import threadpool_limits

from engines.contract import RISK_ORDER, TIER_ORDER, Tier, Turn
from gateway.second_look import SecondLook
from router_models import second_artifact
from router_models.dataset import Dataset
from router_models.errors import ArtifactError, ArtifactMismatch
from router_models.measure import Fitted, OutOfFold
from router_models.policy import TIERS
from router_models.router import TierRouter
from router_models.second_fit import encode_all, fit_second
from router_models.second_stage import (
    HEADS,
    Floats,
    Layer,
    Lines,
    SecondStage,
    TwoStageRouter,
    inputs,
    is_delicate,
    opinions,
)
from router_models.text import normalise
from router_models.train import Fitting, settle
from router_models.train_second import train_second
from router_models.turns import turn_of


TEXTS = (
    "多久发货",
    "我的快递到哪了",
    "第2件退掉其他保留",
    "退款退了 30 元吗",
    "没收到货",
    "花瓶碎了",
    "what are your opening hours",
    "cancel the second item and refund me",
    "I did not get the 20 back",
    "does it fit a laptop",
)


def hashed(texts: Sequence[str]) -> Floats:
    """Pairs of characters counted into 384 places: crude, but vectors of meaning-ish."""
    rows = np.zeros((len(texts), 384), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for pair in zip(text, text[1:] + " ", strict=True):
            row[zlib.crc32("".join(pair).encode()) % 384] += 1.0
    rows += 0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.fixture(scope="module")
def first(fitted: Fitted, fitting: Fitting) -> TierRouter:
    return TierRouter(fitted.model, fitting.rules, fitting.prices[0], "router-first")


@pytest.fixture(scope="module")
def learned(fitted: Fitted, fitting: Fitting) -> tuple[Layer, Lines]:
    assert fitted.unseen is not None
    vectors = encode_all(fitted.unseen.examples, hashed, lambda done, total: None)

    def lines(scales: dict, unseen: OutOfFold) -> Lines:  # type: ignore[type-arg]
        model = settle(fitted.pipeline, scales, unseen, fitting)
        kept = [*(name for name, _ in HEADS), "needed"]
        return Lines(
            of="router-first",
            band=0.8,
            scales={name: model.scales[name] for name in kept},
            thresholds=model.thresholds,
        )

    with threadpool_limits(limits=1):
        return fit_second(fitted, vectors, fitting.specs, lines, 3)


def stage(learned: tuple[Layer, Lines], band: float = 0.8) -> SecondStage:
    layer, lines = learned
    return SecondStage(layer, msgspec.structs.replace(lines, band=band), hashed)


def drunk(learned: tuple[Layer, Lines], seed: int) -> SecondStage:
    """A second stage that says with certainty whatever comes to its mind."""
    layer, lines = learned
    chance = np.random.default_rng(seed)
    bias = chance.choice([-30.0, 30.0], layer.out_bias.shape).astype(np.float32)
    lines = msgspec.structs.replace(lines, band=1.01)
    return SecondStage(layer._replace(out_bias=bias), lines, hashed)


def test_what_it_learned_is_about_the_labels(
    dataset: Dataset, learned: tuple[Layer, Lines]
) -> None:
    """Alone, on turns of groups it never saw, crude vectors tell tiers better than chance."""
    unseen = [one for one in dataset.examples if sum(one.group.encode()) % 4][::40]
    unseen = [one for one in unseen if not one.continues]
    layer = learned[0]
    vectors = encode_all(unseen, hashed, lambda done, total: None)
    tiers = opinions(inputs(*vectors, layer), layer)[:, 6:10].argmax(axis=1)
    right = [TIERS[at] is one.tier for at, one in zip(tiers, unseen, strict=True)]
    assert len(unseen) > 300
    assert sum(right) > 0.38 * len(unseen)


@pytest.mark.parametrize("text", TEXTS)
def test_outside_its_band_nothing_changes(
    first: TierRouter, learned: tuple[Layer, Lines], text: str
) -> None:
    """With no band, decisions and explanations are the first stage's own."""
    both = TwoStageRouter(first, stage(learned, band=0.0))
    turn = turn_of(text, "zh")
    assert both.decide(turn) == first.decide(turn)
    assert both.explain(turn) == first.explain(turn)


@pytest.mark.parametrize("seed", range(6))
def test_numbers_and_denials_are_never_lowered(
    first: TierRouter, learned: tuple[Layer, Lines], seed: int
) -> None:
    """Whatever the second opinion, such a turn keeps at least its tier and risk."""
    both = TwoStageRouter(first, drunk(learned, seed))
    delicate = [text for text in TEXTS if is_delicate(normalise(text))]
    assert len(delicate) >= 4
    for text in delicate:
        turn = turn_of(text, "zh")
        before, after = first.decide(turn), both.decide(turn)
        assert TIER_ORDER[after.tier] >= TIER_ORDER[before.tier]
        assert RISK_ORDER[after.risk] >= RISK_ORDER[before.risk]


@pytest.mark.parametrize("seed", range(6))
def test_hard_rules_stand_above_it(
    first: TierRouter, learned: tuple[Layer, Lines], seed: int
) -> None:
    """No second opinion keeps a customer from a person."""
    both = TwoStageRouter(first, drunk(learned, seed))
    for text in ("转人工", "充电器冒烟了", "我要投诉你们12315", "agent please"):
        assert both.decide(turn_of(text, "zh")).tier is Tier.HUMAN


def test_explained_like_it_is_decided(
    first: TierRouter, learned: tuple[Layer, Lines]
) -> None:
    """The explanation is of the decision that is taken, and at any prices."""
    both = TwoStageRouter(first, stage(learned, band=1.01))
    for text in TEXTS:
        turn = turn_of(text, "zh")
        assert both.explain(turn).decision == both.decide(turn)
        assert both.at(first.prices).decide(turn) == both.decide(turn)


def test_files_give_back_the_same_stage(
    tmp_path: Path, learned: tuple[Layer, Lines]
) -> None:
    """What is loaded is what was saved, for its own first stage and encoder alone."""
    second_artifact.save(tmp_path, *learned, "hashed")
    found = second_artifact.load(tmp_path, "router-first", "hashed")
    assert found is not None
    assert found[1] == learned[1]
    for ours, theirs in zip(found[0], learned[0], strict=True):
        assert np.array_equal(ours, theirs)
    assert second_artifact.load(tmp_path, "router-other", "hashed") is None
    assert second_artifact.load(tmp_path, "router-first", "another") is None
    assert second_artifact.load(tmp_path / "empty", "router-first", "hashed") is None


@pytest.mark.parametrize("name", [second_artifact.WEIGHTS, second_artifact.MANIFEST])
def test_a_flipped_byte_is_refused(
    tmp_path: Path, learned: tuple[Layer, Lines], name: str
) -> None:
    """No byte of either file can change unseen."""
    second_artifact.save(tmp_path, *learned, "hashed")
    path = tmp_path / name
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
        with pytest.raises(ArtifactError):
            second_artifact.load(tmp_path, "router-first", "hashed")
    path.unlink()
    if name == second_artifact.WEIGHTS:
        with pytest.raises(ArtifactError):
            second_artifact.load(tmp_path, "router-first", "hashed")


def test_a_first_stage_of_other_data_is_refused(small_data: Path) -> None:
    """A second stage is fitted beside the very model it was told of."""
    with pytest.raises(ArtifactMismatch, match="data of the first stage"):
        train_second(
            small_data, RELEASED, 7, hashed, encoder="hashed", rules_file=RULES
        )


async def look(
    first: TierRouter,
    learned: tuple[Layer, Lines],
    encode: Callable[[Sequence[str]], Floats],
) -> SecondLook:
    """A second look that has found its second stage, in its thread."""
    layer, lines = learned
    lines = msgspec.structs.replace(lines, band=1.01)
    second = SecondStage(layer, lines, encode)
    found = {"router-first": second}
    look = SecondLook(found.get, lambda turn: first, 0.2)
    turn = unsure(first)
    # The first turn is never looked at again: its thread is still loading.
    assert await look.reconsider(turn, first.decide(turn)) == first.decide(turn)
    await asyncio.get_running_loop().run_in_executor(look._pool, int)
    return look


def unsure(first: TierRouter) -> Turn:
    turns = (turn_of(text, "zh") for text in TEXTS)
    return next(turn for turn in turns if first.decide(turn).tier is Tier.L1)


@pytest.mark.anyio
async def test_a_look_in_time_decides(
    first: TierRouter, learned: tuple[Layer, Lines]
) -> None:
    """What comes in time is the decision of both stages."""
    second = await look(first, learned, hashed)
    turn = unsure(first)
    both = TwoStageRouter(first, stage(learned, band=1.01))
    assert await second.reconsider(turn, first.decide(turn)) == both.decide(turn)
    assert (second.done, second.late) == (1, 0)
    second.close()


@pytest.mark.anyio
async def test_a_late_look_fails_one_tier_up(
    first: TierRouter, learned: tuple[Layer, Lines]
) -> None:
    """An encoder that hangs costs the deadline, never a lower tier; so does a queue."""

    def slow(texts: Sequence[str]) -> Floats:
        time.sleep(0.5)
        return hashed(texts)

    second = await look(first, learned, slow)
    turn = unsure(first)
    before = first.decide(turn)
    found = await asyncio.gather(*(second.reconsider(turn, before) for _ in range(8)))
    assert {one.tier for one in found} == {Tier.L2}
    assert "no second look in time: one tier up" in found[0].reasons
    assert second.late == 8
    second.close()


@pytest.mark.anyio
async def test_another_first_stage_has_no_second(
    first: TierRouter, learned: tuple[Layer, Lines]
) -> None:
    """A model without a second stage decides alone."""
    twin = TierRouter(first.model, first.rules, first.prices, "router-other")
    second = await look(twin, learned, hashed)
    turn = unsure(twin)
    assert await second.reconsider(turn, twin.decide(turn)) == twin.decide(turn)
    assert second.done == second.late == 0
    second.close()
