"""
What customers think of how they were served: one rating for each episode they rate.
"""

from __future__ import annotations

import hashlib
from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from gateway.errors import NotFound
from gateway.http.customers import KEYED, ConversationPath, CustomerApi, caller
from gateway.http.wire import RatingIn, RatingOut
from gateway.outcome import EventBody, encode
from gateway.telemetry import Telemetry


class RatingController(Controller):
    """A rating is an event of the conversation; nothing answers it."""

    path = "/v1/conversations/{conversation_id:str}/rating"
    tags = ("conversations",)

    @post(
        status_code=201,
        summary="Rate how the customer was served",
        security=[{"bearer": []}],
        opt=KEYED,
    )
    async def rate(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        data: JSONBody[RatingIn],
        api: NamedDependency[CustomerApi],
        telemetry: NamedDependency[Telemetry],
    ) -> RatingOut:
        """
        1 (worst) to 5. The same rating again, with nothing said since, is one
        rating; 404 where nothing was said at all.
        """
        principal = caller(request, api)
        key = principal.conversation_key(conversation_id)
        api.intake.check_rate(principal)
        event = EventBody(
            at_ms=api.wall_ms(), text=data.comment.strip(), score=data.score
        )
        said = hashlib.blake2b(event.text.encode(), digest_size=12).hexdigest()
        fingerprint = f"{data.score}:{said}"
        rated = await api.live.rate(principal.shop, key, fingerprint, encode(event))
        if rated is None:
            raise NotFound("nothing was said in this conversation yet")
        if rated.is_new:
            telemetry.rated(principal.shop, data.score)
        return RatingOut(seq=rated.seq, score=data.score)
