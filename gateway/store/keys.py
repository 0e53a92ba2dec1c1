"""
The only place where a key gets its name.

    {shop:bucket}c:<conversation>                  the conversation (hash)
    {shop:bucket}l:<conversation>                  its log (stream)
    {shop:bucket}d:<conversation>:<channel>:<id>   a message id seen (string, expires)
    {shop:bucket}a:<conversation>                  its actions (hash)
    {shop:bucket}w                                 when a conversation is due (zset)
    {shop:bucket}o                                 outbox (stream)
    {shop:bucket}O                                 who drains the outbox (string)
    {shop:bucket}v                                 when a delivery is due (zset)
    {shop:bucket}A:<state>                         actions by state (zset)
    {shop:bucket}R:<customer>                      how a contact ended (string, expires)
    tg:ev:{shop:bucket}                            wake-ups (publish/subscribe)
    tg:version                                     version of all stored data (string)

A bucket is a hash tag: everything one atomic function touches lies in one slot
of a cluster. Ids are percent-escaped, so that no id can contain ``:``, ``{`` or
``}`` and "a:b" + "c" never meets "a" + "b:c".
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec


#: Buckets of a shop. Changing it moves every conversation: never.
BUCKETS = 256

#: Version of all stored data.
DATA_VERSION = "tg:version"

#: Pattern of all wake-ups.
WAKE_UPS = "tg:ev:*"

#: What needs no escaping; most ids, and ten times faster than to try.
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+", re.ASCII).fullmatch

#: Buckets whose part of the names is kept ready: those of 64 shops.
_CACHED = 64 * BUCKETS
#: Conversations whose names are kept ready from accept to commit.
_IN_WORK = 4096


class ConversationKeys(msgspec.Struct, frozen=True):
    """The keys of one conversation and of the bucket it lies in."""

    name: str
    conversation: str
    log: str
    dedup: str
    due: str
    outbox: str
    actions: str
    channel: str
    deliveries: str


def escape(part: str) -> str:
    """Make *part* safe inside a key; different parts stay different."""
    if _PLAIN(part) is not None:
        return part
    return quote(part, safe="", errors="surrogatepass")


def unescape(part: bytes) -> str:
    """Undo :func:`escape`."""
    return unquote(part.decode("ascii"), errors="surrogatepass")


def bucket_of(conversation: str) -> int:
    """Bucket of a conversation: stable over processes, machines and versions."""
    return zlib.crc32(conversation.encode("utf-8", "surrogatepass")) % BUCKETS


def tag(shop: str, bucket: int) -> str:
    """Hash tag of one bucket of a shop."""
    return f"{{{escape(shop)}:{bucket}}}"


def shop_key(shop: str, *parts: str) -> str:
    """A key of the whole shop, for what is not spread over buckets."""
    return f"{{{escape(shop)}:}}" + ":".join(escape(part) for part in parts)


@lru_cache(_IN_WORK)
def of_conversation(shop: str, conversation: str) -> ConversationKeys:
    """All key names that a function on this conversation may touch."""
    name = escape(conversation)
    at, due, outbox, channel, deliveries = _of_bucket(shop, bucket_of(conversation))
    return ConversationKeys(
        name,
        f"{at}c:{name}",
        f"{at}l:{name}",
        f"{at}d:{name}:",
        due,
        outbox,
        f"{at}a:{name}",
        channel,
        deliveries,
    )


@lru_cache(_CACHED)
def _of_bucket(shop: str, bucket: int) -> tuple[str, str, str, str, str]:
    """The hash tag, and the names that all conversations of a bucket share."""
    at = tag(shop, bucket)
    return at, f"{at}w", f"{at}o", f"tg:ev:{at}", f"{at}v"


def mail(channel: str, message_id: str) -> str:
    """Name of a message inside its conversation."""
    return f"{escape(channel)}:{escape(message_id)}"


def unmail(name: bytes) -> tuple[str, str]:
    """Channel and message id of a name made by :func:`mail`."""
    channel, _, message_id = name.partition(b":")
    return unescape(channel), unescape(message_id)


def line(line_id: str) -> str:
    """Name of an operator's line; no channel can be called ``!``."""
    return f"!:{escape(line_id)}"


def due(shop: str, bucket: int) -> str:
    """When each conversation of a bucket is due."""
    return f"{tag(shop, bucket)}w"


def deliveries(shop: str, bucket: int) -> str:
    """When each conversation of a bucket has something to be pushed."""
    return f"{tag(shop, bucket)}v"


def conversation_prefix(shop: str, bucket: int) -> str:
    """What the conversations of a bucket start with."""
    return f"{tag(shop, bucket)}c:"


def log_prefix(shop: str, bucket: int) -> str:
    """What the logs of a bucket start with."""
    return f"{tag(shop, bucket)}l:"


def actions_prefix(shop: str, bucket: int) -> str:
    """What the action records of a bucket start with."""
    return f"{tag(shop, bucket)}a:"


def outbox(shop: str, bucket: int) -> str:
    """The outbox of a bucket."""
    return f"{tag(shop, bucket)}o"


def outbox_lease(shop: str, bucket: int) -> str:
    """Who drains the outbox of a bucket."""
    return f"{tag(shop, bucket)}O"


def actions_by_state(shop: str, bucket: int, state: str) -> str:
    """Actions of a bucket that stand in *state*, by time of the last move."""
    return f"{tag(shop, bucket)}A:{state}"


def spending(shop: str, user: str, recipe: str) -> str:
    """What one recipe gave a customer lately; of the whole shop for no customer."""
    return f"{tag(shop, bucket_of(user))}s:{escape(recipe)}:{escape(user)}"


def order_hold(shop: str, order_id: str) -> str:
    """Which action works on an order now."""
    return f"{tag(shop, bucket_of(order_id))}O:{escape(order_id)}"


def ending(shop: str, customer: str) -> str:
    """How the last contact of a customer ended, on whatever channel."""
    return f"{tag(shop, bucket_of(customer))}R:{escape(customer)}"


def note(shop: str, conversation: str, turn_id: str) -> str:
    """What a model said in one turn."""
    at = tag(shop, bucket_of(conversation))
    return f"{at}j:{escape(conversation)}:{escape(turn_id)}"


def of_wake_up(channel: bytes) -> tuple[str, int]:
    """Shop and bucket of a wake-up's channel."""
    shop, _, bucket = channel[len(b"tg:ev:{") : -1].rpartition(b":")
    return unescape(shop), int(bucket)
