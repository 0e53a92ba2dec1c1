"""
One worker process: opens the gateway, serves on an inherited socket, drains.

Forked by :mod:`gateway.forkserver`, or alone: ``python -m gateway.worker CONFIG FD``.
SIGTERM ends it in order: refuse new messages, finish what runs, give the
leases back, close the store. It dies with its parent.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvicorn

from engines.retrieval.ingest.shelf import ShelfDamaged
from engines.voice import VoiceError
from engines.yamlfile import BadFile
from gateway.app import Gateway
from gateway.errors import GatewayError
from gateway.lifeline import end_with_parent
from gateway.store.errors import StoreMisused, StoreUnavailable
from gateway.worker_config import EX_CONFIG, EX_UNAVAILABLE, WorkerConfig
from router_models.errors import ArtifactError, DataError, NativeMissing


#: Seconds for which a thread beside the event loop may keep the interpreter while the
#: loop wants it: by default ten times as long, which customers would wait.
SWITCH_S = 0.0005
#: Keep-alive of idle connections, longer than a proxy's usual 60 s.
KEEP_ALIVE_S = 75


#: What a person must mend before a worker can start: told without a trace.
UNUSABLE = (
    GatewayError, BadFile, VoiceError, DataError, ArtifactError, NativeMissing,
    StoreMisused, ShelfDamaged,
)  # fmt: skip


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling: ours drains first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(handed: WorkerConfig, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    server_config = handed.config.server
    gateway = await Gateway.open(handed.config, handed.visitor_secret)
    server = _Server(
        uvicorn.Config(
            gateway.asgi,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=server_config.max_body_bytes,
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(server_config.drain_s),
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        gateway.begin_drain()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    gc.collect()
    gc.freeze()
    try:
        await server.serve(sockets=[listener])
    finally:
        await gateway.close(server_config.drain_s)


def main(argv: list[str]) -> None:
    """Entry of ``python -m gateway.worker CONFIG FD``."""
    path, fd = argv
    end_with_parent()
    sys.setswitchinterval(SWITCH_S)
    handed = msgspec.json.decode(Path(path).read_bytes(), type=WorkerConfig)
    listener = socket.socket(fileno=int(fd))
    loop_factory = uvicorn.Config(app="", loop="uvloop").get_loop_factory()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(serve(handed, listener))
    except UNUSABLE as exc:
        sys.stderr.write(f"tidegate: {exc}\n")
        sys.exit(EX_CONFIG)
    except StoreUnavailable as exc:
        sys.stderr.write(f"tidegate: no store to work with yet: {exc}\n")
        sys.exit(EX_UNAVAILABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
