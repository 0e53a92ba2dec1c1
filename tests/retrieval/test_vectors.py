"""
Which passages lie near a question, among few and among many.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.retrieval.vectors import MANY, Floats, Vectors


NUMBER = MANY + 1_000
_rng = np.random.default_rng(5)


def unit(rows: Floats) -> Floats:
    """Rows of length one."""
    found: Floats = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return found


@pytest.fixture(scope="module")
def rows() -> Floats:
    """Rows as models make them: some directions matter more than others."""
    spread = (1 / np.sqrt(np.arange(1, 129))).astype(np.float32)
    return unit(_rng.normal(size=(NUMBER, 128)).astype(np.float32) * spread)


def test_a_sketch_finds_what_is_nearest(rows: Floats) -> None:
    """Among many, the same passages in the same order as if all were looked at."""
    starts = np.flatnonzero(np.arange(NUMBER) % 3 != 1).astype(np.int64)
    many, all_of = Vectors.of(rows, starts), Vectors(rows, starts)
    assert many.sketch is not None
    barred = np.zeros(len(starts), np.bool_)
    for number in range(0, NUMBER, 1_999):
        asked = unit(rows[number] + 0.03 * rows[(number * 7 + 1) % NUMBER])
        near = all_of.nearest(asked, barred, 10)
        assert many.nearest(asked, barred, 10) == near
        assert len(near) == 10
        best = all_of.similarities(asked, near)
        assert list(best) == sorted(best, reverse=True)


def test_what_is_barred_is_never_near(rows: Floats) -> None:
    """Not even if it is all there is."""
    starts = np.arange(NUMBER, dtype=np.int64)
    for vectors in (Vectors.of(rows, starts), Vectors(rows[:50], starts[:50])):
        barred = np.zeros(len(vectors.starts), np.bool_)
        barred[3] = True
        assert vectors.nearest(rows[3], ~barred, 5) == [3]
        assert 3 not in vectors.nearest(rows[3], barred, 5)
        assert vectors.nearest(rows[3], barred | True, 5) == []


def test_a_passage_is_as_near_as_its_nearest_row() -> None:
    """Whichever passages are asked for, in whichever order."""
    rows = np.eye(4, dtype=np.float32)
    vectors = Vectors(rows, np.array([0, 1, 3], np.int64))
    asked = np.array([0.1, 0.2, 0.7, 0.4], np.float32)
    for numbers in ([0, 1, 2], [2, 0], [1], []):
        found = vectors.similarities(asked, numbers)
        expected = np.array([0.1, 0.7, 0.4], np.float32)[numbers]
        assert np.allclose(found, expected)


def test_a_sketch_is_kept_on_disk(rows: Floats, tmp_path: Path) -> None:
    """What is mapped finds what was saved; a folder without vectors has none."""
    assert Vectors.load(tmp_path) is None
    made = Vectors.of(rows, np.arange(NUMBER, dtype=np.int64))
    made.save(tmp_path)
    mapped = Vectors.load(tmp_path)
    assert mapped is not None
    assert mapped.sketch is not None
    barred = np.zeros(NUMBER, np.bool_)
    assert mapped.nearest(rows[9], barred, 5) == made.nearest(rows[9], barred, 5)
