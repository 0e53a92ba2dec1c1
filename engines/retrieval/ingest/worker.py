"""
Readers in a process of their own: bounded memory and time, whatever a file holds.

``python -m engines.retrieval.ingest.worker`` takes one :class:`Job` a line and
answers one :class:`Done` a line. A file that kills its reader, or keeps it too long,
costs that file and nothing else.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final, Self

import msgspec

from engines.retrieval.ingest.blocks import Refused
from engines.retrieval.ingest.chunks import Source, passages_of
from engines.retrieval.ingest.readers import reader_of


#: Address space of a reader.
MEMORY_BYTES: Final = 2 * 1024**3
#: Longest reading of one file.
TIME_S: Final = 300.0
#: More passages in one file are refused: it is a database, no document.
MAX_PASSAGES: Final = 500_000


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Read *path* as *source* and write its passages to *out*, a JSON line each."""

    path: str
    source: Source
    out: str
    max_bytes: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How it went; *reason* is empty if all is well."""

    zh: int = 0
    en: int = 0
    reason: str = ""


class ReaderProcess:
    """A reader that is started again when it dies; use as a context manager."""

    def __init__(self, time_s: float = TIME_S) -> None:
        self._time_s = time_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, path: Path, source: Source, out: Path, max_bytes: int) -> Done:
        """Read one file; never raises for what is in it."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - asked for
        assert process.stdout is not None  # noqa: S101 - asked for
        job = Job(path=str(path), source=source, out=str(out), max_bytes=max_bytes)
        is_late = threading.Event()

        def kill() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(self._time_s, kill)
        timer.start()
        try:
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
        if line:
            return msgspec.json.decode(line, type=Done)
        self._stop()
        if is_late.is_set():
            return Done(reason=f"took longer than {self._time_s:.0f} s")
        return Done(reason="broke its reader: needs too much memory, or is malicious")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engines.retrieval.ingest.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def perform(job: Job) -> Done:
    """Read one file here and now."""
    path, counts = Path(job.path), {"zh": 0, "en": 0}
    encoder = msgspec.json.Encoder()
    try:
        reader = reader_of(path, job.max_bytes)
        with Path(job.out).open("wb") as out:
            for passage in passages_of(reader(path), job.source):
                out.write(encoder.encode(passage) + b"\n")
                counts[passage.locale] += 1
                if sum(counts.values()) > MAX_PASSAGES:
                    raise Refused(f"more than {MAX_PASSAGES} passages; split it")  # noqa: TRY301
    except Refused as exc:
        return Done(reason=str(exc))
    except OSError as exc:
        return Done(reason=f"cannot be read: {exc.strerror or type(exc).__name__}")
    except (MemoryError, RecursionError):
        return Done(reason="needs too much memory")
    except Exception as exc:  # noqa: BLE001 - one file's fault is not the next one's
        return Done(reason=f"cannot be read: {type(exc).__name__}: {str(exc)[:200]}")
    if not any(counts.values()):
        return Done(reason="says nothing")
    return Done(zh=counts["zh"], en=counts["en"])


def main() -> None:
    """Read jobs until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin.buffer:
        done = perform(msgspec.json.decode(line, type=Job))
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
