"""
S16, S19: model files that would run code, and texts that would stall a matcher.
"""

from __future__ import annotations

import asyncio
import io
import random
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

from loadtest.attack_found import Found
from loadtest.attack_house import House
from router_models import artifact
from router_models.errors import ArtifactError


#: CPU of one message through the whole path, most of them and each of them.
_P99_S, _WORST_S = 0.25, 2.0
_RELEASED = Path(artifact.__file__).parent / "released"
#: "os.system" as a pickle of protocol 0 writes it: run by whoever unpickles it.
_PICKLE = b"cos\nsystem\n(S'touch /tmp/tidegate-was-here'\ntR."


async def s16_models(_: House, count: int, rng: random.Random) -> Found:
    """Pickles, object arrays, zip slip, headers of ten gigabytes, changed bytes."""
    return await asyncio.to_thread(_load_models, count, rng)


def _load_models(count: int, rng: random.Random) -> Found:
    found, sign = Found(), Path("/tmp/tidegate-was-here")  # noqa: S108 - what the pickle would make
    sign.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        for number in range(count):
            model = Path(folder) / "model"
            shutil.copytree(_RELEASED, model)
            how = _FILES[number % len(_FILES)]
            how(model, rng)
            started = process_time()
            try:
                artifact.load(model)
            except ArtifactError:
                is_refused = process_time() - started < _WORST_S
            else:
                is_refused = False
            found.check(is_refused, how.__name__)
            shutil.rmtree(model)
    if sign.exists():
        found.fail("a pickle was run")
    return found


def _weights(model: Path) -> Path:
    return model / artifact.WEIGHTS


def _pickled(model: Path, rng: random.Random) -> None:
    _weights(model).write_bytes(_PICKLE + rng.randbytes(rng.randrange(40)))


def _object_array(model: Path, rng: random.Random) -> None:
    _rewrite(model, "weights.npy", _npy("|O", (rng.randrange(1, 9),)) + _PICKLE)


def _zip_slip(model: Path, rng: random.Random) -> None:
    name = rng.choice(("../../evil.npy", "/etc/evil.npy", "..\\evil.npy", "a/../../e"))
    _rewrite(model, name, _npy("<f4", (1,)) + b"\0" * 4)


def _huge_header(model: Path, rng: random.Random) -> None:
    shape = rng.choice(((10**10,), (2**31, 4), (10**5, 10**5), (2**63 - 1,)))
    _rewrite(model, "weights.npy", _npy("<f4", shape))


def _changed(model: Path, rng: random.Random) -> None:
    path = model / rng.choice((artifact.WEIGHTS, artifact.MANIFEST))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _cut(model: Path, rng: random.Random) -> None:
    path = model / rng.choice((artifact.WEIGHTS, artifact.MANIFEST))
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _bomb(model: Path, _: random.Random) -> None:
    """A hundred kilobytes that unpack to a hundred megabytes, a few times over."""
    _rewrite(model, "weights.npy", _npy("<f4", (25_000_000,)) + b"\0" * 100_000_000)


def _torch(model: Path, rng: random.Random) -> None:
    _rewrite(model, "archive/data.pkl", _PICKLE + rng.randbytes(8))


_FILES: tuple[Callable[[Path, random.Random], None], ...] = (
    _pickled,
    _object_array,
    _zip_slip,
    _huge_header,
    _changed,
    _cut,
    _torch,
    _changed,
    _cut,
    _bomb,
)


def _npy(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Head of an array file, as NumPy's format 1.0 has it."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"
    padded = head.ljust(118 - len(head) % 64 + len(head)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def _rewrite(model: Path, name: str, data: bytes) -> None:
    """Put a member into the archive, or in the place of one of that name."""
    old, made = _weights(model).read_bytes(), io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(old)) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.namelist():
            if member != name:
                target.writestr(member, source.read(member))
        target.writestr(name, data)
    _weights(model).write_bytes(made.getvalue())


# --- S19 ---


async def s19_stalls(house: House, count: int, rng: random.Random) -> Found:
    """
    Texts made for catastrophic backtracking, sent through the whole path.

    Judged by the CPU time of the gateway's own process: a busy machine does not count.
    """
    found, pid = Found(), house.supervisor.worker_pids[0]
    used: list[float] = []

    async def one(_: int) -> None:
        text = _stalling(rng)
        before = _cpu_s(pid)
        answer = await house.post(house.fresh("slow"), text, "c-slow")
        used.append(_cpu_s(pid) - before)
        is_fine = answer.status_code in (200, 202) or not text.strip()
        found.check(is_fine, f"{text[:40]!r}: {answer}")

    for number in range(count):
        await one(number)
    used.sort()
    p99, worst = used[int(len(used) * 0.99)], used[-1]
    found.note = f"CPU of the gateway a message: p99 {p99 * 1e3:.0f} ms, worst {worst * 1e3:.0f} ms"
    if p99 > _P99_S or worst > _WORST_S:
        found.fail(found.note)
    return found


def _stalling(rng: random.Random) -> str:
    piece = rng.choice(
        (
            "a",
            "退",
            "a?",
            "1-",
            "(",
            " ",
            "退货",
            "\u200b退",
            "aA1 ",
            "不",
            "how ",
            "１",
            "@a.",
        )
    )
    size = rng.randrange(200, 3_500)
    return (piece * size)[:3_500] + rng.choice(("", "!", "x", "吗", "@", "b"))


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far, seconds."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
