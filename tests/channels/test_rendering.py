"""
Texts cut as a reader would cut them, and plans that keep to budgets.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.contract import Caps, Unit
from gateway.channels.plans import Cursor, To, plan, room_left
from gateway.channels.rendering import MORE, Line, measure, split


UNITS: list[Unit] = ["bytes", "characters", "utf16"]
TEXTS = st.text(
    st.sampled_from("退货,。！？ \n\nab.é́👍🏽👨‍👩‍👧🇨🇳🇬🇧\u200d\ufe0f"), max_size=400
)
TO = To(scope="s", address={"to": "1"}, user_id="u", conversation_id="c")


@given(text=TEXTS, most=st.integers(12, 80), unit=st.sampled_from(UNITS))
def test_parts_fit_and_join_to_the_very_same_text(
    text: str, most: int, unit: Unit
) -> None:
    """Whatever the measure, nothing is lost, doubled or too long."""
    parts = split(text, most, unit)
    assert "".join(parts) == text
    assert all(0 < measure(part, unit) <= most for part in parts)


@pytest.mark.parametrize("whole", ["👍🏽", "👨‍👩‍👧", "🇨🇳", "é"])
@pytest.mark.parametrize("unit", UNITS)
def test_what_a_reader_sees_as_one_is_not_cut(whole: str, unit: Unit) -> None:
    """Skin tones, families, flags and accents stay together."""
    text = whole * 30
    for part in split(text, 40, unit):
        assert part == whole * (len(part) // len(whole))


def test_cuts_are_at_sentences_where_there_are_some() -> None:
    """Not in the middle of a word."""
    text = "退货请在七天内申请。" * 30
    assert all(part.endswith("。") for part in split(text, 200, "bytes"))


def lines(texts: list[str], who: str = "machine") -> list[Line]:
    return [
        Line(n=n, who=who, text=text)  # type: ignore[arg-type]  # one of the three
        for n, text in enumerate(texts, 2)
        if text
    ]


BUDGET = Caps(checked_on="", max_text=120, unit="bytes", sends=5, reserve=1)


@given(
    texts=st.lists(TEXTS.filter(str.strip), min_size=1, max_size=6),
    spent=st.integers(0, 6),
)
def test_a_plan_never_goes_over_its_budget(texts: list[str], spent: int) -> None:
    """What is kept for operators is kept, and no piece is too long."""
    steps = plan(lines(texts), Cursor(1), TO, BUDGET, spent)
    assert len(steps) <= room_left(BUDGET, spent, is_operators=False)
    assert all(measure(s.piece.text, "bytes") <= BUDGET.max_text for s in steps)


@given(texts=st.lists(TEXTS.filter(str.strip), min_size=1, max_size=6))
def test_going_on_from_every_cursor_delivers_all_of_it_once(texts: list[str]) -> None:
    """A worker that stops after any send is followed by one that says the rest."""
    all_lines, at, said = lines(texts), Cursor(1), ""
    for _ in range(200):
        rest = [line for line in all_lines if line.n > at.done]
        if not rest:
            break
        steps = plan(rest, at, TO, BUDGET, 3)
        assert len(steps) == 1
        text = steps[0].piece.text
        said += text.removesuffix(MORE["zh"]).removesuffix(MORE["en"])
        assert Cursor(steps[0].done, steps[0].part) != at
        at = Cursor(steps[0].done, steps[0].part)
    plain = "".join("".join(texts).split())
    assert "".join(said.split()) == plain


def test_the_last_piece_that_fits_says_that_there_is_more() -> None:
    """And the plan says how far it got."""
    steps = plan(lines(["退货请在七天内申请。" * 60]), Cursor(1), TO, BUDGET, 0)
    assert len(steps) == 4
    assert steps[-1].piece.text.endswith(MORE["zh"].strip())
    assert steps[-1].done == 1
    assert steps[-1].part > 0


def test_keys_are_the_same_for_the_same_stretch_only() -> None:
    """A try again has the key of the first try."""
    one = plan(lines(["a。" * 200]), Cursor(1), TO, BUDGET, 0)
    two = plan(lines(["a。" * 200]), Cursor(1), TO, BUDGET, 0)
    assert [s.piece.key for s in one] == [s.piece.key for s in two]
    assert len({s.piece.key for s in one}) == len(one)
    assert all(len(s.piece.key) == 32 for s in one)
