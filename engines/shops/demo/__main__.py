"""
Run the demo shop as a process of its own.

The bearer key comes from a file, so that it shows in no process list. The base
URL is written to standard output as one JSON line when the shop is there.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from engines.shops.demo.books import KeyUse
from engines.shops.demo.service import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m engines.shops.demo")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--seed", type=Path, help="what a new shop holds")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument(
        "--keys",
        type=KeyUse,
        choices=list(KeyUse),
        default=KeyUse.HONOURED,
        help="what the shop does with idempotency keys",
    )
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input does"
    )
    given = parser.parse_args()
    if given.until_eof:
        threading.Thread(target=_wait_and_stop, daemon=True).start()
    serve(
        given.host,
        given.port,
        given.data_dir,
        given.key_file.read_text("utf-8").strip(),
        faults=given.faults,
        announce=_announce,
        seed_path=given.seed,
        key_use=given.keys,
    )


def _wait_and_stop() -> None:
    """Whoever started this process holds the other end, and is gone now."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held at exit
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
