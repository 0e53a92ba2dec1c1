"""
A worker that dies where it hurts most: the shop has done it, the receipt is not kept.

The first of a gateway's workers that comes by there kills itself; nobody after it.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from engines.agent.execution import Executor
from gateway.forkserver import main
from gateway.worker_config import WorkerConfig


CONFIG = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=WorkerConfig)
DEAD = Path(CONFIG.config.data_dir) / "died-in-effect"
_send = Executor._send


async def send(self, record, step, deadline_s):
    effect = await _send(self, record, step, deadline_s)
    with suppress(FileExistsError):
        DEAD.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return effect


Executor._send = send
main(sys.argv[1:])
