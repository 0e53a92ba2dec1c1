"""
The yardstick: a bare Litestar handler that decodes and encodes the same bodies.

It checks nothing, keeps nothing and decides nothing. Served by the same uvicorn
settings as the gateway: ``python -m loadtest.bare FD``.
"""

from __future__ import annotations

import gc
import socket
import sys

import uvicorn
from litestar import Litestar, post

from engines.contract import Citation, Complexity, Decision, Risk, Tier
from gateway.http.wire import MessageIn
from gateway.outcome import MessageOut, ReplyOut


_DECISION = Decision(
    complexity=Complexity.SIMPLE,
    risk=Risk.LOW,
    tier=Tier.L1,
    confidence=0.97,
    intent="shipping_time",
    reasons=("concept:ship_time", "cjk:多久", "cjk:发货"),
    model="router-000000000000",
)
_REPLY = ReplyOut(
    text="现货订单 48 小时内发货，预售商品以页面标注的时间为准。",
    tier=Tier.L1,
    citations=(
        Citation(id="rule:shipping.time", title="发货时间", quote="48 小时内发货"),
    ),
)


@post("/v1/conversations/{conversation_id:str}/messages", status_code=200)
async def post_message(conversation_id: str, data: MessageIn) -> MessageOut:
    """Decode, encode."""
    return MessageOut(
        message_id=data.message_id,
        seq=len(conversation_id),
        status="answered",
        reply=_REPLY,
        decision=_DECISION,
    )


def main() -> None:
    """Serve on an inherited socket until SIGTERM."""
    app = Litestar([post_message], openapi_config=None)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
