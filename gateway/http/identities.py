"""
The same customer on several channels: links by proof, made and taken back.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from gateway.channels.identity import CODE_LIFE_S, Identity
from gateway.errors import Forbidden, NotFound
from gateway.http.auth import Principal
from gateway.http.customers import KEYED, ConversationPath, CustomerApi, caller
from gateway.http.hooks import ChannelPath
from gateway.http.wire import Id
from gateway.store.identities import Link, Offer


UserPath = Annotated[str, PathParameter(description="The channel's id of the user.")]


class LinkIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Whose conversation a channel's user shall be in.

    Attributes:
        conversation_id / user_id: Of the channel whose key makes the link.
    """

    conversation_id: Id
    user_id: Id


class LinkOut(msgspec.Struct, frozen=True, kw_only=True):
    """A link as it stands."""

    channel: str
    user: str
    conversation: str
    user_id: str
    proof: str
    at_ms: int


class CodeOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer writes on the other channel: "link CODE" or "绑定 CODE"."""

    code: str
    expires_in_s: int


class CodeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer; a visitor's token knows its own."""

    user_id: Id | None = None


class IdentityController(Controller):
    """For the shop's own server, whose key is the proof."""

    path = "/v1/identities/{channel:str}/{user:str}"
    tags = ("identities",)

    @put(summary="Link a channel's user with a conversation of yours",
         security=[{"bearer": []}], opt=KEYED)  # fmt: skip
    async def link(
        self,
        request: Request[Any, Any, Any],
        channel: ChannelPath,
        user: UserPath,
        data: JSONBody[LinkIn],
        api: NamedDependency[CustomerApi],
        identity: NamedDependency[Identity],
    ) -> LinkOut:
        """From now on the user's messages go to that conversation."""
        principal = _shop_server(request, api)
        offer = Offer(
            conversation=principal.conversation_key(data.conversation_id),
            user_id=data.user_id,
        )
        return _out(await identity.put(principal.shop, channel, user, offer, "shop"))

    @get(summary="The link of a channel's user", security=[{"bearer": []}], opt=KEYED)
    async def show(
        self,
        request: Request[Any, Any, Any],
        channel: ChannelPath,
        user: UserPath,
        api: NamedDependency[CustomerApi],
        identity: NamedDependency[Identity],
    ) -> LinkOut:
        """404 if there is none."""
        principal = _shop_server(request, api)
        found = await identity.get(principal.shop, channel, user)
        if found is None:
            raise NotFound("this user is linked with nobody")
        return _out(found)

    @delete(status_code=204, summary="End a link", security=[{"bearer": []}], opt=KEYED)
    async def unlink(
        self,
        request: Request[Any, Any, Any],
        channel: ChannelPath,
        user: UserPath,
        api: NamedDependency[CustomerApi],
        identity: NamedDependency[Identity],
    ) -> None:
        """The user's messages go to their own conversation again; idempotent."""
        principal = _shop_server(request, api)
        await identity.drop(principal.shop, channel, user)


class LinkCodeController(Controller):
    """For a customer who is known here and wants to be known elsewhere."""

    path = "/v1/conversations/{conversation_id:str}/link-codes"
    tags = ("identities",)

    @post(summary="A code that links another channel with this conversation",
          security=[{"bearer": []}], opt=KEYED)  # fmt: skip
    async def offer(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        data: JSONBody[CodeIn],
        api: NamedDependency[CustomerApi],
        identity: NamedDependency[Identity],
    ) -> CodeOut:
        """Good once and for ten minutes."""
        principal = caller(request, api)
        user = principal.user_id or data.user_id
        if user is None:
            raise Forbidden("say whose code it is: user_id")
        principal.check_user(user)
        key = principal.conversation_key(conversation_id)
        code = await identity.offer(principal.shop, key, user)
        return CodeOut(code=code, expires_in_s=CODE_LIFE_S)


def _shop_server(request: Request[Any, Any, Any], api: CustomerApi) -> Principal:
    principal = caller(request, api)
    if principal.user_id is not None:
        raise Forbidden("only the shop's own server may say who is who")
    return principal


def _out(link: Link) -> LinkOut:
    return msgspec.convert(link, LinkOut, from_attributes=True)
