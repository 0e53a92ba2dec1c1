"""
Meanings as vectors: an optional second look beside words.

The model is the one of the extra ``dense``, in this process, on one thread of a
small pool with a deadline; without it, or when it is late, words alone decide. Raw
similarities of such models all lie near 0.9 whatever is asked, so the mean of all
texts and their strongest directions are taken out first (``space.npz``; the method
of J. Mu and P. Viswanath, "All-but-the-top", 2018). A similarity never answers a
question by itself: "has arrived" and "has not arrived" are near neighbours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from engines.encoder import MAX_TEXT, TextEncoder, load_model
from engines.retrieval.documents import Passage
from engines.retrieval.vectors import Floats, Vectors


Halves = npt.NDArray[np.float16]
Hashes = npt.NDArray[np.uint64]

SPACE: Final = Path(__file__).with_name("space.npz")
#: Wordings of one passage that get a vector each.
_MAX_WORDINGS: Final = 12
#: Longest wait for the vector of a question.
DEADLINE_S: Final = 0.15
#: Questions that may wait for the pool; more go without.
_QUEUE: Final = 16
_BATCH: Final = 64


class Encoder(Protocol):
    """Turns texts into rows of unit length."""

    def queries(self, texts: Sequence[str]) -> Floats:
        """Vectors of questions and of wordings of questions."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of what answers."""
        ...


class Space(NamedTuple):
    """
    What all texts have in common, to be taken out of each.

    The shipped one is :meth:`of` the raw vectors of the demo shop's wordings and
    passages in both languages.
    """

    mean: Floats
    directions: Floats

    @classmethod
    def load(cls) -> Self:
        """The shipped one."""
        with np.load(SPACE, allow_pickle=False) as found:
            return cls(found["mean"], found["directions"])

    @classmethod
    def of(cls, rows: Floats, directions: int = 4) -> Self:
        """What *rows* have in common."""
        mean = rows.mean(axis=0)
        _, _, strongest = np.linalg.svd(rows - mean, full_matrices=False)
        return cls(mean, strongest[:directions])

    def flatten(self, rows: Floats) -> Floats:
        """*rows* without it, of unit length again."""
        rest = rows - self.mean
        rest -= (rest @ self.directions.T) @ self.directions
        norms = np.linalg.norm(rest, axis=1, keepdims=True)
        flat: Floats = (rest / np.maximum(norms, 1e-9)).astype(np.float32)
        return flat


class FlatEncoder:
    """The model's rows without what all texts have in common."""

    def __init__(self, model: TextEncoder, space: Space) -> None:
        self._model = model
        self._space = space

    def queries(self, texts: Sequence[str]) -> Floats:
        """As :class:`Encoder`."""
        return self._space.flatten(self._model.queries(texts))

    def passages(self, texts: Sequence[str]) -> Floats:
        """As :class:`Encoder`."""
        return self._space.flatten(self._model.passages(texts))


def load_encoder() -> Encoder | None:
    """The encoder, or None where the extra is not installed."""
    model = load_model()
    return None if model is None else FlatEncoder(model, Space.load())


class VectorCache:
    """
    Vectors by text, so that what has not changed is not encoded again.

    Kept as half floats: half the size, and the order of neighbours is the same.
    """

    def __init__(self, hashes: Hashes, rows: Halves) -> None:
        self._rows = dict(zip(hashes.tolist(), rows, strict=True))

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """All that is cached in *paths*; a file that is not there has none."""
        cache = cls(np.zeros(0, np.uint64), np.zeros((0, 0), np.float16))
        for path in paths:
            if path.exists():
                with np.load(path, allow_pickle=False) as found:
                    more = cls(found["hashes"], found["rows"])
                cache._rows.update(more._rows)
        return cache

    def save(self, path: Path) -> None:
        """Write what is known."""
        hashes = np.fromiter(self._rows, np.uint64, len(self._rows))
        rows = np.array(list(self._rows.values()), np.float16)
        with path.open("wb") as file:
            np.savez_compressed(file, hashes=hashes, rows=rows)

    def vectors(
        self,
        passages: Sequence[Passage],
        encoder: Encoder | None,
        tell: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Vectors | None:
        """
        Rows of *passages*; None if some are unknown and there is no encoder.

        Args:
            tell: Called with how many texts are encoded, and of how many.
        """
        texts = [list(_texts_of(passage)) for passage in passages]
        missing = [
            one
            for one in dict.fromkeys(one for own in texts for one in own)
            if _hash(one) not in self._rows
        ]
        if missing and encoder is None:
            return None
        if encoder is not None:
            self._encode(missing, encoder, tell)
        if not texts:
            return None
        rows = np.array([self._rows[_hash(one)] for own in texts for one in own])
        sizes = [len(own) for own in texts]
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
        return Vectors.of(rows.astype(np.float32), starts)

    def _encode(
        self,
        texts: list[_Text],
        encoder: Encoder,
        tell: Callable[[int, int], None],
    ) -> None:
        # By kind and length: a batch costs what its longest text costs.
        texts.sort(key=lambda one: (one.is_question, len(one.text)))
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            for is_question in (True, False):
                own = [one for one in batch if one.is_question is is_question]
                encode = encoder.queries if is_question else encoder.passages
                for one, row in zip(own, _rows(encode, own), strict=True):
                    self._rows[_hash(one)] = row.astype(np.float16)
            tell(start + len(batch), len(texts))


class _Text(NamedTuple):
    text: str
    is_question: bool


def _rows(encode: Callable[[Sequence[str]], Floats], texts: list[_Text]) -> Floats:
    if not texts:
        return np.zeros((0, 0), np.float32)
    return encode([one.text for one in texts])


def _texts_of(passage: Passage) -> Iterable[_Text]:
    """What of a passage gets a vector: each wording, and what it says."""
    for wording in (passage.heading, *passage.asked)[:_MAX_WORDINGS]:
        yield _Text(wording[:MAX_TEXT], is_question=True)
    yield _Text(f"{passage.title}\n{passage.text}"[:MAX_TEXT], is_question=False)


def _hash(text: _Text) -> int:
    mark = b"q" if text.is_question else b"p"
    data = mark + text.text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


class QuestionVectors:
    """
    Encodes questions off the event loop, in a pool of one thread.

    A question that would wait too long goes without; the loop never waits for it.
    """

    def __init__(self, encoder: Encoder, deadline_s: float = DEADLINE_S) -> None:
        self.encoder = encoder
        self._deadline_s = deadline_s
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._waiting = 0

    def now(self, texts: Sequence[str]) -> Mapping[str, Floats]:
        """Vectors of *texts*, in this thread."""
        rows = self.encoder.queries(list(texts)) if texts else ()
        return dict(zip(texts, rows, strict=True))

    async def soon(self, texts: Sequence[str]) -> Mapping[str, Floats]:
        """Vectors of *texts*, or none of them if it takes too long."""
        if self._waiting >= _QUEUE or not texts:
            return {}
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, self.now, texts)
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._deadline_s)
        except TimeoutError:
            return {}

    def _done(self, future: asyncio.Future[Mapping[str, Floats]]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()

    def close(self) -> None:
        """End the pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)
