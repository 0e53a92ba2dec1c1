"""Machine code adds up what the plain way adds up, and is chosen as configured."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_files import RELEASED, RULES, STAGES

from engines.contract import Complexity, OpenTask, Risk, Tier, Turn, Utterance
from router_models import artifact
from router_models.compiled import CompiledModel
from router_models.errors import NativeMissing
from router_models.golden import golden_turns
from router_models.router import TierRouter
from router_models.sums import Arithmetic, PlainArithmetic
from router_models.text import normalise
from router_models.turns import turn_of


TOLERANCE = 1e-5

_texts = (
    st.text(max_size=120)
    | st.text(alphabet="退款换货我要人工 refund my order ?!123订单的吗", max_size=80)
    | st.text(alphabet="哈ha ", min_size=600, max_size=2600)
)
_lines = st.lists(
    st.builds(
        Utterance,
        st.sampled_from(["customer", "assistant", "operator"]),
        st.text(max_size=40),
    ),
    max_size=3,
)
_tasks = st.none() | st.builds(
    OpenTask,
    tier=st.just(Tier.L3),
    name=st.just("t"),
    waits_for=st.sampled_from(["consent", "address", "x"]),
    complexity=st.sampled_from(list(Complexity)),
    risk=st.sampled_from(list(Risk)),
)


@pytest.fixture(scope="module")
def native() -> CompiledModel:
    """The released model, adding up in machine code."""
    model, _ = artifact.load(RELEASED)
    model.use("native")
    return model


@pytest.fixture(scope="module")
def plain(native: CompiledModel) -> PlainArithmetic:
    """The same model's plain arithmetic."""
    return PlainArithmetic(*native._parts())


def _assert_same(native: Arithmetic, plain: Arithmetic, turn: Turn) -> None:
    normal = normalise(turn.text)
    here, there = native.add_up(turn, normal), plain.add_up(turn, normal)
    np.testing.assert_allclose(here.values, there.values, atol=TOLERANCE)
    assert sorted(here.rows.tolist()) == sorted(there.rows.tolist())
    for column in (0, 5):
        told, wanted = (
            arithmetic.strongest(sums, column, 8)
            for arithmetic, sums in ((native, here), (plain, there))
        )
        assert [row for row, _ in told] == [row for row, _ in wanted]
        np.testing.assert_allclose(
            [share for _, share in told], [share for _, share in wanted], rtol=1e-5
        )


@pytest.mark.parametrize("golden", golden_turns(), ids=lambda one: one.text[:12])
def test_golden_turns_are_the_same(
    native: CompiledModel, plain: PlainArithmetic, golden: artifact.Golden
) -> None:
    """Every golden turn has the same values, rows and reasons in machine code."""
    turn = turn_of(golden.text, golden.locale, golden.history, golden.open_task)
    _assert_same(native.arithmetic, plain, turn)


@settings(deadline=None, max_examples=400)
@given(_texts, st.sampled_from(["zh", "en"]), _lines, _tasks)
def test_any_turn_is_the_same(
    native: CompiledModel,
    plain: PlainArithmetic,
    text: str,
    locale: str,
    lines: list[Utterance],
    task: OpenTask | None,
) -> None:
    """So has any text, with any history and task, also the longest that is read."""
    turn = turn_of(text, locale, lines, task)  # type: ignore[arg-type]
    _assert_same(native.arithmetic, plain, turn)


def test_the_comparison_sees_a_wrong_weight(
    native: CompiledModel, plain: PlainArithmetic
) -> None:
    """One weight off, in a row that the turn has, and the comparison fails."""
    turn = turn_of("多久发货", "zh")
    row = plain.add_up(turn, normalise(turn.text)).rows[-1]
    bent = native.weights.copy()
    bent[row, 5] += 0.01
    extractor, vocabulary, _, bias, spans = native._parts()
    wrong = PlainArithmetic(extractor, vocabulary, bent, bias, spans)
    with pytest.raises(AssertionError):
        _assert_same(native.arithmetic, wrong, turn)


def test_decisions_do_not_depend_on_the_arithmetic(
    native: CompiledModel, router: TierRouter
) -> None:
    """The router decides the golden turns the same way with either."""
    proven = tuple(router.certificates.values())
    fast = TierRouter(native, router.rules, router.prices, router.version, proven)
    for golden in golden_turns():
        turn = turn_of(golden.text, golden.locale, golden.history, golden.open_task)
        assert fast.decide(turn) == router.decide(turn)


def test_without_numba_auto_is_plain_and_native_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where numba is missing the plain way serves, unless native was demanded."""
    monkeypatch.setitem(sys.modules, "router_models.native", None)
    router = TierRouter.load(RELEASED, RULES, STAGES / "growth.toml")
    router.model.use("auto")
    assert router.model.arithmetic.name == "plain"
    with pytest.raises(NativeMissing, match=r"tidegate\[fast\]"):
        router.model.use("native")
